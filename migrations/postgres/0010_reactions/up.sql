-- Who says what of a message with a sign or a short word. What was taken back has no row; the trail has both.
CREATE TABLE message_reactions (
  message_id UUID NOT NULL,
  reaction TEXT NOT NULL,
  user_id UUID NOT NULL,
  version BIGINT NOT NULL,
  at TIMESTAMPTZ NOT NULL,
  CONSTRAINT message_reactions_pk PRIMARY KEY (message_id, reaction, user_id),
  CONSTRAINT message_reactions_message_fk FOREIGN KEY (message_id) REFERENCES messages (id) ON DELETE CASCADE,
  CONSTRAINT message_reactions_user_fk FOREIGN KEY (user_id) REFERENCES users (id)
);

-- The version of the last change that left the content alone, and since which version the content had been what it was
-- then. Null where there was none, so that only messages that may have reactions are looked up.
ALTER TABLE messages ADD COLUMN touched_version BIGINT;
ALTER TABLE messages ADD COLUMN content_version BIGINT;
-- Whom the message names, one id after the other. Stays when the message is deleted.
ALTER TABLE messages ADD COLUMN mention_ids BYTEA;

-- Whatever deletes a message takes its reactions along. Whoever deletes may have another search_path than the daemon:
-- hence TG_TABLE_SCHEMA.
CREATE FUNCTION message_reactions_go() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('DELETE FROM %I.message_reactions WHERE message_id = $1', TG_TABLE_SCHEMA) USING OLD.id;
  RETURN NULL;
END $$;

CREATE TRIGGER message_reactions_deleted_tg AFTER UPDATE OF deleted_at ON messages FOR EACH ROW
  WHEN (NEW.deleted_at IS NOT NULL AND NEW.touched_version IS NOT NULL) EXECUTE FUNCTION message_reactions_go();

-- There are more kinds of entries now, and which ones there are is for whoever verifies to know.
ALTER TABLE audit_entries DROP CONSTRAINT audit_entries_kind_ck;

-- A binary that takes a message's version for its content's would keep revisions under versions that they never had.
INSERT INTO meta (key, value) VALUES ('oldest_schema', '0010')
  ON CONFLICT (key) DO UPDATE SET value = greatest(meta.value, excluded.value);
