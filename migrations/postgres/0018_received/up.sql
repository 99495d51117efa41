-- The versions that a member's devices have received: those after received_after, up to received_version. Nothing before
-- the first of them.
ALTER TABLE channel_members ADD COLUMN received_after BIGINT NOT NULL DEFAULT 0;
ALTER TABLE channel_members ADD COLUMN received_version BIGINT NOT NULL DEFAULT 0;
ALTER TABLE channel_members ADD COLUMN received_at TIMESTAMPTZ;

-- What is added stands last: a view's columns stay where they are.
CREATE OR REPLACE VIEW api_members WITH (security_barrier) AS
  SELECT channel_id, user_id, role, joined_at, last_read_seq, last_read_at, received_version, received_at FROM channel_members;
