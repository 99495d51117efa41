CREATE TABLE audit_heads (
  channel_id UUID NOT NULL,
  since BIGINT NOT NULL,
  version BIGINT NOT NULL,
  head BYTEA NOT NULL,
  CONSTRAINT audit_heads_pk PRIMARY KEY (channel_id)
);
INSERT INTO audit_heads (channel_id, since, version, head)
  SELECT id, audit_since, audit_version, audit_head FROM channels WHERE audit_head IS NOT NULL;
ALTER TABLE channels DROP COLUMN audit_since, DROP COLUMN audit_version, DROP COLUMN audit_head;
UPDATE meta SET value = '0013' WHERE key = 'oldest_schema';
