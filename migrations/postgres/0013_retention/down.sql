ALTER TABLE messages DROP COLUMN erased_at;
DROP TABLE channel_retention;
UPDATE meta SET value = '0011' WHERE key = 'oldest_schema';
