//! The tables, once for both databases: [`Id`] and [`Micros`] are what differs between them.

use super::sql_types::{Id, Micros};

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use super::{Id, Micros};

    users (id) {
        id -> Id,
        external_id -> Nullable<Text>,
        sub -> Nullable<Text>,
        name -> Text,
        created_at -> Micros,
        updated_at -> Micros,
        memberships -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Nullable, Text};
    use super::{Id, Micros};

    channels (id) {
        id -> Id,
        #[sql_name = "type"]
        kind -> Text,
        name -> Nullable<Text>,
        created_at -> Micros,
        last_seq -> BigInt,
        version -> BigInt,
        members_version -> BigInt,
        direct_key -> Nullable<Text>,
        revisions_visible_to -> Text,
        audit_since -> Nullable<BigInt>,
        audit_version -> Nullable<BigInt>,
        audit_head -> Nullable<Binary>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use super::{Id, Micros};

    channel_members (channel_id, user_id) {
        channel_id -> Id,
        user_id -> Id,
        role -> Text,
        joined_at -> Micros,
        last_read_seq -> BigInt,
        last_read_at -> Micros,
        received_after -> BigInt,
        received_version -> BigInt,
        received_at -> Nullable<Micros>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Integer, Nullable};
    use super::Id;

    channel_retention (channel_id) {
        channel_id -> Id,
        days -> Nullable<Integer>,
        legal_hold -> Bool,
        swept_seq -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Integer, Nullable, Text};
    use super::{Id, Micros};

    messages (id) {
        id -> Id,
        channel_id -> Id,
        seq -> BigInt,
        version -> BigInt,
        first_version -> BigInt,
        sender_id -> Id,
        client_id -> Id,
        digest -> Binary,
        content -> Text,
        content_type -> Text,
        reply_to_id -> Nullable<Id>,
        created_at -> Micros,
        updated_at -> Nullable<Micros>,
        updated_by -> Nullable<Id>,
        deleted_at -> Nullable<Micros>,
        deleted_by -> Nullable<Id>,
        attachment_ids -> Nullable<Binary>,
        files_hash -> Nullable<Binary>,
        erased_at -> Nullable<Micros>,
        touched_version -> Nullable<BigInt>,
        content_version -> Nullable<BigInt>,
        mention_ids -> Nullable<Binary>,
        instruction_hash -> Nullable<Binary>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Nullable};
    use super::{Id, Micros};

    instructions (message_id) {
        message_id -> Id,
        channel_id -> Id,
        deadline -> Nullable<Micros>,
        to_all -> Bool,
        due_at -> Nullable<Micros>,
        overdue_at -> Nullable<Micros>,
        open_count -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Integer, Nullable, Text};
    use super::{Id, Micros};

    instruction_assignees (message_id, user_id) {
        message_id -> Id,
        user_id -> Id,
        position -> Integer,
        answer -> Nullable<Text>,
        note -> Nullable<Text>,
        version -> Nullable<BigInt>,
        at -> Nullable<Micros>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Text};
    use super::{Id, Micros};

    message_reactions (message_id, reaction, user_id) {
        message_id -> Id,
        reaction -> Text,
        user_id -> Id,
        version -> BigInt,
        at -> Micros,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Integer, Nullable, Text};
    use super::{Id, Micros};

    attachments (id) {
        id -> Id,
        uploader_id -> Id,
        state -> Text,
        storage_key -> Text,
        name -> Text,
        content_type -> Text,
        size -> BigInt,
        sha256 -> Text,
        width -> Nullable<Integer>,
        height -> Nullable<Integer>,
        created_at -> Micros,
        message_id -> Nullable<Id>,
        position -> Integer,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Text};
    use super::{Id, Micros};

    message_revisions (message_id, version) {
        message_id -> Id,
        version -> BigInt,
        content -> Text,
        at -> Micros,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use super::{Id, Micros};

    channel_changes (channel_id, version) {
        channel_id -> Id,
        version -> BigInt,
        detail -> Text,
        actor_id -> Nullable<Id>,
        at -> Micros,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Nullable, Text};
    use super::{Id, Micros};

    audit_entries (channel_id, version) {
        channel_id -> Id,
        version -> BigInt,
        kind -> Text,
        message_id -> Nullable<Id>,
        actor_id -> Nullable<Id>,
        at -> Micros,
        hash -> Nullable<Binary>,
        detail -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary};
    use super::{Id, Micros};

    audit_journals (id) {
        id -> Id,
        since -> Micros,
        number -> BigInt,
        head -> Binary,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Nullable, Text};
    use super::{Id, Micros};

    audit_records (journal_id, number) {
        journal_id -> Id,
        number -> BigInt,
        kind -> Text,
        actor_id -> Nullable<Id>,
        at -> Micros,
        hash -> Binary,
        detail -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::BigInt;
    use super::Id;

    search_progress (channel_id) {
        channel_id -> Id,
        version -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{Nullable, Text};
    use super::{Id, Micros};

    webhooks (id) {
        id -> Id,
        url -> Text,
        events -> Nullable<Text>,
        secret -> Text,
        previous_secret -> Nullable<Text>,
        previous_until -> Nullable<Micros>,
        state -> Text,
        reason -> Nullable<Text>,
        origin -> Text,
        created_at -> Micros,
        paused_until -> Nullable<Micros>,
        failing_since -> Nullable<Micros>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};
    use super::{Id, Micros};

    webhook_cursors (webhook_id, lane, lane_id) {
        webhook_id -> Id,
        lane -> Text,
        lane_id -> Id,
        version -> BigInt,
        seq -> BigInt,
        record -> BigInt,
        rewinds -> BigInt,
        attempts -> Integer,
        event -> Nullable<Text>,
        event_id -> Nullable<Id>,
        first_at -> Nullable<Micros>,
        next_at -> Nullable<Micros>,
        error -> Nullable<Text>,
        unreachable -> Bool,
        leased_by -> Nullable<Id>,
        leased_until -> Nullable<Micros>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};
    use super::{Id, Micros};

    webhook_failures (webhook_id, event_id) {
        webhook_id -> Id,
        event_id -> Id,
        event -> Text,
        lane -> Text,
        lane_id -> Id,
        version -> Nullable<BigInt>,
        record -> Nullable<BigInt>,
        at -> Micros,
        first_at -> Micros,
        failed_at -> Micros,
        attempts -> Integer,
        error -> Text,
        wanted -> Bool,
        leased_until -> Nullable<Micros>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool};
    use super::{Id, Micros};

    presence (user_id) {
        user_id -> Id,
        online -> Bool,
        number -> BigInt,
        changes -> BigInt,
        at -> Micros,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool};
    use super::{Id, Micros};

    presence_changes (user_id, change) {
        user_id -> Id,
        change -> BigInt,
        online -> Bool,
        at -> Micros,
    }
}

diesel::table! {
    use super::{Id, Micros};

    revoked_tokens (user_id) {
        user_id -> Id,
        issued_before -> Micros,
    }
}

diesel::table! {
    meta (key) {
        key -> Text,
        value -> Text,
    }
}

diesel::joinable!(channel_members -> channels (channel_id));
diesel::joinable!(channel_retention -> channels (channel_id));
diesel::joinable!(channel_members -> users (user_id));
diesel::joinable!(message_revisions -> messages (message_id));
diesel::joinable!(messages -> users (sender_id));
diesel::joinable!(instruction_assignees -> instructions (message_id));
diesel::joinable!(search_progress -> channels (channel_id));
diesel::allow_tables_to_appear_in_same_query!(
    users,
    channels,
    channel_members,
    channel_retention,
    messages,
    message_revisions,
    search_progress
);
diesel::allow_tables_to_appear_in_same_query!(channels, audit_journals, webhook_cursors);
diesel::allow_tables_to_appear_in_same_query!(presence, webhook_cursors);
diesel::allow_tables_to_appear_in_same_query!(instruction_assignees, instructions);
diesel::allow_tables_to_appear_in_same_query!(attachments, messages);
diesel::allow_tables_to_appear_in_same_query!(attachments, channel_retention);
