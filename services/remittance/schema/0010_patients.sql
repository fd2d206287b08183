-- What patients owe and are told. The ledger says what is true: a row here is what was last said of
-- it, so that a change is seen, a deadline is found, and nothing is said or sent twice.

CREATE TABLE patient_balance (
    account_id uuid PRIMARY KEY,
    version integer NOT NULL,
    share_cents bigint NOT NULL,
    paid_cents bigint NOT NULL,
    billable_cents bigint NOT NULL,
    credit_cents bigint NOT NULL,
    refunds_due_cents bigint NOT NULL,
    digest bytea NOT NULL,
    fingerprint bytea NOT NULL,
    billed bytea,
    credit_since date,
    refund_due_on date,
    statement_due_on date,
    last_posted_on date,
    is_settled boolean NOT NULL,
    updated_at timestamptz NOT NULL
) WITH (fillfactor = 75);
CREATE INDEX patient_balance_statement_due ON patient_balance (statement_due_on, account_id)
    WHERE statement_due_on IS NOT NULL;
CREATE INDEX patient_balance_settled_credit ON patient_balance (account_id)
    WHERE credit_cents > 0 AND is_settled;
CREATE INDEX patient_balance_refund_due ON patient_balance (refund_due_on, account_id)
    WHERE refund_due_on IS NOT NULL;

-- A bill as it was made. Its id is random: it stands in addresses and tells of nobody.
CREATE TABLE statement (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    -- ready <-> held by a person (held -> ready only by one); both -> superseded
    status text NOT NULL CHECK (status IN ('ready', 'held', 'superseded')),
    fingerprint bytea NOT NULL,
    language text NOT NULL CHECK (language IN ('en', 'es')),
    amount_due_cents bigint NOT NULL CHECK (amount_due_cents > 0),
    content json NOT NULL,
    findings json NOT NULL,
    made_on date NOT NULL,
    due_on date NOT NULL,
    version integer NOT NULL,
    made_at timestamptz NOT NULL
);
CREATE INDEX statement_of_account ON statement (account_id, made_at);
CREATE INDEX statement_of_status ON statement (status, made_at, id);
-- Of one account one bill is current.
CREATE UNIQUE INDEX statement_current ON statement (account_id) WHERE status <> 'superseded';

CREATE TABLE statement_action (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    statement_id uuid NOT NULL,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL CHECK (action IN ('made', 'hold', 'release', 'link', 'opened')),
    reason text
);
CREATE INDEX statement_action_of ON statement_action (statement_id, id);

-- One-time links, by the hash of their token.
CREATE TABLE statement_link (
    token_hash bytea PRIMARY KEY,
    statement_id uuid NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);

-- Good-faith estimates: what a patient was told to expect to pay. The newest counts.
CREATE TABLE estimate (
    account_id uuid NOT NULL,
    reference text NOT NULL,
    amount_cents bigint NOT NULL CHECK (amount_cents >= 0),
    given_on date NOT NULL,
    loaded_by text NOT NULL,
    loaded_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, reference)
);
