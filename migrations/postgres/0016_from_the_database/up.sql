-- What the host application's own SQL may use: a function that sends, and views that read. Both stay as they are from one
-- release to the next; the tables do not. Nobody but the owner may use them until told so by GRANT.

-- 16 bytes, made as the daemon makes them: the time in milliseconds, then chance.
CREATE FUNCTION uuid_of_now() RETURNS uuid LANGUAGE sql VOLATILE AS $$
  SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
    PLACING substring(int8send(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6),
    52, 1), 53, 1), 'hex')::uuid
$$;

-- A part of what a send is told from another by: its length, then itself.
CREATE FUNCTION digest_part(part bytea) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
  SELECT int8send(length(part)::bigint) || part
$$;

CREATE FUNCTION post_message(
  channel_id uuid,
  sender_id uuid,
  content text,
  client_id uuid DEFAULT gen_random_uuid(),
  content_type text DEFAULT 'text',
  reply_to_id uuid DEFAULT NULL
) RETURNS TABLE (message_id uuid, seq bigint, version bigint, created_at timestamptz, duplicate boolean)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
#variable_conflict use_column
DECLARE
  asked_channel CONSTANT uuid := post_message.channel_id;
  asked_sender CONSTANT uuid := post_message.sender_id;
  asked_client CONSTANT uuid := post_message.client_id;
  asked_reply CONSTANT uuid := post_message.reply_to_id;
  said CONSTANT text := post_message.content;
  said_type CONSTANT text := post_message.content_type;
  most CONSTANT integer := coalesce((SELECT value::integer FROM meta WHERE key = 'max_content_bytes'), 16384);
  the_channel channels;
  before messages;
  fingerprint bytea;
  new_id uuid;
  new_at timestamptz;
  head bytea;
  since bigint;
BEGIN
  IF asked_channel IS NULL OR asked_sender IS NULL OR asked_client IS NULL OR said IS NULL OR said_type IS NULL THEN
    RAISE null_value_not_allowed USING
      MESSAGE = 'channel_id, sender_id, content, client_id and content_type must not be null';
  END IF;
  IF octet_length(said) NOT BETWEEN 1 AND most THEN
    RAISE string_data_right_truncation USING
      MESSAGE = format('content is %s bytes long; it must be 1 to %s', octet_length(said), most);
  END IF;
  IF octet_length(said_type) NOT BETWEEN 1 AND 64 THEN
    RAISE string_data_right_truncation USING
      MESSAGE = format('content_type is %s bytes long; it must be 1 to 64', octet_length(said_type));
  END IF;
  -- As an append does: whatever is decided is read after the channel is locked. It stays so until the transaction ends.
  SELECT c.* INTO the_channel FROM channels c WHERE c.id = asked_channel FOR UPDATE;
  fingerprint := sha256(digest_part(uuid_send(asked_channel)) || digest_part(convert_to(said_type, 'UTF8'))
    || digest_part(coalesce(uuid_send(asked_reply), ''::bytea)) || digest_part(convert_to(said, 'UTF8')));
  SELECT m.* INTO before FROM messages m WHERE m.sender_id = asked_sender AND m.client_id = asked_client;
  IF before.id IS NOT NULL THEN
    IF before.digest <> fingerprint THEN
      RAISE unique_violation USING
        MESSAGE = format('client_id %s was used by this sender for another message', asked_client),
        HINT = 'Take a client_id of its own for each message.';
    END IF;
    RETURN QUERY SELECT before.id, before.seq, before.first_version, before.created_at, true;
    RETURN;
  END IF;
  IF the_channel.id IS NULL
    OR NOT EXISTS (SELECT 1 FROM channel_members m WHERE m.channel_id = asked_channel AND m.user_id = asked_sender) THEN
    RAISE foreign_key_violation USING
      MESSAGE = format('user %s is in no channel %s', asked_sender, asked_channel),
      HINT = 'sender_id is the daemon''s id of a user: api_users has it for the application''s own.';
  END IF;
  IF asked_reply IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.id = asked_reply AND m.channel_id = asked_channel) THEN
    RAISE foreign_key_violation USING MESSAGE = format('message %s is not in this channel', asked_reply);
  END IF;
  new_id := uuid_of_now();
  new_at := clock_timestamp();
  INSERT INTO messages (id, channel_id, seq, version, first_version, sender_id, client_id, digest, content, content_type,
      reply_to_id, created_at)
    VALUES (new_id, asked_channel, the_channel.last_seq + 1, the_channel.version + 1, the_channel.version + 1,
      asked_sender, asked_client, fingerprint, said, said_type, asked_reply, new_at);
  -- The entry of the audit trail, as bytes: src/domain/audit.rs says of what.
  since := coalesce(the_channel.audit_since, the_channel.version);
  head := sha256(convert_to('tenfour audit 1', 'UTF8')
    || coalesce(the_channel.audit_head, decode(repeat('00', 32), 'hex'))
    || uuid_send(asked_channel) || int8send(the_channel.version + 1)
    || int8send((extract(epoch FROM new_at) * 1000000)::bigint)
    || '\x01'::bytea || uuid_send(asked_sender)
    || '\x02'::bytea || uuid_send(new_id) || uuid_send(asked_client) || int8send(the_channel.last_seq + 1) || fingerprint);
  UPDATE channels c SET last_seq = the_channel.last_seq + 1, version = the_channel.version + 1, audit_since = since,
    audit_version = the_channel.version + 1, audit_head = head
    WHERE c.id = asked_channel;
  -- Heard when the transaction is committed, by every node.
  PERFORM pg_notify('tenfour', format('%s %s %s', asked_channel, the_channel.version + 1, current_schema()));
  RETURN QUERY SELECT new_id, the_channel.last_seq + 1, the_channel.version + 1, new_at, false;
END $$;

CREATE VIEW api_users WITH (security_barrier) AS
  SELECT id, external_id, sub, name, created_at, updated_at FROM users;

CREATE VIEW api_channels WITH (security_barrier) AS
  SELECT id, type, name, created_at, last_seq, version FROM channels;

CREATE VIEW api_members WITH (security_barrier) AS
  SELECT channel_id, user_id, role, joined_at, last_read_seq, last_read_at FROM channel_members;

-- What was deleted or erased is not told.
CREATE VIEW api_messages WITH (security_barrier) AS
  SELECT id, channel_id, seq, version, sender_id, client_id,
    CASE WHEN deleted_at IS NULL AND erased_at IS NULL THEN content END AS content,
    content_type, reply_to_id, created_at, updated_at, updated_by, deleted_at, deleted_by, erased_at
  FROM messages;

-- Whoever calls it has another search_path, and could put tables of their own in the way.
DO $$ BEGIN
  EXECUTE format('ALTER FUNCTION post_message(uuid, uuid, text, uuid, text, uuid) SET search_path = %I, pg_temp',
    current_schema());
END $$;
REVOKE ALL ON FUNCTION post_message(uuid, uuid, text, uuid, text, uuid) FROM PUBLIC;
REVOKE ALL ON FUNCTION uuid_of_now() FROM PUBLIC;
REVOKE ALL ON FUNCTION digest_part(bytea) FROM PUBLIC;
