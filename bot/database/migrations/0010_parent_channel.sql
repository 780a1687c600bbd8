-- The channel of the thread in which a song was requested: where it is posted if the thread has been deleted.
-- NULL: no thread, or a private one, whose songs are not for the channel.
ALTER TABLE job ADD COLUMN parent_channel_id INTEGER;
