-- What was uploaded. A row comes before its object and goes after it, so that no object is ever without one.
-- `uploading`: its bytes are on their way; `unused`: whole, in no message; `used`; `gone`: its object is to be deleted.
CREATE TABLE attachments (
  id UUID NOT NULL,
  uploader_id UUID NOT NULL,
  state TEXT NOT NULL,
  storage_key TEXT NOT NULL,
  name TEXT NOT NULL,
  content_type TEXT NOT NULL,
  size BIGINT NOT NULL,
  sha256 TEXT NOT NULL,
  width INTEGER,
  height INTEGER,
  created_at TIMESTAMPTZ NOT NULL,
  message_id UUID,
  position INTEGER NOT NULL,
  CONSTRAINT attachments_pk PRIMARY KEY (id),
  CONSTRAINT attachments_state_ck CHECK (state IN ('uploading', 'unused', 'used', 'gone')),
  CONSTRAINT attachments_message_ck CHECK (state <> 'used' OR message_id IS NOT NULL)
);

CREATE INDEX attachments_message_ix ON attachments (message_id, position);
CREATE INDEX attachments_uploader_ix ON attachments (uploader_id);
CREATE INDEX attachments_state_ix ON attachments (state, created_at);

-- Which ones, one id after the other, and what the audit trail has of them: both stay when the attachments are gone. Null where
-- there are none, so that only messages that have some are looked up.
ALTER TABLE messages ADD COLUMN attachment_ids BYTEA;
ALTER TABLE messages ADD COLUMN files_hash BYTEA;

-- Whatever deletes a message lets go of what hangs on it. Whoever deletes may have another search_path than the daemon:
-- hence TG_TABLE_SCHEMA.
CREATE FUNCTION attachments_let_go() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('UPDATE %I.attachments SET state = ''gone'' WHERE message_id = $1', TG_TABLE_SCHEMA) USING OLD.id;
  RETURN NULL;
END $$;

CREATE TRIGGER attachments_deleted_tg AFTER UPDATE OF deleted_at ON messages FOR EACH ROW
  WHEN (NEW.deleted_at IS NOT NULL AND NEW.files_hash IS NOT NULL) EXECUTE FUNCTION attachments_let_go();
CREATE TRIGGER attachments_removed_tg AFTER DELETE ON messages FOR EACH ROW
  WHEN (OLD.files_hash IS NOT NULL) EXECUTE FUNCTION attachments_let_go();
