DROP TRIGGER attachments_removed_tg;
DROP TRIGGER attachments_deleted_tg;
ALTER TABLE messages DROP COLUMN files_hash;
ALTER TABLE messages DROP COLUMN attachment_ids;
DROP TABLE attachments;
