-- The one row of state that a hop without a domain keeps.
CREATE TABLE passed (
    claim_id uuid PRIMARY KEY,
    passed_at timestamptz NOT NULL DEFAULT now()
);
