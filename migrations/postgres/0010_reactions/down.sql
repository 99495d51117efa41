UPDATE meta SET value = '0007' WHERE key = 'oldest_schema';
ALTER TABLE audit_entries ADD CONSTRAINT audit_entries_kind_ck
  CHECK (kind IN ('created', 'edited', 'deleted', 'changed')) NOT VALID;
DROP TRIGGER message_reactions_deleted_tg ON messages;
DROP FUNCTION message_reactions_go();
ALTER TABLE messages DROP COLUMN mention_ids;
ALTER TABLE messages DROP COLUMN content_version;
ALTER TABLE messages DROP COLUMN touched_version;
DROP TABLE message_reactions;
