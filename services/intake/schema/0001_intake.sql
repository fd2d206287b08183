-- The newest revision of each claim that was let in. One row a claim, for life.
CREATE TABLE claim (
    claim_id uuid PRIMARY KEY,
    revision integer NOT NULL CHECK (revision > 0),
    fingerprint bytea NOT NULL CHECK (length(fingerprint) = 32),
    frequency text NOT NULL,
    -- received: let in; voided: its newest revision asks the payer to void it (frequency 8)
    status text NOT NULL
        GENERATED ALWAYS AS (CASE frequency WHEN '8' THEN 'voided' ELSE 'received' END) STORED,
    source text NOT NULL,
    message_id uuid NOT NULL,  -- of the newest revision
    position integer NOT NULL,
    received_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

-- The tally of each message. It is complete when records = accepted + duplicated + rejected.
CREATE TABLE message (
    message_id uuid PRIMARY KEY,
    source text NOT NULL,
    format text,
    accepted integer NOT NULL DEFAULT 0,
    duplicated integer NOT NULL DEFAULT 0,
    rejected integer NOT NULL DEFAULT 0,
    records integer NOT NULL DEFAULT 0,
    received_at timestamptz NOT NULL DEFAULT now()
);
