-- What came out of a backup may have gone on after it was made: before anything is posted for such a job,
-- its message is looked for. NULL: it did not, or that has been seen to.
ALTER TABLE job ADD COLUMN restored_at INTEGER;
