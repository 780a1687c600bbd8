-- What SQLite's migrations say in their own words: the view of songs with their texts, and the triggers that
-- keep the promises of the ledger. See 0001, 0003 and 0007 there.

CREATE VIEW words AS
  SELECT job_id, model, custom, instrumental, voice, duration_s, asked_by,
         COALESCE((SELECT value FROM text WHERE id = prompt_id), '') AS prompt,
         COALESCE((SELECT value FROM text WHERE id = title_id), '') AS title,
         COALESCE((SELECT value FROM text WHERE id = style_id), '') AS style,
         COALESCE((SELECT value FROM text WHERE id = lyrics_id), '') AS lyrics,
         COALESCE((SELECT value FROM text WHERE id = avoid_id), '') AS avoid,
         CAST(num_nonnulls(prompt_id, title_id, style_id, lyrics_id, avoid_id)
         > (SELECT COUNT(*) FROM text WHERE id IN (prompt_id, title_id, style_id, lyrics_id, avoid_id))
           AS INTEGER) AS torn
  FROM song;

CREATE FUNCTION refuse_change_of_ledger() RETURNS trigger LANGUAGE plpgsql AS
  $$BEGIN RAISE EXCEPTION 'the ledger is append-only'; END$$;
CREATE TRIGGER ledger_is_never_edited BEFORE UPDATE ON ledger
  FOR EACH ROW EXECUTE FUNCTION refuse_change_of_ledger();
CREATE TRIGGER ledger_is_never_shortened BEFORE DELETE ON ledger
  FOR EACH ROW EXECUTE FUNCTION refuse_change_of_ledger();
-- TRUNCATE passes the triggers of rows.
CREATE TRIGGER ledger_is_never_emptied BEFORE TRUNCATE ON ledger
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_ledger();

CREATE FUNCTION count_hold() RETURNS trigger LANGUAGE plpgsql AS
  $$BEGIN
    INSERT INTO day_total (day, credits)
      SELECT at / 86400000, 0 FROM ledger WHERE job_id = NEW.job_id AND kind = 'hold' ON CONFLICT DO NOTHING;
    UPDATE day_total
      SET credits = credits + (CASE NEW.kind WHEN 'hold' THEN 1 ELSE -1 END) * (NEW.allowance + NEW.bonus)
      WHERE day = (SELECT at / 86400000 FROM ledger WHERE job_id = NEW.job_id AND kind = 'hold');
    RETURN NULL;
  END$$;
CREATE TRIGGER day_total_counts_holds AFTER INSERT ON ledger FOR EACH ROW
  WHEN (NEW.kind IN ('hold', 'release')) EXECUTE FUNCTION count_hold();

CREATE FUNCTION count_operators_grant() RETURNS trigger LANGUAGE plpgsql AS
  $$BEGIN
    UPDATE guild SET operator_bonus = operator_bonus + NEW.bonus WHERE id = NEW.guild_id;
    RETURN NULL;
  END$$;
CREATE TRIGGER operator_bonus_counts_grants AFTER INSERT ON ledger FOR EACH ROW
  WHEN (NEW.kind = 'grant' AND NEW.actor_id = -2) EXECUTE FUNCTION count_operators_grant();

CREATE FUNCTION refuse_nameless_request() RETURNS trigger LANGUAGE plpgsql AS
  $$BEGIN RAISE EXCEPTION 'a job is submitted without naming its service'; END$$;
CREATE TRIGGER a_request_names_its_service BEFORE UPDATE OF state ON job FOR EACH ROW
  WHEN (NEW.state = 'submitting' AND NEW.backend IS NULL) EXECUTE FUNCTION refuse_nameless_request();

CREATE FUNCTION add_job_event(job BIGINT, moment BIGINT, what TEXT, now_in TEXT, tried BIGINT, said TEXT)
  RETURNS void LANGUAGE plpgsql AS
  $$BEGIN
    INSERT INTO job_event (job_id, number, at, kind, state, attempt, note, last_at)
      SELECT job, LEAST(200, 1 + COALESCE(MAX(number), 0)), moment, what, now_in, tried, said, moment
      FROM job_event WHERE job_id = job
      ON CONFLICT (job_id, number) DO UPDATE SET at = excluded.at, kind = excluded.kind,
        state = excluded.state, attempt = excluded.attempt, note = excluded.note, repeats = 0,
        last_at = excluded.last_at;
  END$$;
