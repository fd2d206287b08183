-- Which answer of the payer's took the claim into adjudication: what an appeal against a denial for
-- late filing rests on.
ALTER TABLE claim ADD COLUMN acceptance_evidence text;
