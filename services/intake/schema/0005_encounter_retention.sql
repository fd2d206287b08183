-- An encounter is deleted some time after its claim was made. That there was one its claim remembers,
-- so that what comes later still is told from a new account.
ALTER TABLE claim ADD COLUMN encounter_purged_at timestamptz;
CREATE INDEX encounter_billed ON encounter (updated_at) WHERE status = 'billed';
