-- A foreign key is looked up and locked for each row that is inserted, which takes a third of an append's time. Here the
-- append itself looks: it holds the channel's row locked, and judges the sender.
-- What the keys did beside that, when a channel or a user is deleted, these triggers do.
-- All at once, in the order of an append. An edit goes the other way: whoever is in whose way then tries again.
LOCK TABLE channels, users, messages IN ACCESS EXCLUSIVE MODE;
ALTER TABLE messages DROP CONSTRAINT messages_channel_fk;
ALTER TABLE messages DROP CONSTRAINT messages_sender_fk;

-- Whoever deletes may have another search_path than the daemon: hence TG_TABLE_SCHEMA.
CREATE FUNCTION messages_go_with_channel() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('DELETE FROM %I.messages WHERE channel_id = $1', TG_TABLE_SCHEMA) USING OLD.id;
  RETURN OLD;
END $$;

CREATE FUNCTION messages_keep_sender() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  is_sender boolean;
BEGIN
  EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I.messages WHERE sender_id = $1)', TG_TABLE_SCHEMA)
    INTO is_sender USING OLD.id;
  IF is_sender THEN
    RAISE foreign_key_violation USING MESSAGE = format('user %s has sent messages, which would lose their sender', OLD.id);
  END IF;
  RETURN OLD;
END $$;

CREATE FUNCTION messages_keep_id() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE foreign_key_violation USING MESSAGE = format('the id of a row of %s stays as it is: messages name it', TG_TABLE_NAME);
END $$;

CREATE TRIGGER messages_channel_tg BEFORE DELETE ON channels FOR EACH ROW EXECUTE FUNCTION messages_go_with_channel();
CREATE TRIGGER messages_sender_tg BEFORE DELETE ON users FOR EACH ROW EXECUTE FUNCTION messages_keep_sender();
CREATE TRIGGER messages_channel_id_tg BEFORE UPDATE OF id ON channels FOR EACH ROW
  WHEN (OLD.id <> NEW.id) EXECUTE FUNCTION messages_keep_id();
CREATE TRIGGER messages_sender_id_tg BEFORE UPDATE OF id ON users FOR EACH ROW
  WHEN (OLD.id <> NEW.id) EXECUTE FUNCTION messages_keep_id();
