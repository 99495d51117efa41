CREATE TABLE audit_heads (
  channel_id BLOB NOT NULL,
  since INTEGER NOT NULL,
  version INTEGER NOT NULL,
  head BLOB NOT NULL,
  CONSTRAINT audit_heads_pk PRIMARY KEY (channel_id)
) STRICT, WITHOUT ROWID;
INSERT INTO audit_heads (channel_id, since, version, head)
  SELECT id, audit_since, audit_version, audit_head FROM channels WHERE audit_head IS NOT NULL;
ALTER TABLE channels DROP COLUMN audit_since;
ALTER TABLE channels DROP COLUMN audit_version;
ALTER TABLE channels DROP COLUMN audit_head;
UPDATE meta SET value = '0013' WHERE key = 'oldest_schema';
