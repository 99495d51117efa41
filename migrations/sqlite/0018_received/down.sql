ALTER TABLE channel_members DROP COLUMN received_at;
ALTER TABLE channel_members DROP COLUMN received_version;
ALTER TABLE channel_members DROP COLUMN received_after;
