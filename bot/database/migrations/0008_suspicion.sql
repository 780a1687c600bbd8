-- Answers that could mean trouble for everybody, or only for the one request that got them.

-- One row per kind of answer and member. The hashes have 16 bits: enough to tell two members or two requests
-- apart, too few to find out who or what they were. A clear answer of the service empties the table.
CREATE TABLE suspicion (
  kind TEXT NOT NULL CHECK (kind IN ('unknown', 'not_open')),
  member_hash INTEGER NOT NULL CHECK (member_hash BETWEEN 0 AND 65535),
  text_hash INTEGER NOT NULL CHECK (text_hash BETWEEN 0 AND 65535),
  PRIMARY KEY (kind, member_hash)
) STRICT, WITHOUT ROWID;

-- Requests whose interaction was refused. Discord may deliver an interaction again; it stays refused.
-- Maintenance drops the rows after an hour: an interaction is valid for 15 minutes.
CREATE TABLE refused_interaction (
  interaction_id INTEGER PRIMARY KEY,
  refused_at INTEGER NOT NULL
) STRICT;
CREATE INDEX refused_interaction_by_age ON refused_interaction (refused_at);
