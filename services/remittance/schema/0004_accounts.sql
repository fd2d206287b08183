-- The whole chart of accounts, the claim's way from payer to payer, and what a person decides.

ALTER TABLE account ADD COLUMN holder text;
ALTER TABLE account DROP CONSTRAINT account_kind_check, ADD CONSTRAINT account_kind_check CHECK (
    kind IN (
        'payer_receivable', 'patient_receivable', 'patient_payment', 'refunds_due', 'revenue',
        'contractual_allowance', 'write_off', 'denied_pending', 'other_adjustment',
        'cash_clearing', 'unapplied_cash', 'patient_cash', 'bank', 'unidentified_deposit',
        'recoupment', 'forwarding_balance', 'interest', 'provider_adjustment'));
CREATE INDEX account_of_holder ON account (holder) WHERE holder IS NOT NULL;
CREATE INDEX account_of_kind ON account (kind, payer_identifier);

ALTER TABLE entry DROP CONSTRAINT entry_kind_check, ADD CONSTRAINT entry_kind_check CHECK (
    kind IN (
        'charge', 'payment', 'contractual', 'denial', 'other_adjustment',
        'patient_responsibility', 'crossover', 'write_off', 'patient_payment', 'refund_due',
        'refund', 'deposit', 'reconciliation', 'remittance'));
ALTER TABLE entry DROP CONSTRAINT entry_patient_only_by_pr, ADD CONSTRAINT entry_patient_only_by_pr
    CHECK (CASE
        WHEN kind = 'patient_responsibility' THEN adjustment_group IS NOT DISTINCT FROM 'PR'
        WHEN kind IN ('crossover', 'write_off') THEN true
        ELSE adjustment_group IS DISTINCT FROM 'PR' END);
-- Entries of an adjudication name claim and remittance, a charge its claim, a remittance itself.
ALTER TABLE entry DROP CONSTRAINT entry_claim, ADD CONSTRAINT entry_claim CHECK (CASE
    WHEN kind IN ('charge', 'payment', 'contractual', 'denial', 'other_adjustment',
                  'patient_responsibility', 'crossover', 'write_off') THEN claim_id IS NOT NULL
    WHEN kind IN ('remittance', 'deposit', 'reconciliation') THEN claim_id IS NULL
    ELSE true END);
ALTER TABLE entry DROP CONSTRAINT entry_remittance, ADD CONSTRAINT entry_remittance CHECK (CASE
    WHEN kind IN ('payment', 'contractual', 'denial', 'other_adjustment',
                  'patient_responsibility', 'crossover', 'remittance', 'reconciliation')
        THEN remittance_id IS NOT NULL
    WHEN kind IN ('charge', 'write_off', 'patient_payment', 'deposit') THEN remittance_id IS NULL
    ELSE true END);
-- A listing of an account, and of a day.
CREATE INDEX leg_of_account ON leg (account_id, entry_id);
CREATE INDEX entry_of_day ON entry USING brin (posted_on);

-- As in 0001, but for the last rule: it is the group that lets a patient be debited, so that what
-- the next payer was asked for first can come back to where group PR had put it.
CREATE OR REPLACE FUNCTION legs_are_whole() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE wrong uuid;
BEGIN
    SELECT summed.entry_id INTO wrong
    FROM (
        SELECT entry_id, sum(amount_cents) AS total, count(*) AS legs,
               min(position) AS first, max(position) AS last
        FROM added GROUP BY entry_id
    ) AS summed
    LEFT JOIN entry ON entry.id = summed.entry_id
    WHERE entry.id IS NULL OR summed.total <> 0 OR summed.legs <> entry.leg_count
        OR summed.first <> 0 OR summed.last <> entry.leg_count - 1
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the legs of entry % are not whole or do not sum to zero', wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = 'leg_sum_zero';
    END IF;
    SELECT added.entry_id INTO wrong
    FROM added
    JOIN entry ON entry.id = added.entry_id
    LEFT JOIN account ON account.id = added.account_id
    WHERE account.id IS NULL
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'a leg of entry % has no account', wrong
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'leg_account';
    END IF;
    SELECT added.entry_id INTO wrong
    FROM added
    JOIN entry ON entry.id = added.entry_id
    JOIN account ON account.id = added.account_id
    WHERE account.kind = 'patient_receivable' AND added.amount_cents > 0
        AND entry.adjustment_group IS DISTINCT FROM 'PR'
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % debits a patient without group PR', wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = 'leg_patient_only_by_pr';
    END IF;
    RETURN NULL;
END $$;

-- A claim: what a person wrote off of it, which payers still come after, and who owes it now.
ALTER TABLE claim
    ADD COLUMN written_off_cents bigint NOT NULL DEFAULT 0,
    ADD COLUMN owing_payer text,
    ADD COLUMN payer_sequence text NOT NULL DEFAULT 'P',
    ADD COLUMN next_payers text[] NOT NULL DEFAULT '{}',
    ADD COLUMN accepted_at timestamptz,
    DROP COLUMN receivable_cents;
