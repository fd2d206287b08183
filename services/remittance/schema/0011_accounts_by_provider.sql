-- A patient account is one billing provider's. Clinics use the same control numbers, and what has a
-- number in common has no patient in common: it is only locked and matched together, since a payer
-- sends back the number and nothing surer.
--
-- Claims that are here keep the account they have, which has the number's id: it is in the ledger,
-- in patients' hands and on payments.posted. Claims that come go to it only where every claim in it
-- is their own provider's.

ALTER TABLE patient_account RENAME TO control_number;

ALTER TABLE claim
    ADD COLUMN number_id uuid,
    ADD COLUMN billing_npi text,
    ADD COLUMN billing_tax_id text,
    ADD COLUMN source text NOT NULL DEFAULT '';
UPDATE claim SET
    number_id = claim.account_id,
    billing_npi = content->'claim'->'billing_provider'->>'npi',
    billing_tax_id = nullif(upper(regexp_replace(
        content->'claim'->'billing_provider'->>'tax_id', '[^[:alnum:]]', '', 'g')), ''),
    source = coalesce(content->'claim'->>'source', '')
FROM claim AS old LEFT JOIN claim_document ON claim_id = old.id
WHERE claim.id = old.id;
ALTER TABLE claim ALTER COLUMN number_id SET NOT NULL, ALTER COLUMN source DROP DEFAULT;
CREATE INDEX claim_of_number ON claim (number_id);
CREATE INDEX claim_of_provider ON claim (billing_npi) WHERE billing_npi IS NOT NULL;

ALTER TABLE remittance_claim RENAME COLUMN account_id TO number_id;

-- REF*TJ, or N104 where N103 is FI.
ALTER TABLE remittance ADD COLUMN payee_tax_id text;
