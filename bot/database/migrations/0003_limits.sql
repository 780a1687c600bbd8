-- What server managers set beside the allowance, and the ledger with room for it.

CREATE TABLE member_limit (
  guild_id INTEGER NOT NULL REFERENCES guild (id),
  member_id INTEGER NOT NULL REFERENCES member (id),
  credits INTEGER NOT NULL CHECK (credits >= 0),
  PRIMARY KEY (guild_id, member_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE role_limit (
  guild_id INTEGER NOT NULL REFERENCES guild (id),
  role_id INTEGER NOT NULL,           -- the server's own id is the role @everyone
  credits INTEGER NOT NULL CHECK (credits >= 0),
  PRIMARY KEY (guild_id, role_id)
) STRICT, WITHOUT ROWID;

ALTER TABLE guild ADD COLUMN paused TEXT;               -- why no new songs are taken; NULL: they are
ALTER TABLE guild ADD COLUMN alerts_channel_id INTEGER; -- NULL: nobody is told about the budget

-- That a server's allowance is nearly or wholly used: told once a period.
CREATE TABLE budget_alert (
  id INTEGER PRIMARY KEY,
  guild_id INTEGER NOT NULL REFERENCES guild (id),
  first_day INTEGER NOT NULL,         -- of the period
  percent INTEGER NOT NULL CHECK (percent IN (80, 100)),
  channel_id INTEGER NOT NULL,
  used INTEGER NOT NULL,
  allowance INTEGER NOT NULL,
  renews_at INTEGER NOT NULL,
  due_at INTEGER,                     -- NULL: told, or it can't be
  started_at INTEGER,                 -- of the first send
  UNIQUE (guild_id, first_day, percent)
) STRICT;
CREATE INDEX budget_alert_due ON budget_alert (due_at) WHERE due_at IS NOT NULL;

ALTER TABLE job ADD COLUMN limit_credits INTEGER; -- what the member might use in a period; NULL: no limit
ALTER TABLE words ADD COLUMN asked_by TEXT NOT NULL DEFAULT ''; -- the member's name as it was then

CREATE INDEX job_open ON job (guild_id, member_id) WHERE due_at IS NOT NULL;
CREATE INDEX job_queued ON job (guild_id, member_id, created_at, id) WHERE state = 'queued';
CREATE INDEX job_served ON job (guild_id, submitted_at);
CREATE INDEX job_member_served ON job (guild_id, member_id, submitted_at);

-- SQLite can't widen a CHECK: the ledger is copied, whole, into a table with more kinds.
CREATE TABLE ledger_with_limits (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('grant', 'set', 'hold', 'settle', 'release', 'refund',
                                     'member', 'role', 'pause', 'resume', 'alerts')),
  guild_id INTEGER NOT NULL REFERENCES guild (id),
  day INTEGER NOT NULL,
  allowance INTEGER NOT NULL DEFAULT 0,
  bonus INTEGER NOT NULL DEFAULT 0,
  job_id INTEGER,
  member_id INTEGER,                  -- whose song, or whose limit
  role_id INTEGER,                    -- whose limit
  actor_id INTEGER,                   -- who did it; NULL: the bot
  interaction_id INTEGER,             -- by which command
  reason TEXT NOT NULL DEFAULT '',
  before TEXT,
  after TEXT,
  CHECK (kind NOT IN ('hold', 'settle', 'release', 'refund')
         OR (job_id IS NOT NULL AND member_id IS NOT NULL)),
  CHECK (kind <> 'member' OR member_id IS NOT NULL),
  CHECK (kind <> 'role' OR role_id IS NOT NULL)
) STRICT;
INSERT INTO ledger_with_limits (id, at, kind, guild_id, day, allowance, bonus, job_id, member_id, actor_id,
                                interaction_id, reason, before, after)
  SELECT id, at, kind, guild_id, day, allowance, bonus, job_id, member_id, actor_id,
         interaction_id, reason, before, after FROM ledger;
DROP TABLE ledger;
ALTER TABLE ledger_with_limits RENAME TO ledger;
CREATE UNIQUE INDEX ledger_opens_once ON ledger (job_id) WHERE kind = 'hold';
CREATE UNIQUE INDEX ledger_closes_once ON ledger (job_id) WHERE kind IN ('settle', 'release');
CREATE UNIQUE INDEX ledger_refunds_once ON ledger (job_id) WHERE kind = 'refund';
CREATE UNIQUE INDEX ledger_changed_once ON ledger (interaction_id) WHERE interaction_id IS NOT NULL;
CREATE INDEX ledger_of_guild ON ledger (guild_id, id);
CREATE INDEX ledger_of_member ON ledger (guild_id, member_id, id) WHERE member_id IS NOT NULL;
CREATE INDEX ledger_of_day ON ledger (guild_id, day);
CREATE TRIGGER ledger_is_never_edited BEFORE UPDATE ON ledger
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_is_never_shortened BEFORE DELETE ON ledger
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
