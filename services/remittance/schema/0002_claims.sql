-- What is known of claims and remittances. These rows change; the ledger says what is true, and the
-- audit holds these balances against it.

-- One row per patient control number (as a hash): what the events of one patient account lock, also
-- before any claim of theirs is known, so that a claim and its 835 cannot miss each other.
CREATE TABLE patient_account (
    id uuid PRIMARY KEY
);

CREATE TABLE claim (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    revision integer NOT NULL,
    patient_control_number text NOT NULL,
    payer_identifier text NOT NULL,
    payer_claim_control_number text,
    -- registered -> paid | partly_paid | denied -> reversed -> paid | partly_paid | denied
    status text NOT NULL CHECK (status IN (
        'registered', 'paid', 'partly_paid', 'denied', 'reversed')),
    charge_cents bigint NOT NULL,
    paid_cents bigint NOT NULL,
    contractual_cents bigint NOT NULL,
    patient_cents bigint NOT NULL,
    other_cents bigint NOT NULL,
    denied_cents bigint NOT NULL,
    receivable_cents bigint NOT NULL GENERATED ALWAYS AS (
        charge_cents - paid_cents - contractual_cents - patient_cents - other_cents - denied_cents
    ) STORED,
    charge_entry uuid,
    charge_revision integer NOT NULL,
    lines json NOT NULL,
    line_control_numbers text[] NOT NULL,
    standing json NOT NULL,
    traceparent text,
    updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 75);
CREATE INDEX claim_of_account ON claim (account_id);
CREATE INDEX claim_of_payer_number ON claim (payer_claim_control_number)
    WHERE payer_claim_control_number IS NOT NULL;
CREATE INDEX claim_of_line ON claim USING gin (line_control_numbers);

CREATE TABLE remittance (
    id uuid PRIMARY KEY,
    payer_identifier text NOT NULL,
    payer_name text,
    trace_number text,
    amount_cents bigint NOT NULL,
    method text,
    payment_date date,
    content_hash bytea NOT NULL,
    -- accepted: its cash is in the ledger. held -> accepted by a person.
    status text NOT NULL CHECK (status IN ('accepted', 'held')),
    difference_cents bigint NOT NULL,
    read_event uuid NOT NULL,
    claims integer NOT NULL,
    posted integer NOT NULL DEFAULT 0,
    quarantined integer NOT NULL DEFAULT 0,
    unmatched integer NOT NULL DEFAULT 0,
    read_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
CREATE INDEX remittance_of_trace ON remittance (payer_identifier, trace_number, read_at);

CREATE TABLE remittance_claim (
    remittance_id uuid NOT NULL,
    position integer NOT NULL,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    account_id uuid NOT NULL,
    claim_id uuid,
    -- unmatched, waiting -> posted, by themselves. quarantined, held -> posted, by a person.
    -- noted: moves no money.
    state text NOT NULL CHECK (state IN (
        'posted', 'unmatched', 'waiting', 'quarantined', 'held', 'noted')),
    status text NOT NULL,
    charge_cents bigint NOT NULL,
    paid_cents bigint NOT NULL,
    difference_cents bigint NOT NULL,
    findings json NOT NULL,
    content json NOT NULL,
    read_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (remittance_id, position)
);
CREATE INDEX remittance_claim_waiting ON remittance_claim (account_id, seq)
    WHERE state IN ('unmatched', 'waiting');
CREATE INDEX remittance_claim_of_claim ON remittance_claim (claim_id) WHERE claim_id IS NOT NULL;
