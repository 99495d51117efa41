DROP VIEW api_messages, api_members, api_channels, api_users;
DROP FUNCTION post_message(uuid, uuid, text, uuid, text, uuid);
DROP FUNCTION digest_part(bytea);
DROP FUNCTION uuid_of_now();
DELETE FROM meta WHERE key = 'max_content_bytes';
