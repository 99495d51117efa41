-- By which words a message may be found, written in the background. Its place is its time and a number within that, so that
-- the rows of message_index, which have the same numbers, come in the order of time.
CREATE TABLE message_words (
  place INTEGER NOT NULL,
  message_id BLOB NOT NULL,
  channel_id BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  CONSTRAINT message_words_pk PRIMARY KEY (place),
  CONSTRAINT message_words_message_uq UNIQUE (message_id),
  CONSTRAINT message_words_message_fk FOREIGN KEY (message_id) REFERENCES messages (id) ON DELETE CASCADE
) STRICT;

CREATE VIRTUAL TABLE message_index USING fts5 (words, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii');

CREATE TRIGGER message_words_tg AFTER DELETE ON message_words BEGIN
  DELETE FROM message_index WHERE rowid = OLD.place;
END;

-- Up to which version a channel's messages are in it.
CREATE TABLE search_progress (
  channel_id BLOB NOT NULL,
  version INTEGER NOT NULL,
  CONSTRAINT search_progress_pk PRIMARY KEY (channel_id),
  CONSTRAINT search_progress_channel_fk FOREIGN KEY (channel_id) REFERENCES channels (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
