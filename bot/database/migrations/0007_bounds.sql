-- Bounds for everything that members and strangers can cause, and songs of deleted threads.

-- Answers that could mean trouble for everybody, or only for the one request that got them.

-- One row per service, kind of answer and member. The hashes have 16 bits: enough to tell two members or two
-- requests apart, too few to find out who or what they were. A clear answer of the service deletes its rows.
CREATE TABLE suspicion (
  backend TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('unknown', 'not_open')),
  member_hash INTEGER NOT NULL CHECK (member_hash BETWEEN 0 AND 65535),
  text_hash INTEGER NOT NULL CHECK (text_hash BETWEEN 0 AND 65535),
  PRIMARY KEY (backend, kind, member_hash)
) STRICT, WITHOUT ROWID;

-- Requests whose interaction was refused. Discord may deliver an interaction again; it stays refused.
-- Maintenance drops the rows after an hour: an interaction is valid for 15 minutes.
CREATE TABLE refused_interaction (
  interaction_id INTEGER PRIMARY KEY,
  refused_at INTEGER NOT NULL
) STRICT;
CREATE INDEX refused_interaction_by_age ON refused_interaction (refused_at);

-- Which servers the operator has allowed or denied with `tunesmith servers`.
CREATE TABLE server_rule (
  guild_id INTEGER PRIMARY KEY,
  allowed INTEGER NOT NULL CHECK (allowed IN (0, 1)),
  changed_at INTEGER NOT NULL
) STRICT;

-- Credits that songs of all servers have cost on a day, held ones included. A refund takes nothing off:
-- the operator has paid for the song. Kept by triggers, so that no code can spend past it. Days are UTC's here,
-- whatever the server's time zone: those on which the credits were held.
CREATE TABLE day_total (
  day INTEGER PRIMARY KEY,
  credits INTEGER NOT NULL
) STRICT;
INSERT INTO day_total (day, credits)
  SELECT held.at / 86400000, SUM(CASE entry.kind WHEN 'hold' THEN entry.allowance + entry.bonus
                                                 ELSE -(entry.allowance + entry.bonus) END)
  FROM ledger AS entry JOIN ledger AS held ON held.job_id = entry.job_id AND held.kind = 'hold'
  WHERE entry.kind IN ('hold', 'release') GROUP BY held.at / 86400000;
CREATE TRIGGER day_total_counts_holds AFTER INSERT ON ledger WHEN NEW.kind IN ('hold', 'release')
BEGIN
  INSERT INTO day_total (day, credits)
    SELECT at / 86400000, 0 FROM ledger WHERE job_id = NEW.job_id AND kind = 'hold' ON CONFLICT DO NOTHING;
  UPDATE day_total
    SET credits = credits + (CASE NEW.kind WHEN 'hold' THEN 1 ELSE -1 END) * (NEW.allowance + NEW.bonus)
    WHERE day = (SELECT at / 86400000 FROM ledger WHERE job_id = NEW.job_id AND kind = 'hold');
END;

-- Bonus credits that the operator has granted, and not the server's managers: only these may be used
-- beyond GUILD_CREDITS_MAX. The actor -2 is the operator.
ALTER TABLE guild ADD COLUMN operator_bonus INTEGER NOT NULL DEFAULT 0;
UPDATE guild SET operator_bonus = (
  SELECT COALESCE(SUM(bonus), 0) FROM ledger
  WHERE ledger.guild_id = guild.id AND kind = 'grant' AND actor_id = -2);
CREATE TRIGGER operator_bonus_counts_grants AFTER INSERT ON ledger
  WHEN NEW.kind = 'grant' AND NEW.actor_id = -2
BEGIN
  UPDATE guild SET operator_bonus = operator_bonus + NEW.bonus WHERE id = NEW.guild_id;
END;

-- The channel of the thread in which a song was requested: where it is posted if the thread has been deleted.
-- NULL: no thread, or a private one, whose songs are not for the channel.
ALTER TABLE job ADD COLUMN parent_channel_id INTEGER;