CREATE FUNCTION place_of_send(direct BIGINT, channel BIGINT, requested_in BIGINT, results_in BIGINT) RETURNS TEXT
  LANGUAGE sql IMMUTABLE AS
  $$SELECT CASE WHEN direct = 1 THEN 'direct message'
                WHEN channel = requested_in THEN 'channel'
                WHEN channel = results_in THEN 'results channel' ELSE 'parent channel' END$$;

CREATE FUNCTION record_state() RETURNS trigger LANGUAGE plpgsql AS
  $$BEGIN
    PERFORM add_job_event(NEW.id, NEW.state_since, 'state', NEW.state, NEW.attempt, COALESCE(
      CASE NEW.state WHEN 'submitting' THEN NEW.backend WHEN 'failed' THEN NEW.reason
                     WHEN 'explained' THEN NEW.reason
                     WHEN 'delivering' THEN
                       place_of_send(NEW.delivery_direct, NEW.delivery_channel_id, NEW.channel_id,
                                     NEW.results_channel_id) END, ''));
    RETURN NULL;
  END$$;
CREATE TRIGGER job_event_of_state AFTER UPDATE OF state ON job FOR EACH ROW
  WHEN (NEW.state <> OLD.state) EXECUTE FUNCTION record_state();

CREATE FUNCTION record_send() RETURNS trigger LANGUAGE plpgsql AS
  $$BEGIN
    PERFORM add_job_event(NEW.id, NEW.delivery_started_at, 'sending', NEW.state, NEW.attempt,
                          place_of_send(NEW.delivery_direct, NEW.delivery_channel_id, NEW.channel_id,
                                     NEW.results_channel_id));
    RETURN NULL;
  END$$;
CREATE TRIGGER job_event_of_send AFTER UPDATE OF delivery_started_at ON job FOR EACH ROW
  WHEN (NEW.delivery_started_at IS NOT NULL AND NEW.state = OLD.state
        AND NEW.delivery_started_at IS DISTINCT FROM OLD.delivery_started_at)
  EXECUTE FUNCTION record_send();

CREATE FUNCTION record_parking() RETURNS trigger LANGUAGE plpgsql AS
  $$BEGIN
    PERFORM add_job_event(NEW.id, COALESCE(NEW.card_due_at, NEW.state_since),
                          CASE WHEN NEW.parked IS NULL THEN 'resumed' ELSE 'parked' END, NEW.state,
                          NEW.attempt, COALESCE(NEW.parked, ''));
    RETURN NULL;
  END$$;
CREATE TRIGGER job_event_of_parking AFTER UPDATE OF parked ON job FOR EACH ROW
  WHEN (NEW.parked IS DISTINCT FROM OLD.parked AND NEW.state = OLD.state) EXECUTE FUNCTION record_parking();

CREATE FUNCTION record_deletion() RETURNS trigger LANGUAGE plpgsql AS
  $$BEGIN
    PERFORM add_job_event(NEW.id, COALESCE(NEW.card_due_at, NEW.state_since), 'deleted', NEW.state,
                          NEW.attempt, '');
    RETURN NULL;
  END$$;
CREATE TRIGGER job_event_of_deletion AFTER UPDATE OF message_id ON job FOR EACH ROW
  WHEN (NEW.message_id IS NULL AND OLD.message_id IS NOT NULL AND NEW.interaction_id > 0)
  EXECUTE FUNCTION record_deletion();

-- The writer is set by the session that holds a slot.
CREATE FUNCTION count_songs(counted TEXT, songs BIGINT, credits BIGINT) RETURNS void LANGUAGE plpgsql AS
  $$BEGIN
    INSERT INTO song_total (writer, name, songs, credits)
      VALUES (COALESCE(CAST(NULLIF(current_setting('tunesmith.writer', true), '') AS BIGINT), -1),
              counted, $2, $3)
      ON CONFLICT (writer, name) DO UPDATE
        SET songs = song_total.songs + excluded.songs, credits = song_total.credits + excluded.credits;
  END$$;
CREATE FUNCTION count_song() RETURNS trigger LANGUAGE plpgsql AS
  $$BEGIN
    PERFORM count_songs(OLD.state || COALESCE(':' || OLD.reason, ''), -1, -OLD.price);
    PERFORM count_songs(NEW.state || COALESCE(':' || NEW.reason, ''), 1, NEW.price);
    RETURN NULL;
  END$$;
CREATE TRIGGER song_total_of_change AFTER UPDATE OF state, reason, price ON job FOR EACH ROW
  WHEN (NEW.state <> OLD.state OR NEW.reason IS DISTINCT FROM OLD.reason OR NEW.price <> OLD.price)
  EXECUTE FUNCTION count_song();

