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
    INSERT INTO day_total (day, credits) VALUES (NEW.day, 0) ON CONFLICT DO NOTHING;
    UPDATE day_total
      SET credits = credits + (CASE NEW.kind WHEN 'hold' THEN 1 ELSE -1 END) * (NEW.allowance + NEW.bonus)
      WHERE day = NEW.day;
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
