-- Whoever was let read it has to be let again.
DROP VIEW api_members;
ALTER TABLE channel_members DROP COLUMN received_at;
ALTER TABLE channel_members DROP COLUMN received_version;
ALTER TABLE channel_members DROP COLUMN received_after;
CREATE VIEW api_members WITH (security_barrier) AS
  SELECT channel_id, user_id, role, joined_at, last_read_seq, last_read_at FROM channel_members;
