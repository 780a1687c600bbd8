-- Words are kept once, under who wrote them: songs refer to them, so that a deletion reaches every song
-- that was made of them. And what languages people read, and what outlives a deletion.

-- One text that somebody typed.
CREATE TABLE text (
  id INTEGER PRIMARY KEY AUTOINCREMENT, -- a number of a deleted text must not come again: songs still name it
  author_id INTEGER NOT NULL REFERENCES member (id),
  value TEXT NOT NULL CHECK (value <> '')
) STRICT;
CREATE INDEX text_of_author ON text (author_id);

-- What a job was asked for, apart from it so that it can be dropped and the books stay. NULL: not given.
-- No foreign keys to text: a number without its text tells that the text was deleted by its author.
CREATE TABLE song (
  job_id INTEGER PRIMARY KEY REFERENCES job (id),
  model TEXT NOT NULL,
  custom INTEGER NOT NULL CHECK (custom IN (0, 1)),
  instrumental INTEGER NOT NULL CHECK (instrumental IN (0, 1)),
  voice TEXT CHECK (voice IN ('female', 'male')),
  asked_by TEXT NOT NULL,               -- the member's name as it was then
  prompt_id INTEGER,
  title_id INTEGER,
  style_id INTEGER,
  lyrics_id INTEGER,
  avoid_id INTEGER
) STRICT;

-- Each text of the old rows under a number of its own.
INSERT INTO text (id, author_id, value)
  SELECT 4 * typed.job_id + typed.which, job.member_id, typed.value
  FROM (SELECT job_id, 0 AS which, prompt AS value FROM words
        UNION ALL SELECT job_id, 1, title FROM words
        UNION ALL SELECT job_id, 2, style FROM words
        UNION ALL SELECT job_id, 3, lyrics FROM words) AS typed
  JOIN job ON job.id = typed.job_id WHERE typed.value <> '';
INSERT INTO song (job_id, model, custom, instrumental, asked_by, prompt_id, title_id, style_id, lyrics_id)
  SELECT job_id, model, custom, instrumental, asked_by, IIF(prompt <> '', 4 * job_id, NULL),
         IIF(title <> '', 4 * job_id + 1, NULL), IIF(style <> '', 4 * job_id + 2, NULL),
         IIF(lyrics <> '', 4 * job_id + 3, NULL)
  FROM words;
DROP TABLE words;

-- Songs with their words, as they are read. Subqueries, since a join of joins would be made whole each time.
CREATE VIEW words AS
  SELECT job_id, model, custom, instrumental, voice, asked_by,
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

ALTER TABLE draft ADD COLUMN avoid TEXT NOT NULL DEFAULT '';
ALTER TABLE draft ADD COLUMN voice TEXT CHECK (voice IN ('female', 'male'));
ALTER TABLE draft ADD COLUMN remix_of INTEGER REFERENCES job (id); -- whose words were changed in it
CREATE INDEX draft_of_member ON draft (member_id);
CREATE INDEX draft_of_remix ON draft (remix_of) WHERE remix_of IS NOT NULL;

ALTER TABLE job ADD COLUMN again_of INTEGER REFERENCES job (id); -- the song that this one is another run of
CREATE INDEX job_again ON job (again_of, member_id) WHERE again_of IS NOT NULL;

-- As Discord names languages; '': not known. The server's is for public messages, the member's for private ones.
ALTER TABLE guild ADD COLUMN locale TEXT NOT NULL DEFAULT '';
ALTER TABLE member ADD COLUMN locale TEXT NOT NULL DEFAULT '';

ALTER TABLE member ADD COLUMN leaving_since INTEGER; -- wants to be forgotten as soon as their open songs are done
CREATE INDEX member_leaving ON member (leaving_since) WHERE leaving_since IS NOT NULL;

-- People who were forgotten, by a keyed hash of their id: so long as what they used in a period, or a limit
-- that was set for them, has to hold for them all the same.
CREATE TABLE forgotten (
  member_id INTEGER PRIMARY KEY REFERENCES member (id),
  hash TEXT NOT NULL
) STRICT;
CREATE INDEX forgotten_hash ON forgotten (hash);
