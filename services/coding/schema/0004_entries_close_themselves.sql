-- An entry closes by itself when what it asks for has happened. Who (`payer`, `hospital`) and what it
-- was stands in the entry's actions, as a person's doing does.
ALTER TABLE worklist
    ADD COLUMN payer_sequence text,  -- SBR01 of the payer that refused; NULL: no refusal, or the first
    DROP CONSTRAINT worklist_resolution_check,
    ADD CONSTRAINT worklist_resolution_check CHECK (resolution IN
        ('fixed', 'released', 'voided', 'returned', 'dismissed', 'superseded', 'resolved'));
ALTER TABLE worklist_action
    DROP CONSTRAINT worklist_action_action_check,
    ADD CONSTRAINT worklist_action_action_check CHECK (action IN
        ('assign', 'note', 'fix', 'release', 'void', 'return', 'dismiss', 'supersede', 'resolve'));