ALTER TABLE claim ADD COLUMN receivable_cents bigint NOT NULL GENERATED ALWAYS AS (
    charge_cents - paid_cents - contractual_cents - patient_cents - other_cents - denied_cents
    - written_off_cents
) STORED;

-- The claim as it was sent, for what only the whole of it can tell: the next payer's claim, an
-- appeal, an extract, and which claim a payer means that mangled every number. Written once a
-- revision, so that posting does not write it again.
CREATE TABLE claim_document (
    claim_id uuid PRIMARY KEY,
    revision integer NOT NULL,
    payer_identifier text NOT NULL,
    charge_cents bigint NOT NULL,
    member_identifier text,
    service_from date,
    content json NOT NULL
);
CREATE INDEX claim_document_of_charge ON claim_document (charge_cents, service_from);
CREATE INDEX claim_document_of_member ON claim_document (member_identifier)
    WHERE member_identifier IS NOT NULL;

-- A remittance that a person rejected posts nothing. `provider_adjustments` are its PLBs, kept so
-- that accepting it later needs no file.
ALTER TABLE remittance DROP CONSTRAINT remittance_status_check, ADD CONSTRAINT
    remittance_status_check CHECK (status IN ('accepted', 'held', 'rejected'));
ALTER TABLE remittance
    ADD COLUMN provider_adjustments json NOT NULL DEFAULT '[]',
    ADD COLUMN is_debit boolean NOT NULL DEFAULT false,
    ADD COLUMN findings json NOT NULL DEFAULT '[]',
    ADD COLUMN payee_identifier text,
    ADD COLUMN decided_by text,
    ADD COLUMN decided_at timestamptz,
    ADD COLUMN note text;
CREATE INDEX remittance_of_status ON remittance (status, read_at) WHERE status <> 'accepted';

-- rejected: closed without posting. returned: what was paid for it goes back to the payer.
ALTER TABLE remittance_claim DROP CONSTRAINT remittance_claim_state_check, ADD CONSTRAINT
    remittance_claim_state_check CHECK (state IN (
        'posted', 'unmatched', 'waiting', 'quarantined', 'held', 'noted', 'rejected', 'returned'));
ALTER TABLE remittance_claim
    ADD COLUMN meant_claim_id uuid,
    ADD COLUMN decided_by text,
    ADD COLUMN decided_at timestamptz,
    ADD COLUMN note text;
CREATE INDEX remittance_claim_open ON remittance_claim (state, seq)
    WHERE state IN ('unmatched', 'waiting', 'quarantined', 'held');
CREATE INDEX remittance_claim_held ON remittance_claim (remittance_id, position)
    WHERE state = 'held';

-- What a bank says came in. unmatched -> reconciled, by its trace number.
CREATE TABLE deposit (
    id uuid PRIMARY KEY,
    trace_number text NOT NULL,
    amount_cents bigint NOT NULL,
    deposited_on date NOT NULL,
    payer_name text,
    state text NOT NULL CHECK (state IN ('unmatched', 'reconciled')),
    remittance_id uuid,
    imported_at timestamptz NOT NULL
);
CREATE INDEX deposit_of_trace ON deposit (trace_number);
CREATE INDEX remittance_by_trace ON remittance (trace_number);
CREATE INDEX deposit_unmatched ON deposit (deposited_on) WHERE state = 'unmatched';
CREATE UNIQUE INDEX deposit_of_remittance ON deposit (remittance_id)
    WHERE remittance_id IS NOT NULL;

-- Work on denials. open -> appealed | corrected | closed by a person; -> reversed, paid by posting.
CREATE TABLE denial (
    claim_id uuid NOT NULL,
    remittance_id uuid NOT NULL,
    position integer NOT NULL,
    number smallint NOT NULL,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    payer_identifier text NOT NULL,
    adjustment_group text NOT NULL,
    reason text NOT NULL,
    remarks text[] NOT NULL,
    line smallint,
    amount_cents bigint NOT NULL,
    kind text NOT NULL,
    next_step text NOT NULL,
    is_final boolean NOT NULL,
    due_on date,
    state text NOT NULL CHECK (state IN (
        'open', 'appealed', 'corrected', 'closed', 'reversed', 'written_off')),
    denied_on date NOT NULL,
    decided_by text,
    decided_at timestamptz,
    note text,
    PRIMARY KEY (remittance_id, position, claim_id, number)
);
CREATE INDEX denial_of_claim ON denial (claim_id);
CREATE INDEX denial_open ON denial (state, due_on) WHERE state IN ('open', 'appealed');

-- What a payer allowed beside what its loaded fee schedule says, where they differ.
CREATE TABLE fee (
    payer_identifier text NOT NULL,
    code text NOT NULL,
    modifier text NOT NULL DEFAULT '',
    effective_from date NOT NULL,
    effective_through date,
    amount_cents bigint NOT NULL CHECK (amount_cents >= 0),
    PRIMARY KEY (payer_identifier, code, modifier, effective_from)
);
