-- Ids are 16 bytes; times are microseconds since 1970, UTC.
CREATE TABLE users (
  id BLOB NOT NULL,
  external_id TEXT,
  sub TEXT,
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  CONSTRAINT users_pk PRIMARY KEY (id)
) STRICT;

CREATE TABLE channels (
  id BLOB NOT NULL,
  type TEXT NOT NULL,
  name TEXT,
  created_at INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  version INTEGER NOT NULL,
  members_version INTEGER NOT NULL,
  direct_key TEXT,
  CONSTRAINT channels_pk PRIMARY KEY (id),
  CONSTRAINT channels_type_ck CHECK (type IN ('direct', 'group')),
  CONSTRAINT channels_direct_key_uq UNIQUE (direct_key)
) STRICT;

CREATE TABLE channel_members (
  channel_id BLOB NOT NULL,
  user_id BLOB NOT NULL,
  role TEXT NOT NULL,
  joined_at INTEGER NOT NULL,
  last_read_seq INTEGER NOT NULL,
  last_read_at INTEGER NOT NULL,
  CONSTRAINT channel_members_pk PRIMARY KEY (channel_id, user_id),
  CONSTRAINT channel_members_role_ck CHECK (role IN ('member', 'admin', 'owner')),
  CONSTRAINT channel_members_channel_fk FOREIGN KEY (channel_id) REFERENCES channels (id) ON DELETE CASCADE,
  CONSTRAINT channel_members_user_fk FOREIGN KEY (user_id) REFERENCES users (id)
) STRICT, WITHOUT ROWID;

CREATE INDEX channel_members_user_ix ON channel_members (user_id, channel_id);

CREATE TABLE messages (
  id BLOB NOT NULL,
  channel_id BLOB NOT NULL,
  seq INTEGER NOT NULL,
  version INTEGER NOT NULL,
  first_version INTEGER NOT NULL,
  sender_id BLOB NOT NULL,
  client_id BLOB NOT NULL,
  digest BLOB NOT NULL,
  content TEXT NOT NULL,
  content_type TEXT NOT NULL,
  reply_to_id BLOB,
  created_at INTEGER NOT NULL,
  updated_at INTEGER,
  updated_by BLOB,
  deleted_at INTEGER,
  deleted_by BLOB,
  CONSTRAINT messages_pk PRIMARY KEY (id),
  CONSTRAINT messages_seq_uq UNIQUE (channel_id, seq),
  CONSTRAINT messages_version_uq UNIQUE (channel_id, version),
  CONSTRAINT messages_client_uq UNIQUE (sender_id, client_id),
  CONSTRAINT messages_channel_fk FOREIGN KEY (channel_id) REFERENCES channels (id) ON DELETE CASCADE,
  CONSTRAINT messages_sender_fk FOREIGN KEY (sender_id) REFERENCES users (id)
) STRICT;

CREATE INDEX messages_created_ix ON messages (channel_id, created_at);
CREATE INDEX messages_own_ix ON messages (channel_id, sender_id, seq);
CREATE INDEX messages_deleted_ix ON messages (channel_id, seq) WHERE deleted_at IS NOT NULL;

CREATE TABLE channel_changes (
  channel_id BLOB NOT NULL,
  version INTEGER NOT NULL,
  detail TEXT NOT NULL,
  actor_id BLOB,
  at INTEGER NOT NULL,
  CONSTRAINT channel_changes_pk PRIMARY KEY (channel_id, version),
  CONSTRAINT channel_changes_channel_fk FOREIGN KEY (channel_id) REFERENCES channels (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE meta (
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  CONSTRAINT meta_pk PRIMARY KEY (key)
) STRICT, WITHOUT ROWID;
