-- The audit trail: one entry for each version of a channel. Of a new message its own row is the entry.
-- No foreign keys: what was removed behind the daemon's back has to be missed.
CREATE TABLE audit_entries (
  channel_id UUID NOT NULL,
  version BIGINT NOT NULL,
  kind TEXT NOT NULL,
  message_id UUID,
  actor_id UUID,
  at TIMESTAMPTZ NOT NULL,
  hash BYTEA,
  detail TEXT,
  CONSTRAINT audit_entries_pk PRIMARY KEY (channel_id, version),
  CONSTRAINT audit_entries_kind_ck CHECK (kind IN ('created', 'edited', 'deleted', 'changed'))
);

-- What all entries of a channel after `since`, up to `version`, come to.
CREATE TABLE audit_heads (
  channel_id UUID NOT NULL,
  since BIGINT NOT NULL,
  version BIGINT NOT NULL,
  head BYTEA NOT NULL,
  CONSTRAINT audit_heads_pk PRIMARY KEY (channel_id)
);

-- A binary that does not write the trail would break it.
INSERT INTO meta (key, value) VALUES ('oldest_schema', '0007')
  ON CONFLICT (key) DO UPDATE SET value = excluded.value;
