-- Messages that ask for an answer. `due_at` is the deadline until somebody has looked at it, `open_count` how many of the
-- assignees have neither declined nor are done.
CREATE TABLE instructions (
  message_id BLOB NOT NULL,
  channel_id BLOB NOT NULL,
  deadline INTEGER,
  to_all INTEGER NOT NULL,
  due_at INTEGER,
  overdue_at INTEGER,
  open_count INTEGER NOT NULL,
  CONSTRAINT instructions_pk PRIMARY KEY (message_id),
  CONSTRAINT instructions_to_all_ck CHECK (to_all IN (0, 1)),
  CONSTRAINT instructions_message_fk FOREIGN KEY (message_id) REFERENCES messages (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX instructions_channel_ix ON instructions (channel_id, message_id);
-- Whoever looks for what is due finds nothing else here.
CREATE INDEX instructions_due_ix ON instructions (due_at) WHERE due_at IS NOT NULL;

-- Of whom an answer is asked, and what it was last. Users have no key here: each one would be locked by the send.
CREATE TABLE instruction_assignees (
  message_id BLOB NOT NULL,
  user_id BLOB NOT NULL,
  position INTEGER NOT NULL,
  answer TEXT,
  note TEXT,
  version INTEGER,
  at INTEGER,
  CONSTRAINT instruction_assignees_pk PRIMARY KEY (message_id, user_id),
  CONSTRAINT instruction_assignees_answer_ck CHECK (answer IN ('accepted', 'declined', 'done')),
  CONSTRAINT instruction_assignees_message_fk FOREIGN KEY (message_id) REFERENCES messages (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX instruction_assignees_user_ix ON instruction_assignees (user_id, message_id);

-- What the audit trail has of the instruction; null where the message has none, so that only messages that have one are
-- looked up.
ALTER TABLE messages ADD COLUMN instruction_hash BLOB;

-- Whatever deletes a message takes the answers along. Whom it was for stays.
CREATE TRIGGER instructions_deleted_tg AFTER UPDATE OF deleted_at ON messages
WHEN NEW.deleted_at IS NOT NULL AND NEW.instruction_hash IS NOT NULL
BEGIN
  UPDATE instructions SET due_at = NULL, open_count = 0 WHERE message_id = NEW.id;
  UPDATE instruction_assignees SET answer = NULL, note = NULL, version = NULL, at = NULL WHERE message_id = NEW.id;
END;
