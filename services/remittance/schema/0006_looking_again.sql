-- What was registered or numbered lately is looked up for the claims of remittances that fitted no
-- claim of ours.
CREATE INDEX claim_of_update ON claim (updated_at);