-- Where the server's managers wanted the song to be posted and announced when it was requested; NULL: where it
-- was requested, and nowhere.
ALTER TABLE job ADD COLUMN results_channel_id INTEGER;
ALTER TABLE job ADD COLUMN announce_channel_id INTEGER;

-- A deletion looks up the songs that use a text, and the jobs of a member in all servers. Without these it
-- scanned every song once for each of the member's texts: 26 s for 500 of 100,000 songs.
CREATE INDEX song_by_prompt ON song (prompt_id) WHERE prompt_id IS NOT NULL;
CREATE INDEX song_by_title ON song (title_id) WHERE title_id IS NOT NULL;
CREATE INDEX song_by_style ON song (style_id) WHERE style_id IS NOT NULL;
CREATE INDEX song_by_lyrics ON song (lyrics_id) WHERE lyrics_id IS NOT NULL;
CREATE INDEX song_by_avoid ON song (avoid_id) WHERE avoid_id IS NOT NULL;
CREATE INDEX job_by_member ON job (member_id, created_at);
CREATE INDEX draft_by_age ON draft (created_at);

-- Drafts beyond the fifth of a member, which earlier versions kept.
DELETE FROM draft WHERE id IN (
  SELECT id FROM (
    SELECT id, ROW_NUMBER() OVER (PARTITION BY member_id ORDER BY created_at DESC, id DESC) AS place FROM draft)
  WHERE place > 5);
-- One index for a member's entries in a server, newest first, and for those in all servers.
DROP INDEX ledger_of_member;
CREATE INDEX ledger_of_member ON ledger (member_id, guild_id, id) WHERE member_id IS NOT NULL;
CREATE INDEX ledger_by_actor ON ledger (actor_id) WHERE actor_id IS NOT NULL;

-- A deletion looks up the member's limits and usage. Without these it read every limit, and looked into the
-- usage of every server.
CREATE INDEX member_limit_by_member ON member_limit (member_id);
CREATE INDEX usage_by_member ON usage (member_id, day);

-- The music service that a request was sent to, committed before it is sent. Until now there was one.
ALTER TABLE job ADD COLUMN backend TEXT;
UPDATE job SET backend = 'sseedance'
  WHERE task_id IS NOT NULL OR (submitted_at IS NOT NULL AND state <> 'queued');
CREATE TRIGGER a_request_names_its_service BEFORE UPDATE OF state ON job
  WHEN NEW.state = 'submitting' AND NEW.backend IS NULL
BEGIN SELECT RAISE(ABORT, 'a job is submitted without naming its service'); END;

-- What the service said about the takes besides their addresses, as JSON; and what the task cost the
-- operator, in the service's own credits.
ALTER TABLE job ADD COLUMN takes TEXT NOT NULL DEFAULT '[]';
ALTER TABLE job ADD COLUMN upstream_credits REAL;

-- Whether a service's paid endpoint takes requests. The only service so far takes its row along.
CREATE TABLE breaker (
  backend TEXT PRIMARY KEY,
  closed TEXT,                        -- why requests are stopped; NULL: they are not, or by the breaker
  unknown_in_a_row INTEGER NOT NULL DEFAULT 0,
  tries INTEGER NOT NULL DEFAULT 0,   -- probes since requests were stopped; each doubles the wait
  retry_at INTEGER                    -- when one request may be tried; NULL: all may
) STRICT, WITHOUT ROWID;
INSERT INTO breaker (backend, closed, unknown_in_a_row, tries, retry_at)
  SELECT 'sseedance', closed, unknown_in_a_row, tries, retry_at FROM gate;
DROP TABLE gate;

-- Line breaks as a form of Discord's sends them. A text that comes back from a form is the stored one only if
-- both have line feeds alone.
UPDATE text SET value = REPLACE(REPLACE(value, char(13, 10), char(10)), char(13), char(10))
  WHERE INSTR(value, char(13)) > 0;

