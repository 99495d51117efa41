-- What a channel's entries come to stands in its own row, which every change of the channel writes anyway: a row of its own
-- was one more page to look at and to write.
-- Null: it has no trail, or what it came to was taken away.
ALTER TABLE channels ADD COLUMN audit_since INTEGER;
ALTER TABLE channels ADD COLUMN audit_version INTEGER;
ALTER TABLE channels ADD COLUMN audit_head BLOB;
UPDATE channels SET (audit_since, audit_version, audit_head) =
  (SELECT since, version, head FROM audit_heads WHERE channel_id = channels.id);
DROP TABLE audit_heads;

-- A binary that looks for the table would not find it.
INSERT INTO meta (key, value) VALUES ('oldest_schema', '0014')
  ON CONFLICT (key) DO UPDATE SET value = excluded.value;
