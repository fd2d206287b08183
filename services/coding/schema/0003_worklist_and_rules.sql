-- What a person has made of a claim, and whose revision is which.
ALTER TABLE claim
    ADD COLUMN received_revision integer,  -- the hospital's last; `revision` is what went out last
    ADD COLUMN edited bytea,               -- the claim as a person corrected it, while that stands
    ADD COLUMN payer_claim_control_number text,  -- once a payer has adjudicated it
    DROP CONSTRAINT claim_status_check,
    -- held, refused, denied -> coded    a person fixed or released it
    -- held, refused, denied -> held     a person's correction leaves something that blocks
    --               denied  -> voided   a void is on its way to the payer
    -- held, refused, denied -> returned it is the hospital's turn  -> coded | held (newer revision)
    ADD CONSTRAINT claim_status_check
        CHECK (status IN ('coded', 'held', 'refused', 'denied', 'returned', 'voided'));

-- A worklist entry is open until it has a resolution. `version` counts its changes: a change must
-- say which version it changes.
ALTER TABLE worklist
    ADD COLUMN version integer NOT NULL DEFAULT 1,
    ADD COLUMN payer_identifier text,
    ADD COLUMN at_stake_cents bigint NOT NULL DEFAULT 0,
    ADD COLUMN due_on date,
    ADD COLUMN assigned_to text,
    ADD COLUMN traceparent text,
    ADD COLUMN line_reasons jsonb,         -- why a payer denied, by line control number
    ADD COLUMN resolution text CHECK (resolution IN
        ('fixed', 'released', 'voided', 'returned', 'dismissed', 'superseded'));
UPDATE worklist SET resolution = 'superseded' WHERE closed_at IS NOT NULL;
ALTER TABLE worklist
    ADD CONSTRAINT worklist_closed_with_a_resolution
        CHECK ((closed_at IS NULL) = (resolution IS NULL));
CREATE INDEX worklist_claim ON worklist (claim_id);

-- Who did what to an entry, when and why: the record of every override. Rows are never changed.
CREATE TABLE worklist_action (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid NOT NULL REFERENCES worklist,
    at timestamptz NOT NULL,
    actor text NOT NULL,           -- whom the API key speaks for, and its id
    action text NOT NULL CHECK (action IN
        ('assign', 'note', 'fix', 'release', 'void', 'return', 'dismiss')),
    revision integer NOT NULL,     -- that the action was about, or made
    text text,                     -- a note, a reason, a name
    patch jsonb                    -- of a fix
);
CREATE INDEX worklist_action_entry ON worklist_action (event_id);

-- Versions of claims that a person worked on: what it was before, and what was made of it.
CREATE TABLE claim_revision (
    claim_id uuid NOT NULL,
    revision integer NOT NULL,
    author text NOT NULL,          -- `hospital`, or who acted
    at timestamptz NOT NULL,
    claim bytea NOT NULL,
    PRIMARY KEY (claim_id, revision)
);

-- Every verdict: by what it was judged, and the proof over all of it.
CREATE TABLE verdict (
    event_id uuid PRIMARY KEY,     -- the claim.coded or claim.held that says it
    claim_id uuid NOT NULL,
    revision integer NOT NULL,
    judged_on date NOT NULL,
    ruleset text NOT NULL,
    history jsonb,                 -- what else the patient had on the claim's days; NULL: nothing
    proof bytea NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX verdict_claim ON verdict (claim_id);

-- Payer rules that have judged, by the name of their content. Kept for ever.
CREATE TABLE payer_ruleset (
    version text PRIMARY KEY,
    content text NOT NULL,
    first_used_at timestamptz NOT NULL DEFAULT now()
);

-- What the topic rules.payer says of each pack: the newest published, and the active one. The
-- newest by `at` stays; a NULL content says that it was withdrawn, or refused and why.
CREATE TABLE payer_pack (
    pack text NOT NULL,
    state text NOT NULL CHECK (state IN ('published', 'active')),
    at timestamptz NOT NULL,
    by text NOT NULL,
    content text,
    content_hash text,
    refusal text,
    PRIMARY KEY (pack, state)
);

-- One row once the topic was read to its end for the first time: before, no claim is judged.
CREATE TABLE payer_rules_read (at timestamptz NOT NULL);
