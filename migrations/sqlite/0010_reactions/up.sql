-- Who says what of a message with a sign or a short word. What was taken back has no row; the trail has both.
CREATE TABLE message_reactions (
  message_id BLOB NOT NULL,
  reaction TEXT NOT NULL,
  user_id BLOB NOT NULL,
  version INTEGER NOT NULL,
  at INTEGER NOT NULL,
  CONSTRAINT message_reactions_pk PRIMARY KEY (message_id, reaction, user_id),
  CONSTRAINT message_reactions_message_fk FOREIGN KEY (message_id) REFERENCES messages (id) ON DELETE CASCADE,
  CONSTRAINT message_reactions_user_fk FOREIGN KEY (user_id) REFERENCES users (id)
) STRICT, WITHOUT ROWID;

-- The version of the last change that left the content alone, and since which version the content had been what it was
-- then. Null where there was none, so that only messages that may have reactions are looked up.
ALTER TABLE messages ADD COLUMN touched_version INTEGER;
ALTER TABLE messages ADD COLUMN content_version INTEGER;
-- Whom the message names, one id after the other. Stays when the message is deleted.
ALTER TABLE messages ADD COLUMN mention_ids BLOB;

-- Whatever deletes a message takes its reactions along.
CREATE TRIGGER message_reactions_deleted_tg AFTER UPDATE OF deleted_at ON messages
WHEN NEW.deleted_at IS NOT NULL AND NEW.touched_version IS NOT NULL
BEGIN
  DELETE FROM message_reactions WHERE message_id = NEW.id;
END;

-- There are more kinds of entries now, and which ones there are is for whoever verifies to know.
CREATE TABLE audit_entries_open (
  channel_id BLOB NOT NULL,
  version INTEGER NOT NULL,
  kind TEXT NOT NULL,
  message_id BLOB,
  actor_id BLOB,
  at INTEGER NOT NULL,
  hash BLOB,
  detail TEXT,
  CONSTRAINT audit_entries_pk PRIMARY KEY (channel_id, version)
) STRICT, WITHOUT ROWID;
INSERT INTO audit_entries_open SELECT channel_id, version, kind, message_id, actor_id, at, hash, detail FROM audit_entries;
DROP TABLE audit_entries;
ALTER TABLE audit_entries_open RENAME TO audit_entries;

-- A binary that takes a message's version for its content's would keep revisions under versions that they never had.
INSERT INTO meta (key, value) VALUES ('oldest_schema', '0010')
  ON CONFLICT (key) DO UPDATE SET value = max(meta.value, excluded.value);
