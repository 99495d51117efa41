-- Messages that ask for an answer. `due_at` is the deadline until somebody has looked at it, `open_count` how many of the
-- assignees have neither declined nor are done.
CREATE TABLE instructions (
  message_id UUID NOT NULL,
  channel_id UUID NOT NULL,
  deadline TIMESTAMPTZ,
  to_all BOOLEAN NOT NULL,
  due_at TIMESTAMPTZ,
  overdue_at TIMESTAMPTZ,
  open_count BIGINT NOT NULL,
  CONSTRAINT instructions_pk PRIMARY KEY (message_id),
  CONSTRAINT instructions_message_fk FOREIGN KEY (message_id) REFERENCES messages (id) ON DELETE CASCADE
);

CREATE INDEX instructions_channel_ix ON instructions (channel_id, message_id);
-- Whoever looks for what is due finds nothing else here.
CREATE INDEX instructions_due_ix ON instructions (due_at) WHERE due_at IS NOT NULL;

-- Of whom an answer is asked, and what it was last. Users have no key here: each one would be locked by the send.
CREATE TABLE instruction_assignees (
  message_id UUID NOT NULL,
  user_id UUID NOT NULL,
  position INTEGER NOT NULL,
  answer TEXT,
  note TEXT,
  version BIGINT,
  at TIMESTAMPTZ,
  CONSTRAINT instruction_assignees_pk PRIMARY KEY (message_id, user_id),
  CONSTRAINT instruction_assignees_answer_ck CHECK (answer IN ('accepted', 'declined', 'done')),
  CONSTRAINT instruction_assignees_message_fk FOREIGN KEY (message_id) REFERENCES messages (id) ON DELETE CASCADE
);

CREATE INDEX instruction_assignees_user_ix ON instruction_assignees (user_id, message_id);

-- What the audit trail has of the instruction; null where the message has none, so that only messages that have one are
-- looked up.
ALTER TABLE messages ADD COLUMN instruction_hash BYTEA;

-- Whatever deletes a message takes the answers along. Whom it was for stays. Whoever deletes may have another search_path
-- than the daemon: hence TG_TABLE_SCHEMA.
CREATE FUNCTION instructions_let_go() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('UPDATE %I.instructions SET due_at = NULL, open_count = 0 WHERE message_id = $1', TG_TABLE_SCHEMA) USING OLD.id;
  EXECUTE format('UPDATE %I.instruction_assignees SET answer = NULL, note = NULL, version = NULL, at = NULL WHERE message_id = $1',
    TG_TABLE_SCHEMA) USING OLD.id;
  RETURN NULL;
END $$;

CREATE TRIGGER instructions_deleted_tg AFTER UPDATE OF deleted_at ON messages FOR EACH ROW
  WHEN (NEW.deleted_at IS NOT NULL AND NEW.instruction_hash IS NOT NULL) EXECUTE FUNCTION instructions_let_go();
