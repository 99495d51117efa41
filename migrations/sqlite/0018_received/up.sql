-- The versions that a member's devices have received: those after received_after, up to received_version. Nothing before
-- the first of them.
ALTER TABLE channel_members ADD COLUMN received_after INTEGER NOT NULL DEFAULT 0;
ALTER TABLE channel_members ADD COLUMN received_version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE channel_members ADD COLUMN received_at INTEGER;
