DROP TABLE meta;
DROP TABLE channel_changes;
DROP TABLE messages;
DROP TABLE channel_members;
DROP TABLE channels;
DROP TABLE users;
