ALTER TABLE channels DROP COLUMN revisions_visible_to;
DROP TABLE message_revisions;
