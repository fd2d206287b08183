-- What came over HTTP, and what became of each of its records: kept for ever, so that the same
-- request is answered the same way whenever it comes again. Nothing here tells of a patient.
CREATE TABLE submission (
    submission_id uuid PRIMARY KEY,  -- the message's id
    source text NOT NULL,
    content_hash bytea NOT NULL CHECK (length(content_hash) = 32),
    size_bytes bigint NOT NULL,  -- once decompressed
    is_handed_over boolean NOT NULL,  -- read from the blob store, by way of claims.inbound
    received_at timestamptz NOT NULL DEFAULT now()
);

-- outcome: accepted, duplicated or rejected, as in the message's tally.
CREATE TABLE submission_record (
    submission_id uuid NOT NULL,
    position integer NOT NULL,
    outcome text NOT NULL,
    claim_id uuid,
    revision integer,
    findings bytea NOT NULL,  -- JSON
    PRIMARY KEY (submission_id, position)
);
