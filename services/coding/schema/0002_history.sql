-- What claims say that one patient had on one day, for checks across claims (duplicates, pairs of
-- services, units a day). The name is a keyed hash over payer, member and date: no index says who
-- was treated, or when. By claim: its revision, and its lines of that day.
CREATE TABLE patient_day (
    name bytea PRIMARY KEY CHECK (length(name) = 16),
    claims jsonb NOT NULL DEFAULT '{}'
) WITH (fillfactor = 70);

-- Which editions of reference tables a ruleset was made of: with them a past verdict can be had again.
CREATE TABLE ruleset (
    version text PRIMARY KEY,
    editions text[] NOT NULL
);
