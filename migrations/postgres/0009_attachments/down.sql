DROP TRIGGER attachments_removed_tg ON messages;
DROP TRIGGER attachments_deleted_tg ON messages;
DROP FUNCTION attachments_let_go();
ALTER TABLE messages DROP COLUMN files_hash;
ALTER TABLE messages DROP COLUMN attachment_ids;
DROP TABLE attachments;