CREATE FUNCTION count_parking() RETURNS trigger LANGUAGE plpgsql AS
  $$BEGIN
    IF NEW.parked IS NULL THEN
      PERFORM count_songs('parked', -1, -NEW.price);
    ELSE
      PERFORM count_songs('parked', 1, NEW.price);
    END IF;
    RETURN NULL;
  END$$;
CREATE TRIGGER song_total_of_parking AFTER UPDATE OF parked ON job FOR EACH ROW
  WHEN ((NEW.parked IS NULL) <> (OLD.parked IS NULL)) EXECUTE FUNCTION count_parking();

CREATE FUNCTION count_new_song() RETURNS trigger LANGUAGE plpgsql AS
  $$BEGIN
    PERFORM count_songs('queued', 1, NEW.allowance + NEW.bonus);
    RETURN NULL;
  END$$;
CREATE TRIGGER song_total_of_new AFTER INSERT ON ledger FOR EACH ROW
  WHEN (NEW.kind = 'hold') EXECUTE FUNCTION count_new_song();

CREATE FUNCTION count_refund() RETURNS trigger LANGUAGE plpgsql AS
  $$BEGIN
    PERFORM count_songs('refunded', 1, NEW.allowance + NEW.bonus);
    RETURN NULL;
  END$$;
CREATE TRIGGER song_total_of_refund AFTER INSERT ON ledger FOR EACH ROW
  WHEN (NEW.kind = 'refund' AND NEW.job_id IS NOT NULL) EXECUTE FUNCTION count_refund();

CREATE FUNCTION count_rating() RETURNS trigger LANGUAGE plpgsql AS
  $$BEGIN
    INSERT INTO song_tally (job_id, guild_id, song_at, likes, dislikes, unlisted)
      VALUES (NEW.job_id, NEW.guild_id, NEW.song_at, NEW.liked, 1 - NEW.liked, 1 - NEW.listed)
      ON CONFLICT (job_id) DO UPDATE
        SET likes = song_tally.likes + excluded.likes, dislikes = song_tally.dislikes + excluded.dislikes,
            unlisted = song_tally.unlisted + excluded.unlisted;
    RETURN NULL;
  END$$;
CREATE TRIGGER song_tally_of_new AFTER INSERT ON rating FOR EACH ROW EXECUTE FUNCTION count_rating();

CREATE FUNCTION count_changed_rating() RETURNS trigger LANGUAGE plpgsql AS
  $$BEGIN
    UPDATE song_tally
      SET likes = likes + NEW.liked - OLD.liked, dislikes = dislikes + OLD.liked - NEW.liked,
          unlisted = unlisted + OLD.listed - NEW.listed
      WHERE job_id = NEW.job_id;
    RETURN NULL;
  END$$;
CREATE TRIGGER song_tally_of_change AFTER UPDATE OF liked, listed ON rating FOR EACH ROW
  EXECUTE FUNCTION count_changed_rating();

CREATE FUNCTION count_deleted_rating() RETURNS trigger LANGUAGE plpgsql AS
  $$BEGIN
    UPDATE song_tally
      SET likes = likes - OLD.liked, dislikes = dislikes - 1 + OLD.liked, unlisted = unlisted - 1 + OLD.listed
      WHERE job_id = OLD.job_id;
    DELETE FROM song_tally WHERE job_id = OLD.job_id AND likes + dislikes = 0;
    RETURN NULL;
  END$$;
CREATE TRIGGER song_tally_of_deletion AFTER DELETE ON rating FOR EACH ROW EXECUTE FUNCTION count_deleted_rating();

CREATE FUNCTION count_spent() RETURNS trigger LANGUAGE plpgsql AS
  $$DECLARE
    amount BIGINT := (CASE NEW.kind WHEN 'settle' THEN 1 ELSE -1 END) * (NEW.allowance + NEW.bonus);
    month_day BIGINT := EXTRACT(DAY FROM DATE '1970-01-01' + CAST(NEW.day AS INTEGER));
  BEGIN
    INSERT INTO spent_total (guild_id, period, first_day, member_id, credits)
      VALUES (NEW.guild_id, 'week', NEW.day - (NEW.day + 3) % 7, NEW.member_id, amount),
             (NEW.guild_id, 'month', NEW.day + 1 - month_day, NEW.member_id, amount)
      ON CONFLICT (guild_id, period, first_day, member_id) DO UPDATE
        SET credits = spent_total.credits + excluded.credits;
    RETURN NULL;
  END$$;
CREATE TRIGGER spent_total_of_song AFTER INSERT ON ledger FOR EACH ROW
  WHEN (NEW.kind IN ('settle', 'refund')) EXECUTE FUNCTION count_spent();
