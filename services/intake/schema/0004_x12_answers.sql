-- The 999s and TA1s that submissions of X12 were answered with: kept for ever, like the rest of a
-- submission. They name claims by the sender's own numbers.
CREATE TABLE submission_answer (
    submission_id uuid NOT NULL,
    answer_id uuid NOT NULL,
    transaction text NOT NULL,  -- 999 or TA1
    content bytea NOT NULL,
    PRIMARY KEY (submission_id, answer_id)
);
