-- Encounters: what came of each so far, until a claim can be made of it, and after. One row an
-- account of a source, for life.
CREATE TABLE encounter (
    encounter_id uuid PRIMARY KEY,  -- also its claim's id
    source text NOT NULL,
    -- open      gathering                                       -> complete, billed, merged
    -- complete  the claim was refused by the rules of the door  -> billed, merged
    -- billed    a claim was made
    -- merged    its account goes on as another. Final.
    status text NOT NULL CHECK (status IN ('open', 'complete', 'billed', 'merged')),
    medical_record_number text,
    merged_into uuid,
    due_at timestamptz,  -- when time alone makes something of it; NULL where only news can
    encounter json NOT NULL,  -- the whole, as the domain's model writes it
    updated_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((status = 'merged') = (merged_into IS NOT NULL))
);
CREATE INDEX encounter_due_at ON encounter (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX encounter_patient ON encounter (source, medical_record_number)
    WHERE status IN ('open', 'complete');

-- Record numbers that go on as others (A40): what comes later under the old number finds the new.
CREATE TABLE patient_merge (
    patient_id uuid PRIMARY KEY,
    source text NOT NULL,
    prior text NOT NULL,
    number text NOT NULL,
    merged_at timestamptz NOT NULL DEFAULT now()
);

-- Several claims may come under one number of the sender's: `number_id` is the number's, and the
-- id of the first of them; `likeness` tells them apart. Rows from before have neither.
ALTER TABLE claim ADD COLUMN number_id uuid;
ALTER TABLE claim ADD COLUMN likeness json;
CREATE INDEX claim_number ON claim (number_id) WHERE number_id <> claim_id;
