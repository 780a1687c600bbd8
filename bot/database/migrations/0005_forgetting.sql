-- What a deletion has to know beside who wrote what.

-- Members whose words a text still has in it although it is another member's: a remix that changes one line
-- of the lyrics holds the rest. A deletion by any of them reaches it.
CREATE TABLE coauthor (
  text_id INTEGER NOT NULL REFERENCES text (id) ON DELETE CASCADE,
  author_id INTEGER NOT NULL REFERENCES member (id),
  PRIMARY KEY (text_id, author_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX coauthor_of ON coauthor (author_id);

-- Jobs that were erased, as long as their files may still lie in the spool.
CREATE TABLE spool_removal (
  job_id INTEGER PRIMARY KEY REFERENCES job (id)
) STRICT;
