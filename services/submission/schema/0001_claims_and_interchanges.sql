-- What submission owns: claims on their way to a payer, the interchanges they went in, and answers.

CREATE TABLE control_number (
    sender      text    NOT NULL,  -- ISA06
    receiver    text    NOT NULL,  -- ISA08
    next_number integer NOT NULL CHECK (next_number BETWEEN 1 AND 1000000000),
    PRIMARY KEY (sender, receiver)
);

CREATE TABLE interchange (
    interchange_id uuid        PRIMARY KEY,
    payer          text        NOT NULL,  -- the profile's name
    kind           text        NOT NULL CHECK (kind IN ('professional', 'institutional', 'dental')),
    sender         text        NOT NULL,
    receiver       text        NOT NULL,
    control_number integer     NOT NULL CHECK (control_number BETWEEN 1 AND 999999999),
    file_name      text        NOT NULL UNIQUE,
    content        bytea       NOT NULL,  -- the bytes that were sent
    claim_count    integer     NOT NULL CHECK (claim_count > 0),
    charge_cents   bigint      NOT NULL,
    state          text        NOT NULL CHECK (state IN (
        'formed',   -- written, not yet with the transport    -> sending
        'sending',  -- staged where the payer cannot see it   -> sent, or held where nobody can tell
        'sent',     -- visible to the payer, and recorded
        'held'      -- it may or may not have been sent: a person decides -> sending, sent
    )),
    envelope_outcome text,                -- of its TA1
    syntax_outcome   text,                -- of its 999
    formed_at      timestamptz NOT NULL,
    sent_at        timestamptz,
    syntax_watched_at     timestamptz,    -- looked for a missing 999, once
    acceptance_watched_at timestamptz,    -- looked for missing 277CA answers, once
    UNIQUE (sender, receiver, control_number),
    CHECK ((state = 'sent') = (sent_at IS NOT NULL))
);
-- Already as small as it gets cheaply: compressing it would cost more than it saves.
ALTER TABLE interchange ALTER COLUMN content SET STORAGE EXTERNAL;
CREATE INDEX interchange_unsent ON interchange (payer, control_number) WHERE state IN ('formed', 'sending');
CREATE INDEX interchange_unwatched ON interchange (sent_at)
    WHERE state = 'sent' AND (syntax_watched_at IS NULL OR acceptance_watched_at IS NULL);

-- Small and often updated: status is in no index, so that its updates stay on their page.
CREATE TABLE claim (
    claim_id       uuid        NOT NULL,
    revision       integer     NOT NULL,
    payer          text        NOT NULL,
    kind           text        NOT NULL,
    status         text        NOT NULL CHECK (status IN (  -- moves: domain/status.py
        'pending', 'unwritable', 'superseded', 'formed', 'sent', 'accepted', 'forwarded',
        'acknowledged', 'refused'
    )),
    patient_control_number text NOT NULL,
    charge_cents   bigint      NOT NULL,
    billing_npi    text,
    coded_event_id uuid        NOT NULL,
    traceparent    text,
    interchange_id uuid        REFERENCES interchange,
    transaction_control_number text,
    payer_claim_control_number text,
    pending_at     timestamptz NOT NULL,
    changed_at     timestamptz NOT NULL,
    PRIMARY KEY (claim_id, revision),
    CHECK (status IN ('pending', 'unwritable', 'superseded') OR interchange_id IS NOT NULL)
) WITH (fillfactor = 70);
CREATE INDEX claim_patient_control_number ON claim (patient_control_number);
CREATE INDEX claim_interchange ON claim (interchange_id, transaction_control_number)
    WHERE interchange_id IS NOT NULL;

-- The claim as coding sent it: written once, spliced into claim.submitted, never parsed by SQL.
CREATE TABLE claim_content (
    claim_id uuid    NOT NULL,
    revision integer NOT NULL,
    content  bytea   NOT NULL,
    PRIMARY KEY (claim_id, revision)
) WITH (toast_tuple_target = 8160);
ALTER TABLE claim_content ALTER COLUMN content SET STORAGE EXTERNAL;

-- The queue of claims that wait for an interchange: rows leave it when theirs is formed.
CREATE TABLE pending_claim (
    payer         text        NOT NULL,
    kind          text        NOT NULL,
    seq           bigint      GENERATED ALWAYS AS IDENTITY,
    claim_id      uuid        NOT NULL,
    revision      integer     NOT NULL,
    content_bytes integer     NOT NULL,
    pending_at    timestamptz NOT NULL,
    PRIMARY KEY (payer, kind, seq),
    UNIQUE (claim_id, revision)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

-- Every answer, also one that relates to nothing we sent.
CREATE TABLE acknowledgement (
    event_id       uuid        NOT NULL,  -- the payer's message
    part           integer     NOT NULL,  -- which part of it was decided on at once
    position       integer     NOT NULL,  -- which answer of that part
    payer          text,                  -- whose mailbox it came from
    transaction    text        NOT NULL CHECK (transaction IN ('TA1', '999', '277CA', '277')),
    outcome        text        NOT NULL,
    relates_to     text        NOT NULL CHECK (relates_to IN ('claim', 'interchange', 'nothing', 'several')),
    interchange_id uuid,
    claim_id       uuid,
    revision       integer,
    has_moved_claim boolean    NOT NULL,  -- false for a late, repeated or contradicting answer
    control_number text,
    status_codes   text[]      NOT NULL,
    received_at    timestamptz NOT NULL,
    PRIMARY KEY (event_id, part, position)
);
CREATE INDEX acknowledgement_claim ON acknowledgement (claim_id) WHERE claim_id IS NOT NULL;
CREATE INDEX acknowledgement_unrelated ON acknowledgement (received_at)
    WHERE relates_to IN ('nothing', 'several');

-- Files taken from mailboxes: the same bytes again are the same message.
CREATE TABLE mailbox_message (
    message_id uuid        PRIMARY KEY,
    payer      text        NOT NULL,
    file_name  text        NOT NULL,
    size_bytes bigint      NOT NULL,
    taken_at   timestamptz NOT NULL
);

-- The worklist of answers that have not come.
CREATE TABLE overdue (
    claim_id uuid        NOT NULL,
    revision integer     NOT NULL,
    expected text        NOT NULL CHECK (expected IN ('999', '277CA', '835')),
    due_at   timestamptz NOT NULL,
    found_at timestamptz NOT NULL,
    PRIMARY KEY (claim_id, revision, expected)
);
