-- Times are epoch milliseconds, days are days since 1970-01-01 (UTC), amounts are credits.

-- What this process has to remember about itself: the epoch, the hash of the registered commands, …
CREATE TABLE fact (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- People by a number of our own, so that forgetting somebody erases the link and no row.
CREATE TABLE member (
  id INTEGER PRIMARY KEY,
  discord_id INTEGER UNIQUE
) STRICT;

CREATE TABLE guild (
  id INTEGER PRIMARY KEY,
  allowance INTEGER CHECK (allowance >= 0),               -- a period; NULL: the operator's default
  period TEXT CHECK (period IN ('day', 'week', 'month')), -- NULL: the operator's default
  bonus INTEGER NOT NULL DEFAULT 0 CHECK (bonus >= 0)     -- neither used nor held
) STRICT;

-- What was used and held on a day, for the server as a whole (member_id 0) and for each member.
-- A period is a range of days: nothing is ever reset.
CREATE TABLE usage (
  guild_id INTEGER NOT NULL REFERENCES guild (id),
  member_id INTEGER NOT NULL,
  day INTEGER NOT NULL,
  allowance_used INTEGER NOT NULL DEFAULT 0 CHECK (allowance_used >= 0),
  allowance_held INTEGER NOT NULL DEFAULT 0 CHECK (allowance_held >= 0),
  bonus_used INTEGER NOT NULL DEFAULT 0 CHECK (bonus_used >= 0),
  bonus_held INTEGER NOT NULL DEFAULT 0 CHECK (bonus_held >= 0),
  PRIMARY KEY (guild_id, member_id, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE job (
  id INTEGER PRIMARY KEY,
  interaction_id INTEGER NOT NULL UNIQUE,
  guild_id INTEGER NOT NULL REFERENCES guild (id),
  channel_id INTEGER NOT NULL,
  member_id INTEGER NOT NULL REFERENCES member (id),
  may_reference INTEGER NOT NULL CHECK (may_reference IN (0, 1)),
  state TEXT NOT NULL CHECK (state IN ('queued', 'submitting', 'running', 'ready', 'stored', 'delivering',
                                       'delivered', 'failed', 'explained', 'undelivered')),
  attempt INTEGER NOT NULL DEFAULT 0,
  claim_epoch INTEGER,                -- of the process that works on it, or worked on it when it died
  tries INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  state_since INTEGER NOT NULL,
  due_at INTEGER,                     -- when to look again; NULL: a person has to ask
  parked TEXT,                        -- why nothing is done by itself
  price INTEGER NOT NULL CHECK (price >= 0),
  day INTEGER NOT NULL,               -- whose account the credits are on
  allowance_part INTEGER NOT NULL CHECK (allowance_part >= 0),
  bonus_part INTEGER NOT NULL CHECK (bonus_part >= 0),
  task_id TEXT UNIQUE,
  urls TEXT NOT NULL DEFAULT '[]',
  submitted_at INTEGER,
  missing_since INTEGER,
  misses INTEGER NOT NULL DEFAULT 0,
  reason TEXT,
  closed TEXT,
  detail TEXT NOT NULL DEFAULT '',
  delivery_channel_id INTEGER,
  delivery_direct INTEGER CHECK (delivery_direct IN (0, 1)),
  delivery_started_at INTEGER,
  message_id INTEGER,
  card_message_id INTEGER,
  card_shown TEXT NOT NULL DEFAULT '',
  card_due_at INTEGER,
  card_free_at INTEGER NOT NULL DEFAULT 0, -- a card is edited at most every few seconds
  CHECK (allowance_part + bonus_part = price),
  CHECK (state NOT IN ('running', 'ready', 'stored', 'delivering', 'delivered', 'undelivered')
         OR task_id IS NOT NULL),
  CHECK (state NOT IN ('failed', 'explained') OR reason IS NOT NULL),
  CHECK (state <> 'delivering' OR (delivery_channel_id IS NOT NULL AND delivery_started_at IS NOT NULL))
) STRICT;
CREATE INDEX job_due ON job (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX job_card_due ON job (card_due_at) WHERE card_due_at IS NOT NULL;
CREATE INDEX job_submitted ON job (submitted_at) WHERE submitted_at IS NOT NULL;
CREATE INDEX job_to_post ON job (channel_id, created_at) WHERE state IN ('stored', 'delivering');
CREATE INDEX job_delivered ON job (state_since, created_at) WHERE state = 'delivered';
CREATE INDEX job_of_member ON job (guild_id, member_id, created_at);

-- The words of a song, apart from the job so that they can be dropped and the books stay.
CREATE TABLE words (
  job_id INTEGER PRIMARY KEY REFERENCES job (id),
  model TEXT NOT NULL,
  custom INTEGER NOT NULL CHECK (custom IN (0, 1)),
  instrumental INTEGER NOT NULL CHECK (instrumental IN (0, 1)),
  prompt TEXT NOT NULL,
  title TEXT NOT NULL,
  style TEXT NOT NULL,
  lyrics TEXT NOT NULL
) STRICT;

CREATE TABLE track (
  job_id INTEGER NOT NULL REFERENCES job (id),
  take INTEGER NOT NULL CHECK (take BETWEEN 1 AND 4),
  file TEXT NOT NULL,
  size_bytes INTEGER NOT NULL CHECK (size_bytes > 0),
  sha256 TEXT NOT NULL,
  url TEXT NOT NULL,
  PRIMARY KEY (job_id, take)
) STRICT, WITHOUT ROWID;

-- A refused form, kept for a day so that it comes back with its words.
CREATE TABLE draft (
  id INTEGER PRIMARY KEY,
  member_id INTEGER NOT NULL REFERENCES member (id),
  created_at INTEGER NOT NULL,
  model TEXT NOT NULL,
  custom INTEGER NOT NULL CHECK (custom IN (0, 1)),
  instrumental INTEGER NOT NULL CHECK (instrumental IN (0, 1)),
  prompt TEXT NOT NULL,
  title TEXT NOT NULL,
  style TEXT NOT NULL,
  lyrics TEXT NOT NULL
) STRICT;

-- Every movement of credits and every change of a limit. Nothing here is ever edited.
CREATE TABLE ledger (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('grant', 'set', 'hold', 'settle', 'release')),
  guild_id INTEGER NOT NULL REFERENCES guild (id),
  day INTEGER NOT NULL,
  allowance INTEGER NOT NULL DEFAULT 0,
  bonus INTEGER NOT NULL DEFAULT 0,
  job_id INTEGER,
  member_id INTEGER,                  -- whose song, or whose limit
  actor_id INTEGER,                   -- who did it; NULL: the bot
  reason TEXT NOT NULL DEFAULT '',
  before TEXT,
  after TEXT,
  CHECK (kind NOT IN ('hold', 'settle', 'release') OR (job_id IS NOT NULL AND member_id IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX ledger_opens_once ON ledger (job_id) WHERE kind = 'hold';
CREATE UNIQUE INDEX ledger_closes_once ON ledger (job_id) WHERE kind IN ('settle', 'release');
CREATE INDEX ledger_of_guild ON ledger (guild_id, id);
CREATE TRIGGER ledger_is_never_edited BEFORE UPDATE ON ledger
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_is_never_shortened BEFORE DELETE ON ledger
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;

-- Whether the paid endpoint takes requests: the pause after a closed answer and the breaker.
CREATE TABLE gate (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  closed TEXT,                        -- why it is paused; NULL: it is not
  unknown_in_a_row INTEGER NOT NULL DEFAULT 0,
  tries INTEGER NOT NULL DEFAULT 0,   -- probes since it shut; each doubles the wait
  retry_at INTEGER                    -- when one job may be tried; NULL: open
) STRICT;
INSERT INTO gate (id) VALUES (1);