-- Maintenance looks for songs that could not be posted in every round.
CREATE INDEX job_undelivered ON job (created_at) WHERE state = 'undelivered';

-- How long a member wants a song to be, in seconds; NULL: as the service makes it.
ALTER TABLE song ADD COLUMN duration_s INTEGER CHECK (duration_s BETWEEN 10 AND 360);
ALTER TABLE draft ADD COLUMN duration_s INTEGER;
DROP VIEW words;
CREATE VIEW words AS
  SELECT job_id, model, custom, instrumental, voice, duration_s, asked_by,
         COALESCE((SELECT value FROM text WHERE id = prompt_id), '') AS prompt,
         COALESCE((SELECT value FROM text WHERE id = title_id), '') AS title,
         COALESCE((SELECT value FROM text WHERE id = style_id), '') AS style,
         COALESCE((SELECT value FROM text WHERE id = lyrics_id), '') AS lyrics,
         COALESCE((SELECT value FROM text WHERE id = avoid_id), '') AS avoid,
         (prompt_id IS NOT NULL) + (title_id IS NOT NULL) + (style_id IS NOT NULL)
           + (lyrics_id IS NOT NULL) + (avoid_id IS NOT NULL)
         > (SELECT COUNT(*) FROM text WHERE id IN (prompt_id, title_id, style_id, lyrics_id, avoid_id))
           AS torn
  FROM song;

-- What happened to each job, for `tunesmith jobs show`. The changes of its row are written by triggers, so that
-- no code can forget one; its beginning, and what kept it in its state, by store/job_events.py. No names, words or
-- ids of Discord's.
CREATE TABLE job_event (
  job_id INTEGER NOT NULL REFERENCES job (id),
  number INTEGER NOT NULL,            -- 1, 2, …; at the maximum, each further event replaces the last one
  at INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('state', 'sending', 'parked', 'resumed', 'deleted', 'answer')),
  state TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  note TEXT NOT NULL DEFAULT '',
  repeats INTEGER NOT NULL DEFAULT 0, -- of the same answer in a row
  last_at INTEGER NOT NULL,
  PRIMARY KEY (job_id, number)
) STRICT, WITHOUT ROWID;
INSERT INTO job_event (job_id, number, at, kind, state, attempt, last_at)
  SELECT id, 1, created_at, 'state', 'queued', 0, created_at FROM job;
INSERT INTO job_event (job_id, number, at, kind, state, attempt, note, last_at)
  SELECT id, 2, state_since, 'state', state, attempt, COALESCE(reason, ''), state_since FROM job
  WHERE state <> 'queued';
CREATE TRIGGER job_event_of_state AFTER UPDATE OF state ON job WHEN NEW.state <> OLD.state
BEGIN
  INSERT INTO job_event (job_id, number, at, kind, state, attempt, note, last_at)
    SELECT NEW.id, MIN(200, 1 + COALESCE(MAX(number), 0)), NEW.state_since, 'state', NEW.state, NEW.attempt,
           COALESCE(CASE NEW.state WHEN 'submitting' THEN NEW.backend WHEN 'failed' THEN NEW.reason
                                   WHEN 'explained' THEN NEW.reason
                                   WHEN 'delivering' THEN CASE
                                     WHEN NEW.delivery_direct THEN 'direct message'
                                     WHEN NEW.delivery_channel_id = NEW.channel_id THEN 'channel'
                                     WHEN NEW.delivery_channel_id = NEW.results_channel_id
                                       THEN 'results channel'
                                     ELSE 'parent channel' END END, ''), NEW.state_since
    FROM job_event WHERE job_id = NEW.id
    ON CONFLICT DO UPDATE SET at = excluded.at, kind = excluded.kind, state = excluded.state,
      attempt = excluded.attempt, note = excluded.note, repeats = 0, last_at = excluded.last_at;
END;
CREATE TRIGGER job_event_of_send AFTER UPDATE OF delivery_started_at ON job
  WHEN NEW.delivery_started_at IS NOT NULL AND NEW.delivery_started_at IS NOT OLD.delivery_started_at
    AND NEW.state = OLD.state
