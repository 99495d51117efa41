-- What a message said before an edit or its deletion, and since when it had. What it says now is in its own row.
CREATE TABLE message_revisions (
  message_id BLOB NOT NULL,
  version INTEGER NOT NULL,
  content TEXT NOT NULL,
  at INTEGER NOT NULL,
  CONSTRAINT message_revisions_pk PRIMARY KEY (message_id, version),
  CONSTRAINT message_revisions_message_fk FOREIGN KEY (message_id) REFERENCES messages (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Of what was deleted so far its last content is known, though not which version had it.
INSERT INTO message_revisions (message_id, version, content, at)
  SELECT id, first_version, content, coalesce(updated_at, created_at) FROM messages WHERE deleted_at IS NOT NULL;

-- Who reads them, besides the channel's admins and owners and the host application's server.
ALTER TABLE channels ADD COLUMN revisions_visible_to TEXT NOT NULL DEFAULT 'admins'
  CONSTRAINT channels_revisions_ck CHECK (revisions_visible_to IN ('admins', 'members'));
