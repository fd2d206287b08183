-- What people decided about interchanges: never changed, never deleted.
CREATE TABLE interchange_decision (
    seq            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    interchange_id uuid        NOT NULL REFERENCES interchange,
    action         text        NOT NULL CHECK (action IN ('hold', 'release', 'resend', 'confirm')),
    decided_by     text        NOT NULL,  -- an API key's id, or the login of who typed the command
    decided_at     timestamptz NOT NULL
);
CREATE INDEX interchange_decision_of ON interchange_decision (interchange_id);
CREATE INDEX interchange_held ON interchange (payer) WHERE state = 'held';
CREATE INDEX interchange_formed ON interchange (formed_at, interchange_id);