BEGIN
  INSERT INTO job_event (job_id, number, at, kind, state, attempt, note, last_at)
    SELECT NEW.id, MIN(200, 1 + COALESCE(MAX(number), 0)), NEW.delivery_started_at, 'sending', NEW.state,
           NEW.attempt,
           CASE WHEN NEW.delivery_direct THEN 'direct message'
                WHEN NEW.delivery_channel_id = NEW.channel_id THEN 'channel'
                WHEN NEW.delivery_channel_id = NEW.results_channel_id THEN 'results channel'
                ELSE 'parent channel' END,
           NEW.delivery_started_at
    FROM job_event WHERE job_id = NEW.id
    ON CONFLICT DO UPDATE SET at = excluded.at, kind = excluded.kind, state = excluded.state,
      attempt = excluded.attempt, note = excluded.note, repeats = 0, last_at = excluded.last_at;
END;
-- Whoever parks or resumes a job makes its card due at that moment, as does a deleted message.
CREATE TRIGGER job_event_of_parking AFTER UPDATE OF parked ON job
  WHEN NEW.parked IS NOT OLD.parked AND NEW.state = OLD.state
BEGIN
  INSERT INTO job_event (job_id, number, at, kind, state, attempt, note, last_at)
    SELECT NEW.id, MIN(200, 1 + COALESCE(MAX(number), 0)), COALESCE(NEW.card_due_at, NEW.state_since),
           IIF(NEW.parked IS NULL, 'resumed', 'parked'), NEW.state, NEW.attempt, COALESCE(NEW.parked, ''),
           COALESCE(NEW.card_due_at, NEW.state_since)
    FROM job_event WHERE job_id = NEW.id
    ON CONFLICT DO UPDATE SET at = excluded.at, kind = excluded.kind, state = excluded.state,
      attempt = excluded.attempt, note = excluded.note, repeats = 0, last_at = excluded.last_at;
END;
CREATE TRIGGER job_event_of_deletion AFTER UPDATE OF message_id ON job
  WHEN NEW.message_id IS NULL AND OLD.message_id IS NOT NULL AND NEW.interaction_id > 0
BEGIN
  INSERT INTO job_event (job_id, number, at, kind, state, attempt, last_at)
    SELECT NEW.id, MIN(200, 1 + COALESCE(MAX(number), 0)), COALESCE(NEW.card_due_at, NEW.state_since),
           'deleted', NEW.state, NEW.attempt, COALESCE(NEW.card_due_at, NEW.state_since)
    FROM job_event WHERE job_id = NEW.id
    ON CONFLICT DO UPDATE SET at = excluded.at, kind = excluded.kind, state = excluded.state,
      attempt = excluded.attempt, note = excluded.note, repeats = 0, last_at = excluded.last_at;
END;

-- Since when the operator wants the server to be forgotten (`tunesmith servers forget`): its unfinished songs
-- are finished first, and no new ones begin.
ALTER TABLE guild ADD COLUMN leaving_since INTEGER;
CREATE INDEX guild_leaving ON guild (leaving_since) WHERE leaving_since IS NOT NULL;

-- Queued jobs in the order of their turns, so that a place in the queue is found by counting entries of the
-- index alone.
DROP INDEX job_queued;
CREATE INDEX job_in_turn ON job (guild_id, member_id, created_at, id)
  WHERE state = 'queued' AND due_at IS NOT NULL;

-- Words that a server does not take in its songs, as they are compared: without case and width.
CREATE TABLE refused_word (
  guild_id INTEGER NOT NULL REFERENCES guild (id),
  word TEXT NOT NULL CHECK (word <> ''),
  PRIMARY KEY (guild_id, word)
) STRICT, WITHOUT ROWID;

-- Since when the bot has not been in the server, as its own daily look at its servers has shown.
ALTER TABLE guild ADD COLUMN absent_since INTEGER;
CREATE INDEX guild_absent ON guild (absent_since) WHERE absent_since IS NOT NULL;

