-- The newest revision of each claim, as it was received: what a person needs to see and fix it.
-- Values stay in line and uncompressed up to a page.
CREATE TABLE claim (
    claim_id uuid PRIMARY KEY,
    revision integer NOT NULL CHECK (revision > 0),
    -- coded    nothing blocks; on its way to the payer     -> refused | denied | coded, held (newer)
    -- held     a finding blocks                             -> coded | held (newer revision)
    -- refused  a payer took it not into adjudication        -> coded | held (newer revision)
    -- denied   a payer adjudicated and denied it            -> coded | held (newer revision)
    status text NOT NULL CHECK (status IN ('coded', 'held', 'refused', 'denied')),
    ruleset text,         -- that judged this revision; NULL where it never passed here
    received bytea,       -- data of the newest claim.received, as it came
    received_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
) WITH (toast_tuple_target = 8160);

-- What needs a person: held here, refused or denied by a payer. Closed when a newer revision comes.
CREATE TABLE worklist (
    event_id uuid PRIMARY KEY,  -- the event that opened it
    claim_id uuid NOT NULL,
    revision integer NOT NULL,
    reason text NOT NULL CHECK (reason IN ('held', 'refused', 'denied')),
    findings jsonb NOT NULL,
    opened_at timestamptz NOT NULL,
    closed_at timestamptz
);
CREATE INDEX worklist_open_claim ON worklist (claim_id) WHERE closed_at IS NULL;
CREATE INDEX worklist_open_age ON worklist (opened_at) WHERE closed_at IS NULL;
