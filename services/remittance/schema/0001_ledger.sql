-- The ledger. Its rules are kept here and not only in code: the legs of an entry sum to zero, an
-- entry is whole or absent, nothing is ever changed, a fact is posted once, and a patient owes only
-- what a payer put in group PR.
--
-- legs carry no foreign keys: the checks below join a whole statement's legs to their entries and
-- accounts at once, and a foreign key would ask for the right to lock rows that nobody may change.
-- Their plans are held to index look-ups: a batch costs the same however large the ledger is, and on
-- the first day too, when no statistics are there yet.

CREATE TABLE account (
    id uuid PRIMARY KEY,
    code text NOT NULL UNIQUE,
    kind text NOT NULL CHECK (kind IN (
        'payer_receivable', 'patient_receivable', 'revenue', 'contractual_allowance',
        'denied_pending', 'other_adjustment', 'cash_clearing', 'unapplied_cash',
        'provider_adjustment')),
    payer_identifier text,
    trace_number text,
    reason text,
    opened_at timestamptz NOT NULL
);

CREATE TABLE entry (
    id uuid PRIMARY KEY,
    business_key text NOT NULL UNIQUE,
    kind text NOT NULL CHECK (kind IN (
        'charge', 'payment', 'contractual', 'denial', 'other_adjustment',
        'patient_responsibility', 'remittance')),
    claim_id uuid,
    remittance_id uuid,
    adjustment_group text,
    adjustment_reason text,
    reverses uuid,
    posted_on date NOT NULL,
    leg_count smallint NOT NULL CHECK (leg_count >= 2),
    created_at timestamptz NOT NULL,
    CONSTRAINT entry_patient_only_by_pr CHECK (
        (kind = 'patient_responsibility') = (adjustment_group IS NOT DISTINCT FROM 'PR')),
    CONSTRAINT entry_claim CHECK ((kind = 'remittance') = (claim_id IS NULL)),
    CONSTRAINT entry_remittance CHECK ((kind = 'charge') = (remittance_id IS NULL))
);
CREATE INDEX entry_of_claim ON entry (claim_id) WHERE claim_id IS NOT NULL;

CREATE TABLE leg (
    entry_id uuid NOT NULL,
    position smallint NOT NULL,
    account_id uuid NOT NULL,
    amount_cents bigint NOT NULL CHECK (amount_cents <> 0),
    line smallint,
    PRIMARY KEY (entry_id, position)
);

-- All legs of an entry come in one statement. Their positions are 0 to leg_count - 1, so that a
-- later one finds no place left: the primary key refuses it, or this does.
CREATE FUNCTION legs_are_whole() RETURNS trigger LANGUAGE plpgsql
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
        AND entry.kind <> 'patient_responsibility'
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % debits a patient without group PR', wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = 'leg_patient_only_by_pr';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER legs_are_whole AFTER INSERT ON leg
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION legs_are_whole();

-- An entry and its legs come in one statement (a common table expression): no entry without legs.
CREATE FUNCTION entries_have_legs() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE wrong uuid;
BEGIN
    SELECT added.id INTO wrong FROM added
    WHERE NOT EXISTS (SELECT FROM leg WHERE leg.entry_id = added.id AND leg.position = 0)
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % came without its legs', wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_has_legs';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER entries_have_legs AFTER INSERT ON entry
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION entries_have_legs();

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is never changed: post a reversal (%, %)', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'ledger_immutable';
END $$;

CREATE TRIGGER account_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON account
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER entry_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER leg_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON leg
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

REVOKE UPDATE, DELETE, TRUNCATE ON account, entry, leg FROM CURRENT_USER;
