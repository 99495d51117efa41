DROP TRIGGER messages_sender_id_tg ON users;
DROP TRIGGER messages_channel_id_tg ON channels;
DROP TRIGGER messages_sender_tg ON users;
DROP TRIGGER messages_channel_tg ON channels;
DROP FUNCTION messages_keep_id();
DROP FUNCTION messages_keep_sender();
DROP FUNCTION messages_go_with_channel();
ALTER TABLE messages ADD CONSTRAINT messages_sender_fk FOREIGN KEY (sender_id) REFERENCES users (id);
ALTER TABLE messages ADD CONSTRAINT messages_channel_fk FOREIGN KEY (channel_id) REFERENCES channels (id) ON DELETE CASCADE;
