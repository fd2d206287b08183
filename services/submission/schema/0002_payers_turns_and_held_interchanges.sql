-- A claim goes to its payers one after the other: what was one row for a revision is one for each
-- payer's turn (SBR01: P, S, T, ...). And what is known of an interchange that people decide on, of a
-- payer's channel, of 276 questions, and of limits for timely filing.

ALTER TABLE pending_claim DROP CONSTRAINT pending_claim_claim_id_revision_key;
ALTER TABLE claim DROP CONSTRAINT claim_pkey;
ALTER TABLE claim_content DROP CONSTRAINT claim_content_pkey;
ALTER TABLE overdue DROP CONSTRAINT overdue_pkey;
ALTER TABLE claim ADD COLUMN payer_sequence text NOT NULL DEFAULT 'P';
ALTER TABLE claim_content ADD COLUMN payer_sequence text NOT NULL DEFAULT 'P';
ALTER TABLE pending_claim ADD COLUMN payer_sequence text NOT NULL DEFAULT 'P';
ALTER TABLE overdue ADD COLUMN payer_sequence text NOT NULL DEFAULT 'P';
ALTER TABLE claim ADD PRIMARY KEY (claim_id, revision, payer_sequence);
ALTER TABLE claim_content ADD PRIMARY KEY (claim_id, revision, payer_sequence);
ALTER TABLE pending_claim ADD UNIQUE (claim_id, revision, payer_sequence);
ALTER TABLE overdue ADD PRIMARY KEY (claim_id, revision, payer_sequence, expected);
ALTER TABLE overdue ADD COLUMN settled_at timestamptz;  -- the answer came after all, or another did

ALTER TABLE claim DROP CONSTRAINT claim_status_check;
ALTER TABLE claim ADD CONSTRAINT claim_status_check CHECK (status IN (  -- moves: domain/status.py
    'pending', 'unwritable', 'superseded', 'formed', 'sent', 'accepted', 'forwarded',
    'acknowledged', 'refused', 'adjudicated'
));
ALTER TABLE claim ADD COLUMN payer_identifier text;             -- NM109 of 2010BB
ALTER TABLE claim ADD COLUMN findings jsonb;                    -- why it is unwritable
ALTER TABLE claim ADD COLUMN filing_from date;                  -- where timely filing counts from
ALTER TABLE claim ADD COLUMN filing_next_at timestamptz;        -- next look at the countdown
ALTER TABLE claim ADD COLUMN filing_percent_left smallint;      -- the last that was said
ALTER TABLE claim ADD COLUMN inquiries smallint NOT NULL DEFAULT 0;
ALTER TABLE claim ADD COLUMN inquire_at timestamptz;            -- when to ask by a 276
CREATE INDEX claim_filing ON claim (payer, filing_next_at) WHERE filing_next_at IS NOT NULL;
CREATE INDEX claim_inquiry ON claim (payer, inquire_at) WHERE inquire_at IS NOT NULL;

ALTER TABLE acknowledgement ADD COLUMN payer_sequence text;
ALTER TABLE acknowledgement ADD COLUMN findings jsonb;
ALTER TABLE acknowledgement ADD COLUMN path text;               -- where in the answer: HL[5]/2200D

ALTER TABLE interchange DROP CONSTRAINT interchange_kind_check;
ALTER TABLE interchange ADD CONSTRAINT interchange_kind_check CHECK (kind IN (
    'professional', 'institutional', 'dental',
    'inquiry'                                                   -- a 276
));
ALTER TABLE interchange ADD COLUMN is_sealed boolean NOT NULL DEFAULT false;  -- content is encrypted
ALTER TABLE interchange ADD COLUMN sendings integer NOT NULL DEFAULT 0;       -- times handed over
ALTER TABLE interchange ADD COLUMN submitted_at timestamptz;    -- claim.submitted was said, once
ALTER TABLE interchange ADD COLUMN held_from text CHECK (held_from IN ('formed', 'sending'));
ALTER TABLE interchange ADD COLUMN hold jsonb;                  -- the finding: why a person must decide
ALTER TABLE interchange ADD COLUMN is_confirmed boolean NOT NULL DEFAULT false;  -- a person: payer has it
ALTER TABLE interchange ADD COLUMN payment_watched_at timestamptz;  -- looked for missing 835s, once
UPDATE interchange SET sendings = 1, submitted_at = sent_at WHERE state = 'sent';
UPDATE interchange SET held_from = 'sending' WHERE state = 'held';
ALTER TABLE interchange ADD CONSTRAINT interchange_held_check
    CHECK (state <> 'held' OR held_from IS NOT NULL);
CREATE INDEX interchange_unpaid ON interchange (payer, sent_at)
    WHERE state = 'sent' AND payment_watched_at IS NULL;

-- What is known of the way to a payer, by whichever process was there last.
CREATE TABLE payer_channel (
    payer        text        PRIMARY KEY,
    failures     integer     NOT NULL DEFAULT 0,   -- in a row; 0: the circuit is closed
    retry_at     timestamptz,                      -- open until then
    failed_at    timestamptz,
    error        text,                             -- a stable code
    contact_at   timestamptz,                      -- last time that the payer was reached
    last_sent_at timestamptz                       -- what pacing counts from
);

-- Questions to a payer: one claim of one 276 each. The 277 echoes the trace.
CREATE TABLE inquiry (
    trace          text        PRIMARY KEY,        -- TRN02
    claim_id       uuid        NOT NULL,
    revision       integer     NOT NULL,
    payer_sequence text        NOT NULL,
    interchange_id uuid        NOT NULL REFERENCES interchange,
    asked_at       timestamptz NOT NULL,
    answered_at    timestamptz
);
CREATE INDEX inquiry_claim ON inquiry (claim_id);
