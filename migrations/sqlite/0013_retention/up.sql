-- How long a channel's messages are kept, and whether nothing of it may be erased. Without a row the setting decides.
CREATE TABLE channel_retention (
  channel_id BLOB NOT NULL,
  days INTEGER,
  legal_hold INTEGER NOT NULL DEFAULT 0,
  -- Up to this message all are erased.
  swept_seq INTEGER NOT NULL DEFAULT 0,
  CONSTRAINT channel_retention_pk PRIMARY KEY (channel_id),
  CONSTRAINT channel_retention_channel_fk FOREIGN KEY (channel_id) REFERENCES channels (id) ON DELETE CASCADE,
  CONSTRAINT channel_retention_days_ck CHECK (days > 0)
) STRICT, WITHOUT ROWID;

-- Since when nothing is kept of what a message said.
ALTER TABLE messages ADD COLUMN erased_at INTEGER;

-- A binary that does not know of holds would not keep them.
INSERT INTO meta (key, value) VALUES ('oldest_schema', '0013')
  ON CONFLICT (key) DO UPDATE SET value = excluded.value;
