-- How long a channel's messages are kept, and whether nothing of it may be erased. Without a row the setting decides.
CREATE TABLE channel_retention (
  channel_id UUID NOT NULL,
  days INTEGER,
  legal_hold BOOLEAN NOT NULL DEFAULT FALSE,
  -- Up to this message all are erased.
  swept_seq BIGINT NOT NULL DEFAULT 0,
  CONSTRAINT channel_retention_pk PRIMARY KEY (channel_id),
  CONSTRAINT channel_retention_channel_fk FOREIGN KEY (channel_id) REFERENCES channels (id) ON DELETE CASCADE,
  CONSTRAINT channel_retention_days_ck CHECK (days > 0)
);

-- Since when nothing is kept of what a message said.
ALTER TABLE messages ADD COLUMN erased_at TIMESTAMPTZ;

-- A binary that does not know of holds would not keep them.
INSERT INTO meta (key, value) VALUES ('oldest_schema', '0013')
  ON CONFLICT (key) DO UPDATE SET value = excluded.value;
