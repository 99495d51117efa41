UPDATE meta SET value = '0007' WHERE key = 'oldest_schema';
DROP TRIGGER message_reactions_deleted_tg;
ALTER TABLE messages DROP COLUMN mention_ids;
ALTER TABLE messages DROP COLUMN content_version;
ALTER TABLE messages DROP COLUMN touched_version;
DROP TABLE message_reactions;
