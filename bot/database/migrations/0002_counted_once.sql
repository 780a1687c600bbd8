-- What a person presses or sends counts once, also where Discord delivers it twice.

-- A change of credits belongs to the interaction that made it; NULL: no interaction did.
ALTER TABLE ledger ADD COLUMN interaction_id INTEGER;
CREATE UNIQUE INDEX ledger_changed_once ON ledger (interaction_id) WHERE interaction_id IS NOT NULL;

-- The failed job that this one is another try of; each member tries a failure again once.
ALTER TABLE job ADD COLUMN retry_of INTEGER REFERENCES job (id);
CREATE UNIQUE INDEX job_retried_once ON job (retry_of, member_id)
  WHERE retry_of IS NOT NULL AND (reason IS NULL OR reason <> 'withdrawn');

CREATE INDEX track_file ON track (file);
