-- Look-ups by line control numbers ask for thousands of them at once. An index that keeps its newest
-- entries in an unsorted list compares each of those with each of these.
ALTER INDEX claim_of_line SET (fastupdate = off);
