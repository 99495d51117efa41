-- By which words a message may be found, written in the background.
CREATE TABLE message_words (
  message_id UUID NOT NULL,
  channel_id UUID NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  words TSVECTOR NOT NULL,
  CONSTRAINT message_words_pk PRIMARY KEY (message_id),
  CONSTRAINT message_words_message_fk FOREIGN KEY (message_id) REFERENCES messages (id) ON DELETE CASCADE
);

-- Whoever writes does so in batches; without a list of what is still to be sorted in, a search never has to read that.
CREATE INDEX message_words_gin ON message_words USING gin (words) WITH (fastupdate = off);

-- Up to which version a channel's messages are in it. No foreign key: it would lock the channel's row, for which every
-- message waits.
CREATE TABLE search_progress (
  channel_id UUID NOT NULL,
  version BIGINT NOT NULL,
  CONSTRAINT search_progress_pk PRIMARY KEY (channel_id)
);

CREATE FUNCTION search_progress_goes_with_channel() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('DELETE FROM %I.search_progress WHERE channel_id = $1', TG_TABLE_SCHEMA) USING OLD.id;
  RETURN OLD;
END $$;

CREATE TRIGGER search_progress_channel_tg BEFORE DELETE ON channels FOR EACH ROW
  EXECUTE FUNCTION search_progress_goes_with_channel();
