-- Every name is made in the schema that the daemon was given (search_path), `tenfour` unless set.
CREATE TABLE users (
  id UUID NOT NULL,
  external_id TEXT,
  sub TEXT,
  name TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  CONSTRAINT users_pk PRIMARY KEY (id)
);

CREATE TABLE channels (
  id UUID NOT NULL,
  type TEXT NOT NULL,
  name TEXT,
  created_at TIMESTAMPTZ NOT NULL,
  last_seq BIGINT NOT NULL,
  version BIGINT NOT NULL,
  members_version BIGINT NOT NULL,
  direct_key TEXT,
  CONSTRAINT channels_pk PRIMARY KEY (id),
  CONSTRAINT channels_type_ck CHECK (type IN ('direct', 'group')),
  CONSTRAINT channels_direct_key_uq UNIQUE (direct_key)
);

CREATE TABLE channel_members (
  channel_id UUID NOT NULL,
  user_id UUID NOT NULL,
  role TEXT NOT NULL,
  joined_at TIMESTAMPTZ NOT NULL,
  last_read_seq BIGINT NOT NULL,
  last_read_at TIMESTAMPTZ NOT NULL,
  CONSTRAINT channel_members_pk PRIMARY KEY (channel_id, user_id),
  CONSTRAINT channel_members_role_ck CHECK (role IN ('member', 'admin', 'owner')),
  CONSTRAINT channel_members_channel_fk FOREIGN KEY (channel_id) REFERENCES channels (id) ON DELETE CASCADE,
  CONSTRAINT channel_members_user_fk FOREIGN KEY (user_id) REFERENCES users (id)
);

CREATE INDEX channel_members_user_ix ON channel_members (user_id, channel_id);

CREATE TABLE messages (
  id UUID NOT NULL,
  channel_id UUID NOT NULL,
  seq BIGINT NOT NULL,
  version BIGINT NOT NULL,
  first_version BIGINT NOT NULL,
  sender_id UUID NOT NULL,
  client_id UUID NOT NULL,
  digest BYTEA NOT NULL,
  content TEXT NOT NULL,
  content_type TEXT NOT NULL,
  reply_to_id UUID,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ,
  updated_by UUID,
  deleted_at TIMESTAMPTZ,
  deleted_by UUID,
  CONSTRAINT messages_pk PRIMARY KEY (id),
  CONSTRAINT messages_seq_uq UNIQUE (channel_id, seq),
  CONSTRAINT messages_version_uq UNIQUE (channel_id, version),
  CONSTRAINT messages_client_uq UNIQUE (sender_id, client_id),
  CONSTRAINT messages_channel_fk FOREIGN KEY (channel_id) REFERENCES channels (id) ON DELETE CASCADE,
  CONSTRAINT messages_sender_fk FOREIGN KEY (sender_id) REFERENCES users (id)
);

CREATE INDEX messages_created_ix ON messages (channel_id, created_at);
CREATE INDEX messages_own_ix ON messages (channel_id, sender_id, seq);
CREATE INDEX messages_deleted_ix ON messages (channel_id, seq) WHERE deleted_at IS NOT NULL;

CREATE TABLE channel_changes (
  channel_id UUID NOT NULL,
  version BIGINT NOT NULL,
  detail TEXT NOT NULL,
  actor_id UUID,
  at TIMESTAMPTZ NOT NULL,
  CONSTRAINT channel_changes_pk PRIMARY KEY (channel_id, version),
  CONSTRAINT channel_changes_channel_fk FOREIGN KEY (channel_id) REFERENCES channels (id) ON DELETE CASCADE
);

CREATE TABLE meta (
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  CONSTRAINT meta_pk PRIMARY KEY (key)
);
