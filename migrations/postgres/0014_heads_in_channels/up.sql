-- What a channel's entries come to stands in its own row, which every change of the channel writes anyway: a row of its own
-- was looked up for each message of a batch and written once more for each channel.
-- Null: it has no trail, or what it came to was taken away.
ALTER TABLE channels ADD COLUMN audit_since BIGINT, ADD COLUMN audit_version BIGINT, ADD COLUMN audit_head BYTEA;
UPDATE channels c SET audit_since = h.since, audit_version = h.version, audit_head = h.head
  FROM audit_heads h WHERE h.channel_id = c.id;
DROP TABLE audit_heads;

-- A binary that looks for the table would not find it.
INSERT INTO meta (key, value) VALUES ('oldest_schema', '0014')
  ON CONFLICT (key) DO UPDATE SET value = excluded.value;
