DROP TRIGGER attachments_removed_tg;
DROP TRIGGER attachments_deleted_tg;
ALTER TABLE messages DROP COLUMN attachments;
DROP TABLE attachments;