-- What members think of songs: one rating for each member and song. Its server and the song's time stand here, too,
-- so that the best songs of a week are found without reading jobs. A deletion of the song's texts deletes its rows.
CREATE TABLE rating (
  job_id INTEGER NOT NULL REFERENCES job (id),
  member_id INTEGER NOT NULL REFERENCES member (id),
  liked INTEGER NOT NULL CHECK (liked IN (0, 1)),
  guild_id INTEGER NOT NULL REFERENCES guild (id),
  song_at INTEGER NOT NULL,           -- when the song was requested
  rated_at INTEGER NOT NULL,
  listed INTEGER NOT NULL CHECK (listed IN (0, 1)), -- 0: rated in a private thread, whose songs are not for all
  PRIMARY KEY (job_id, member_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX rating_of_songs ON rating (guild_id, song_at);
CREATE INDEX rating_by_member ON rating (member_id, guild_id);

-- The time zone in which a server's days begin, by its IANA name; NULL: UTC. `usage`, `ledger` and `job` keep the
-- server's own day. Until `zone_until` it is `zone_day`, and never an earlier one: so a change of zone neither
-- grants credits twice nor takes any away.
ALTER TABLE guild ADD COLUMN zone TEXT;
ALTER TABLE guild ADD COLUMN zone_day INTEGER NOT NULL DEFAULT 0;
ALTER TABLE guild ADD COLUMN zone_until INTEGER;

-- Where songs of a server may be asked for, where they are posted, and where each is announced. No rows, NULL:
-- everywhere, where they were asked for, and nowhere.
CREATE TABLE song_channel (
  guild_id INTEGER NOT NULL REFERENCES guild (id),
  channel_id INTEGER NOT NULL,
  PRIMARY KEY (guild_id, channel_id)
) STRICT, WITHOUT ROWID;
ALTER TABLE guild ADD COLUMN results_channel_id INTEGER;
ALTER TABLE guild ADD COLUMN announce_channel_id INTEGER;

-- Announcements of delivered songs, each sent once.
CREATE TABLE announcement (
  job_id INTEGER PRIMARY KEY REFERENCES job (id),
  channel_id INTEGER NOT NULL,
  due_at INTEGER,                     -- NULL: sent, or it can't be
  started_at INTEGER                  -- of the first send
) STRICT;
CREATE INDEX announcement_due ON announcement (due_at) WHERE due_at IS NOT NULL;

-- Paid requests for lyrics, written down before each is sent: what the operator has paid for, and no words. A request
-- that may have been taken is never repeated. Maintenance drops the rows of earlier months. In a fleet, slot 0 alone
-- pays: another slot writes down what it wants, with what the lyrics are to be about until slot 0 has read it.
CREATE TABLE lyrics_call (
  id INTEGER PRIMARY KEY,
  interaction_id INTEGER NOT NULL UNIQUE, -- negative once the member's data was deleted
  member_id INTEGER NOT NULL REFERENCES member (id),
  backend TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('wanted', 'submitting', 'running', 'done', 'refused', 'failed', 'unknown')),
  asked_at INTEGER NOT NULL,
  task_id TEXT,
  upstream_credits REAL,
  about TEXT,
  refusal TEXT, -- why slot 0 has refused it, for the slot that wants it
  CHECK (state <> 'running' OR task_id IS NOT NULL),
  CHECK ((state = 'wanted') = (about IS NOT NULL))
) STRICT;
CREATE INDEX lyrics_call_of_member ON lyrics_call (member_id, asked_at);
CREATE INDEX lyrics_call_by_age ON lyrics_call (asked_at);
CREATE INDEX lyrics_call_wanted ON lyrics_call (asked_at) WHERE state = 'wanted';

-- Roles whose members may manage the bot in a server.
CREATE TABLE manager_role (
  guild_id INTEGER NOT NULL REFERENCES guild (id),
  role_id INTEGER NOT NULL,
  PRIMARY KEY (guild_id, role_id)
) STRICT, WITHOUT ROWID;

-- Due jobs of one state in their order: a round reads as many as it claims, however many others wait. The
-- cards likewise, by the moment at which each may be edited, and the oldest of the queue.
DROP INDEX job_due;
CREATE INDEX job_due_in_state ON job (state, due_at, created_at) WHERE due_at IS NOT NULL;
DROP INDEX job_card_due;
CREATE INDEX job_card_at ON job ((CASE WHEN card_due_at < card_free_at THEN card_free_at ELSE card_due_at END))
  WHERE card_due_at IS NOT NULL;
CREATE INDEX job_queued_since ON job (created_at) WHERE state = 'queued' AND due_at IS NOT NULL;

-- A member's finished songs, newest first in one server, and whether there is any. With the state, or SQLite reads
-- each job's row to compare it once more.
CREATE INDEX job_song ON job (guild_id, member_id, created_at, id, state)
  WHERE state IN ('delivered', 'delivering', 'stored', 'undelivered');
CREATE INDEX job_song_of_member ON job (member_id)
  WHERE state IN ('delivered', 'delivering', 'stored', 'undelivered');

-- A member's unfinished songs in a server, parked ones included, among all that are finished. With the columns of the
-- condition, or the open songs of a server would be counted by reading each job.
DROP INDEX job_open;
CREATE INDEX job_unfinished ON job (guild_id, member_id, created_at, id, state, due_at)
  WHERE state IN ('delivering', 'failed', 'queued', 'ready', 'running', 'stored', 'submitting');

-- A server's finished songs, newest first, and its credits by day and kind of entry without reading the entries.
CREATE INDEX job_song_of_guild ON job (guild_id, created_at, id)
  WHERE state IN ('delivered', 'delivering', 'stored', 'undelivered');
DROP INDEX ledger_of_day;
CREATE INDEX ledger_of_day ON ledger (guild_id, day, kind, allowance, bonus);

-- What is counted of a member, and the ratings of a week, without reading the rows.
DROP INDEX job_by_member;
CREATE INDEX job_by_member ON job (member_id, created_at, guild_id, interaction_id);
DROP INDEX rating_of_songs;
CREATE INDEX rating_of_songs ON rating (guild_id, song_at, job_id, liked, listed);

-- Entries of the kinds that are few among those of songs.
CREATE INDEX ledger_of_kind ON ledger (guild_id, kind, id) WHERE kind NOT IN ('hold', 'settle');

-- Songs of all servers and their credits, for metrics: by state and reason, and as well those that are parked or were
-- refunded. Kept by triggers, so that nobody scans all songs for them; the reconciliation does. Each process of a
-- fleet counts in rows of its own, so that none waits for another's commit: only sums over the writers mean something.
CREATE TABLE song_total (
  writer INTEGER NOT NULL, -- its slot; -1: an operator's command on a server
  name TEXT NOT NULL,
  songs INTEGER NOT NULL,
  credits INTEGER NOT NULL,
  PRIMARY KEY (writer, name)
) STRICT, WITHOUT ROWID;
INSERT INTO song_total (writer, name, songs, credits)
  SELECT 0, state || COALESCE(':' || reason, ''), COUNT(*), SUM(price) FROM job GROUP BY state, reason;
INSERT INTO song_total (writer, name, songs, credits)
  SELECT 0, 'parked', COUNT(*), COALESCE(SUM(price), 0) FROM job WHERE parked IS NOT NULL;
INSERT INTO song_total (writer, name, songs, credits)
  SELECT 0, 'refunded', COUNT(*), COALESCE(SUM(allowance + bonus), 0) FROM ledger
  WHERE kind = 'refund' AND job_id IS NOT NULL;
-- A new song is counted with its hold: with a trigger on the insertion itself, SQLite would look for children of the
-- new row among all songs. None is ever deleted.
CREATE TRIGGER song_total_of_new AFTER INSERT ON ledger WHEN NEW.kind = 'hold'
BEGIN
  INSERT INTO song_total (writer, name, songs, credits) VALUES (0, 'queued', 1, NEW.allowance + NEW.bonus)
    ON CONFLICT (writer, name) DO UPDATE
      SET songs = song_total.songs + excluded.songs, credits = song_total.credits + excluded.credits;
END;
CREATE TRIGGER song_total_of_change AFTER UPDATE OF state, reason, price ON job
  WHEN NEW.state <> OLD.state OR NEW.reason IS NOT OLD.reason OR NEW.price <> OLD.price
BEGIN
  INSERT INTO song_total (writer, name, songs, credits)
    VALUES (0, OLD.state || COALESCE(':' || OLD.reason, ''), -1, -OLD.price)
    ON CONFLICT (writer, name) DO UPDATE
      SET songs = song_total.songs + excluded.songs, credits = song_total.credits + excluded.credits;
  INSERT INTO song_total (writer, name, songs, credits)
    VALUES (0, NEW.state || COALESCE(':' || NEW.reason, ''), 1, NEW.price)
    ON CONFLICT (writer, name) DO UPDATE
      SET songs = song_total.songs + excluded.songs, credits = song_total.credits + excluded.credits;
END;
CREATE TRIGGER song_total_of_parking AFTER UPDATE OF parked ON job
  WHEN (NEW.parked IS NULL) <> (OLD.parked IS NULL)
BEGIN
  INSERT INTO song_total (writer, name, songs, credits)
    VALUES (0, 'parked', IIF(NEW.parked IS NULL, -1, 1), IIF(NEW.parked IS NULL, -NEW.price, NEW.price))
    ON CONFLICT (writer, name) DO UPDATE
      SET songs = song_total.songs + excluded.songs, credits = song_total.credits + excluded.credits;
END;
CREATE TRIGGER song_total_of_refund AFTER INSERT ON ledger WHEN NEW.kind = 'refund' AND NEW.job_id IS NOT NULL
BEGIN
  INSERT INTO song_total (writer, name, songs, credits) VALUES (0, 'refunded', 1, NEW.allowance + NEW.bonus)
    ON CONFLICT (writer, name) DO UPDATE
      SET songs = song_total.songs + excluded.songs, credits = song_total.credits + excluded.credits;
END;

-- Led by the state, or SQLite would rather read all due jobs and sort them; with the due time, or it would read
-- the rows.
DROP INDEX job_in_turn;
CREATE INDEX job_in_turn ON job (state, guild_id, member_id, created_at, id, due_at)
  WHERE state = 'queued' AND due_at IS NOT NULL;

-- The ratings of each song, added up by triggers: a ranking reads one entry of the index for each song, however many
-- members have rated it. A song without ratings has no row.
CREATE TABLE song_tally (
  job_id INTEGER PRIMARY KEY REFERENCES job (id),
  guild_id INTEGER NOT NULL REFERENCES guild (id),
  song_at INTEGER NOT NULL,
  likes INTEGER NOT NULL,
  dislikes INTEGER NOT NULL,
  unlisted INTEGER NOT NULL -- how many of them were made in a private thread
) STRICT;
INSERT INTO song_tally (job_id, guild_id, song_at, likes, dislikes, unlisted)
  SELECT job_id, MAX(guild_id), MAX(song_at), SUM(liked), SUM(1 - liked), SUM(1 - listed) FROM rating GROUP BY job_id;
CREATE INDEX song_tally_ranked ON song_tally (guild_id, song_at, job_id, likes, dislikes, unlisted)
  WHERE likes > 0 AND unlisted = 0;
CREATE TRIGGER song_tally_of_new AFTER INSERT ON rating
BEGIN
  INSERT INTO song_tally (job_id, guild_id, song_at, likes, dislikes, unlisted)
    VALUES (NEW.job_id, NEW.guild_id, NEW.song_at, NEW.liked, 1 - NEW.liked, 1 - NEW.listed)
    ON CONFLICT (job_id) DO UPDATE
      SET likes = song_tally.likes + excluded.likes, dislikes = song_tally.dislikes + excluded.dislikes,
          unlisted = song_tally.unlisted + excluded.unlisted;
END;
CREATE TRIGGER song_tally_of_change AFTER UPDATE OF liked, listed ON rating
BEGIN
  UPDATE song_tally
    SET likes = likes + NEW.liked - OLD.liked, dislikes = dislikes + OLD.liked - NEW.liked,
        unlisted = unlisted + OLD.listed - NEW.listed
    WHERE job_id = NEW.job_id;
END;
CREATE TRIGGER song_tally_of_deletion AFTER DELETE ON rating
BEGIN
  UPDATE song_tally
    SET likes = likes - OLD.liked, dislikes = dislikes - 1 + OLD.liked, unlisted = unlisted - 1 + OLD.listed
    WHERE job_id = OLD.job_id;
  DELETE FROM song_tally WHERE job_id = OLD.job_id AND likes + dislikes = 0;
END;
DROP INDEX rating_of_songs; -- the ranking was its only reader
CREATE INDEX rating_by_guild ON rating (guild_id, member_id);

-- What each member has spent in a week and in a month, refunds taken off: the top spenders of a period are read without
-- adding up its days. Days are the server's own; a week begins on Monday, and day 0 was a Thursday.
CREATE TABLE spent_total (
  guild_id INTEGER NOT NULL REFERENCES guild (id),
  period TEXT NOT NULL CHECK (period IN ('week', 'month')),
  first_day INTEGER NOT NULL,
  member_id INTEGER NOT NULL,
  credits INTEGER NOT NULL,
  PRIMARY KEY (guild_id, period, first_day, member_id)
) STRICT, WITHOUT ROWID;
INSERT INTO spent_total (guild_id, period, first_day, member_id, credits)
  SELECT guild_id, 'week', day - (day + 3) % 7 AS first_day, member_id, SUM(allowance_used + bonus_used) FROM usage
  WHERE member_id > 0 AND allowance_used + bonus_used > 0 GROUP BY guild_id, first_day, member_id;
INSERT INTO spent_total (guild_id, period, first_day, member_id, credits)
  SELECT guild_id, 'month', first_day, member_id, SUM(allowance_used + bonus_used) FROM (
    SELECT *, day + 1 - CAST(strftime('%d', day * 86400, 'unixepoch') AS INTEGER) AS first_day FROM usage)
  WHERE member_id > 0 AND allowance_used + bonus_used > 0 GROUP BY guild_id, first_day, member_id;
CREATE TRIGGER spent_total_of_song AFTER INSERT ON ledger WHEN NEW.kind IN ('settle', 'refund')
BEGIN
  INSERT INTO spent_total (guild_id, period, first_day, member_id, credits)
    VALUES (NEW.guild_id, 'week', NEW.day - (NEW.day + 3) % 7, NEW.member_id,
            (CASE NEW.kind WHEN 'settle' THEN 1 ELSE -1 END) * (NEW.allowance + NEW.bonus)),
           (NEW.guild_id, 'month', NEW.day + 1 - CAST(strftime('%d', NEW.day * 86400, 'unixepoch') AS INTEGER),
            NEW.member_id, (CASE NEW.kind WHEN 'settle' THEN 1 ELSE -1 END) * (NEW.allowance + NEW.bonus))
    ON CONFLICT (guild_id, period, first_day, member_id) DO UPDATE
      SET credits = spent_total.credits + excluded.credits;
END;

-- When a server or a member was last served; a new request, which has not been submitted, is in neither of these
-- indexes. The oldest of the queue is found by job_due_in_state.
DROP INDEX job_served;
CREATE INDEX job_served ON job (guild_id, submitted_at) WHERE submitted_at IS NOT NULL;
DROP INDEX job_member_served;
CREATE INDEX job_member_served ON job (guild_id, member_id, submitted_at) WHERE submitted_at IS NOT NULL;
DROP INDEX job_queued_since;
