use std::sync::Arc;

use tenfour::domain::change::{By, Changed, ChannelChange, Denied};
use tenfour::domain::channel::{Channel, ChannelKind, Listing, Role};
use tenfour::domain::now;
use tenfour::store::{NewGroup, Reader, Writer};

use crate::kit::*;

cases! {
    a_group_is_owned_by_who_makes_it,
    the_host_makes_groups_of_people_not_seen_yet,
    unknown_users_are_named_in_the_refusal,
    one_channel_a_pair_however_many_ask_at_once,
    a_direct_channel_needs_two_and_keeps_them,
    a_group_is_never_over_its_limit,
    added_members_start_at_the_newest_message,
    what_changes_nothing_takes_no_version,
    roles_decide_who_may_do_what,
    strangers_learn_nothing,
    the_last_owner_hands_over,
    the_last_owner_is_not_demoted,
    edits_and_deletions_take_versions_and_rights,
    a_sub_belongs_to_one_user,
    every_addition_and_removal_counts_for_its_users_alone,
    a_listing_is_of_one_moment,
}

fn role_of(channel: &Channel, name: &str) -> Option<Role> {
    channel.member(user(name).id).map(|member| member.role)
}

async fn reread(reader: &Reader, channel: &Channel) -> Channel {
    reader.channels(vec![channel.id]).await.unwrap().pop().unwrap()
}

async fn a_group_is_owned_by_who_makes_it(writer: Writer, reader: Reader) {
    let channel = group(&writer, &["ana", "bo", "cy"]).await;
    assert_eq!((channel.kind, channel.name.as_deref()), (ChannelKind::Group, Some("Dispatch")));
    assert_eq!((channel.last_seq, channel.version, channel.members_version), (0, 0, 0));
    let roles = ["ana", "bo", "cy", "dee"].map(|name| role_of(&channel, name));
    assert_eq!(roles, [Some(Role::Owner), Some(Role::Member), Some(Role::Member), None]);
    assert_eq!(reread(&reader, &channel).await, channel);
    assert_eq!(reader.listing(user("bo").id).await.unwrap().channels, [channel.id]);
}

async fn the_host_makes_groups_of_people_not_seen_yet(writer: Writer, reader: Reader) {
    let uuid = "0198c0de-0000-7000-8000-000000000001";
    let new = NewGroup {
        by: By::Host,
        name: "Night".to_owned(),
        members: vec![user("driver 7"), user(uuid), user("driver 7")],
        placeholders: true,
        max_members: 50,
    };
    let channel = writer.create_group(new, now()).await.unwrap().unwrap();
    assert_eq!(channel.members.len(), 2);
    assert!(channel.members.iter().all(|member| member.role == Role::Member));
    let placeholder = reader.user(user("driver 7").id).await.unwrap().unwrap();
    assert_eq!((placeholder.external_id.as_deref(), placeholder.name.as_str()), (Some("driver 7"), "driver 7"));
    let renamed = writer.upsert_user(user("driver 7"), "Dee".to_owned()).await.unwrap().unwrap();
    assert_eq!(renamed.name, "Dee");
    writer.upsert_user(user(uuid), "Uma".to_owned()).await.unwrap().unwrap();
    let now_called: Vec<_> = reread(&reader, &channel).await.members.into_iter().map(|member| member.name).collect();
    assert!(now_called.contains(&"Dee".to_owned()) && now_called.contains(&"Uma".to_owned()));
}

async fn unknown_users_are_named_in_the_refusal(writer: Writer, reader: Reader) {
    let channel = group(&writer, &["ana", "bo"]).await;
    let named = vec![user("bo"), user("nobody"), user("no one")];
    let denied = writer.add_members(by("ana"), channel.id, named, false, 50, now()).await.unwrap();
    assert_eq!(denied.unwrap_err(), Denied::UnknownUsers(vec!["nobody".to_owned(), "no one".to_owned()]));
    assert_eq!(reread(&reader, &channel).await, channel);
    assert_eq!(reader.user(user("nobody").id).await.unwrap(), None);
}

async fn one_channel_a_pair_however_many_ask_at_once(writer: Writer, reader: Reader) {
    group(&writer, &["ana", "bo"]).await;
    let writer = Arc::new(writer);
    let tasks: Vec<_> = (0..8)
        .map(|n| {
            let writer = Arc::clone(&writer);
            let (a, b) = if n % 2 == 0 { ("ana", "bo") } else { ("bo", "ana") };
            tokio::spawn(async move {
                writer.create_direct(By::Host, user(a), user(b), false, now()).await.unwrap().unwrap()
            })
        })
        .collect();
    let mut made = Vec::new();
    for task in tasks {
        made.push(task.await.unwrap());
    }
    assert_eq!(made.iter().filter(|(_, new)| *new).count(), 1);
    assert!(made.iter().all(|(channel, _)| channel.id == made[0].0.id && channel.members.len() == 2));
    assert_eq!(reader.listing(user("ana").id).await.unwrap().channels.len(), 2);
}

async fn a_direct_channel_needs_two_and_keeps_them(writer: Writer, _: Reader) {
    group(&writer, &["ana", "bo", "cy"]).await;
    let alone = writer.create_direct(By::Host, user("ana"), user("ana"), false, now()).await.unwrap();
    assert!(matches!(alone, Err(Denied::Conflict(_))));
    let (channel, _) = writer.create_direct(By::Host, user("ana"), user("bo"), false, now()).await.unwrap().unwrap();
    assert_eq!((channel.kind, channel.name.as_deref()), (ChannelKind::Direct, None));
    assert_eq!(channel.peer_of(user("ana").id).map(|peer| peer.user_id), Some(user("bo").id));
    for by in [by("ana"), By::Host] {
        let added = writer.add_members(by, channel.id, vec![user("cy")], false, 50, now()).await.unwrap();
        assert!(matches!(added, Err(Denied::Forbidden(_))));
        let removed = writer.remove_member(by, channel.id, user("ana"), now()).await.unwrap();
        assert!(matches!(removed, Err(Denied::Forbidden(_))));
        let renamed = writer.rename(by, channel.id, "Us".to_owned(), now()).await.unwrap();
        assert!(matches!(renamed, Err(Denied::Forbidden(_))));
        let raised = writer.set_role(by, channel.id, user("bo"), Role::Owner, now()).await.unwrap();
        assert!(matches!(raised, Err(Denied::Forbidden(_))));
    }
}

async fn a_group_is_never_over_its_limit(writer: Writer, reader: Reader) {
    let names: Vec<String> = (0..50).map(|n| format!("user {n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let channel = group(&writer, &names[..40]).await;
    for name in &names[40..] {
        writer.upsert_user(user(name), (*name).to_owned()).await.unwrap().unwrap();
    }
    let writer = Arc::new(writer);
    let tasks: Vec<_> = (0..10)
        .map(|n| {
            let (writer, id, asker) = (Arc::clone(&writer), channel.id, by(names[0]));
            let one = user(names[40 + n]);
            tokio::spawn(async move { writer.add_members(asker, id, vec![one], false, 45, now()).await.unwrap() })
        })
        .collect();
    let mut refused = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(change) => assert!(change.is_some()),
            Err(denied) => {
                assert_eq!(denied, Denied::TooManyMembers { max: 45 });
                refused += 1;
            }
        }
    }
    let after = reread(&reader, &channel).await;
    assert_eq!((refused, after.members.len(), after.version, after.members_version), (5, 45, 5, 5));
    let new = NewGroup {
        by: by(names[0]),
        name: "Large".to_owned(),
        members: names[1..].iter().map(|name| user(name)).collect(),
        placeholders: false,
        max_members: 49,
    };
    assert_eq!(writer.create_group(new, now()).await.unwrap().unwrap_err(), Denied::TooManyMembers { max: 49 });
}

async fn added_members_start_at_the_newest_message(writer: Writer, reader: Reader) {
    group(&writer, &["cy"]).await;
    let channel = group(&writer, &["ana", "bo"]).await;
    send(&writer, &channel, "ana", "one").await;
    send(&writer, &channel, "ana", "two").await;
    let change = writer.add_members(by("ana"), channel.id, vec![user("cy")], false, 50, now()).await.unwrap();
    let change = change.unwrap().unwrap();
    assert_eq!(change.version, 3);
    let Changed::Channel { change, state } = change.what else { panic!() };
    assert_eq!(change, ChannelChange::MembersAdded { user_ids: vec![user("cy").id] });
    assert_eq!(state.channel.member(user("cy").id).unwrap().last_read_seq, 2);
    assert_eq!((state.unread[&user("cy").id], state.unread[&user("bo").id], state.unread[&user("ana").id]), (0, 2, 0));
    assert_eq!(Some(*state), reader.state(channel.id).await.unwrap());
}

async fn what_changes_nothing_takes_no_version(writer: Writer, reader: Reader) {
    let channel = group(&writer, &["ana", "bo"]).await;
    let added = writer.add_members(by("ana"), channel.id, vec![user("bo")], false, 50, now()).await.unwrap();
    assert_eq!(added, Ok(None));
    let named = writer.rename(by("ana"), channel.id, "Dispatch".to_owned(), now()).await.unwrap();
    assert_eq!(named, Ok(None));
    let role = writer.set_role(by("ana"), channel.id, user("bo"), Role::Member, now()).await.unwrap();
    assert_eq!(role, Ok(None));
    assert_eq!(reread(&reader, &channel).await, channel);
}

async fn roles_decide_who_may_do_what(writer: Writer, reader: Reader) {
    let channel = group(&writer, &["ana", "bo", "cy", "dee"]).await;
    let id = channel.id;
    let forbidden = |denied: &Denied| matches!(denied, Denied::Forbidden(_));
    assert!(writer.rename(by("bo"), id, "Mine".to_owned(), now()).await.unwrap().is_err_and(|d| forbidden(&d)));
    assert!(writer.remove_member(by("bo"), id, user("cy"), now()).await.unwrap().is_err_and(|d| forbidden(&d)));
    writer.set_role(by("ana"), id, user("bo"), Role::Admin, now()).await.unwrap().unwrap().unwrap();
    writer.rename(by("bo"), id, "Ours".to_owned(), now()).await.unwrap().unwrap().unwrap();
    writer.remove_member(by("bo"), id, user("cy"), now()).await.unwrap().unwrap();
    let raised = writer.set_role(by("bo"), id, user("dee"), Role::Admin, now()).await.unwrap();
    assert!(raised.is_err_and(|d| forbidden(&d)));
    assert!(writer.remove_member(by("bo"), id, user("ana"), now()).await.unwrap().is_err_and(|d| forbidden(&d)));
    assert_eq!(writer.remove_member(by("ana"), id, user("cy"), now()).await.unwrap(), Err(Denied::NoMember));
    writer.remove_member(by("dee"), id, user("dee"), now()).await.unwrap().unwrap();
    writer.rename(By::Host, id, "Theirs".to_owned(), now()).await.unwrap().unwrap().unwrap();
    let after = reread(&reader, &channel).await;
    assert_eq!((after.version, after.members_version, after.name.as_deref()), (5, 4, Some("Theirs")));
}

async fn strangers_learn_nothing(writer: Writer, reader: Reader) {
    group(&writer, &["eve"]).await;
    let channel = group(&writer, &["ana", "bo"]).await;
    let message = send(&writer, &channel, "ana", "hello").await;
    let (eve, id) = (by("eve"), channel.id);
    assert_eq!(writer.rename(eve, id, "x".to_owned(), now()).await.unwrap(), Err(Denied::NoChannel));
    assert_eq!(writer.remove_member(eve, id, user("eve"), now()).await.unwrap(), Err(Denied::NoChannel));
    assert_eq!(writer.add_members(eve, id, vec![user("eve")], false, 50, now()).await.unwrap(), Err(Denied::NoChannel));
    assert_eq!(writer.set_role(eve, id, user("ana"), Role::Member, now()).await.unwrap(), Err(Denied::NoChannel));
    assert_eq!(writer.edit(eve, message.id, text("x"), now()).await.unwrap(), Err(Denied::NoMessage));
    assert_eq!(writer.delete(eve, message.id, now()).await.unwrap(), Err(Denied::NoMessage));
    assert_eq!(reader.view(user("eve").id, id).await.unwrap(), None);
    assert_eq!(reader.position_of(user("eve").id, message.id).await.unwrap(), None);
    let position = reader.position_of(user("bo").id, message.id).await.unwrap();
    assert_eq!(position, Some((id, 1, message.created_at)));
}

async fn the_last_owner_hands_over(writer: Writer, reader: Reader) {
    let channel = group(&writer, &["ana", "bo", "cy"]).await;
    let id = channel.id;
    for (n, name) in ["dee", "eli"].into_iter().enumerate() {
        writer.upsert_user(user(name), name.to_owned()).await.unwrap().unwrap();
        let at = later(now(), 10 + i64::try_from(n).unwrap());
        writer.add_members(by("ana"), id, vec![user(name)], false, 50, at).await.unwrap().unwrap();
    }
    for name in ["dee", "eli"] {
        writer.set_role(by("ana"), id, user(name), Role::Admin, now()).await.unwrap().unwrap();
    }
    let heir = |changed: Changed| match changed {
        Changed::Channel { change: ChannelChange::MemberRemoved { heir, .. }, .. } => heir,
        other => panic!("{other:?}"),
    };
    let left = writer.remove_member(by("ana"), id, user("ana"), now()).await.unwrap().unwrap();
    assert_eq!(heir(left.what), Some(user("dee").id), "the longest-standing admin");
    assert_eq!(role_of(&reread(&reader, &channel).await, "dee"), Some(Role::Owner));
    let left = writer.remove_member(by("dee"), id, user("eli"), now()).await.unwrap().unwrap();
    assert_eq!(heir(left.what), None, "no owner left");
    let left = writer.remove_member(by("dee"), id, user("dee"), now()).await.unwrap().unwrap();
    let first = heir(left.what).unwrap();
    assert!(first == user("bo").id || first == user("cy").id);
    for _ in 0..2 {
        let owner = reread(&reader, &channel).await.members.into_iter().find(|m| m.role == Role::Owner).unwrap();
        let name = if owner.user_id == user("bo").id { "bo" } else { "cy" };
        writer.remove_member(by(name), id, user(name), now()).await.unwrap().unwrap();
    }
    assert!(reread(&reader, &channel).await.members.is_empty());
}

async fn the_last_owner_is_not_demoted(writer: Writer, _: Reader) {
    let channel = group(&writer, &["ana", "bo"]).await;
    let demoted = writer.set_role(by("ana"), channel.id, user("ana"), Role::Member, now()).await.unwrap();
    assert!(matches!(demoted, Err(Denied::Conflict(_))));
    writer.set_role(by("ana"), channel.id, user("bo"), Role::Owner, now()).await.unwrap().unwrap();
    writer.set_role(by("ana"), channel.id, user("ana"), Role::Member, now()).await.unwrap().unwrap().unwrap();
}

async fn edits_and_deletions_take_versions_and_rights(writer: Writer, reader: Reader) {
    let channel = group(&writer, &["ana", "bo", "cy"]).await;
    let message = send(&writer, &channel, "bo", "hello").await;
    for asker in [by("ana"), by("cy"), By::Host] {
        let edited = writer.edit(asker, message.id, text("no"), now()).await.unwrap();
        assert!(matches!(edited, Err(Denied::Forbidden(_))));
    }
    let edited = writer.edit(by("bo"), message.id, text("hi"), now()).await.unwrap().unwrap();
    assert_eq!((edited.channel_id, edited.version), (channel.id, 2));
    let Changed::Message(edited) = edited.what else { panic!() };
    assert_eq!((edited.content.as_str(), edited.seq, edited.version), ("hi", 1, 2));
    assert_eq!(reader.message(message.id).await.unwrap(), Some(*edited));
    assert!(matches!(writer.delete(by("cy"), message.id, now()).await.unwrap(), Err(Denied::Forbidden(_))));
    let deleted = writer.delete(by("ana"), message.id, now()).await.unwrap().unwrap();
    let Changed::Message(deleted) = deleted.what else { panic!() };
    assert_eq!((deleted.content.as_str(), deleted.version, deleted.deleted_at.is_some()), ("", 3, true));
    assert_eq!(reader.message(message.id).await.unwrap(), Some(*deleted));
    assert!(matches!(writer.edit(by("bo"), message.id, text("x"), now()).await.unwrap(), Err(Denied::Conflict(_))));
    assert!(matches!(writer.delete(by("bo"), message.id, now()).await.unwrap(), Err(Denied::Conflict(_))));
    assert_eq!(reader.heads(vec![channel.id]).await.unwrap(), [(channel.id, 3)]);
}

async fn a_sub_belongs_to_one_user(writer: Writer, reader: Reader) {
    let ana = writer.upsert_user(user("ana"), "Ana".to_owned()).await.unwrap().unwrap();
    assert_eq!(ana.external_id.as_deref(), Some("ana"));
    let thief = writer.upsert_user(user(&ana.id.to_string()), "Eve".to_owned()).await.unwrap();
    assert_eq!(thief, Err(Denied::ForeignSubject));
    let renamed = writer.upsert_user(user("ana"), "Anna".to_owned()).await.unwrap().unwrap();
    assert_eq!(reader.user(ana.id).await.unwrap(), Some(renamed));
    // Whoever names somebody may use either form.
    group(&writer, &["bo"]).await;
    let pair = writer.create_direct(By::Host, user("bo"), user(&ana.id.to_string()), false, now()).await.unwrap();
    assert!(pair.unwrap().0.member(ana.id).is_some());
}

/// How often each one's channels have changed.
async fn counts(reader: &Reader, names: &[&str]) -> Vec<i64> {
    let mut counts = Vec::new();
    for name in names {
        counts.push(reader.listing(user(name).id).await.unwrap().memberships);
    }
    counts
}

async fn every_addition_and_removal_counts_for_its_users_alone(writer: Writer, reader: Reader) {
    let names = ["ana", "bo", "cy", "dee"];
    let channel = group(&writer, &["ana", "bo", "cy"]).await;
    group(&writer, &["dee"]).await;
    assert_eq!(counts(&reader, &names).await, [1, 1, 1, 1]);
    let (direct, _) = writer.create_direct(By::Host, user("ana"), user("dee"), false, now()).await.unwrap().unwrap();
    writer.create_direct(By::Host, user("dee"), user("ana"), false, now()).await.unwrap().unwrap();
    assert_eq!(counts(&reader, &names).await, [2, 1, 1, 2]);
    writer.remove_member(by("ana"), channel.id, user("bo"), now()).await.unwrap().unwrap();
    writer.remove_member(by("cy"), channel.id, user("cy"), now()).await.unwrap().unwrap();
    let both = vec![user("dee"), user("bo"), user("ana"), user("new")];
    writer.add_members(by("ana"), channel.id, both, true, 50, now()).await.unwrap().unwrap();
    assert_eq!(counts(&reader, &names).await, [2, 3, 2, 3]);
    // What changes no membership, or is denied.
    writer.add_members(by("ana"), channel.id, vec![user("bo")], false, 50, now()).await.unwrap().unwrap();
    writer.set_role(by("ana"), channel.id, user("bo"), Role::Admin, now()).await.unwrap().unwrap();
    writer.rename(by("ana"), channel.id, "Day".to_owned(), now()).await.unwrap().unwrap();
    let _ = writer.add_members(by("dee"), channel.id, vec![user("cy")], false, 50, now()).await.unwrap().unwrap_err();
    let _ = writer.remove_member(by("dee"), channel.id, user("ana"), now()).await.unwrap().unwrap_err();
    writer.upsert_user(user("ana"), "Ana".to_owned()).await.unwrap().unwrap();
    assert_eq!(counts(&reader, &names).await, [2, 3, 2, 3]);
    let ids = ["new", "cy", "ana", "nobody"].map(|name| user(name).id);
    let mut expected = vec![(ids[0], 1), (ids[1], 2), (ids[2], 2)];
    expected.sort_unstable();
    assert_eq!(reader.memberships(ids.to_vec()).await.unwrap(), expected);
    assert_eq!(reader.memberships(Vec::new()).await.unwrap(), []);
    let mut channels = vec![channel.id, direct.id];
    channels.sort_unstable();
    assert_eq!(reader.listing(ids[2]).await.unwrap(), Listing { memberships: 2, channels });
    assert_eq!(reader.listing(ids[1]).await.unwrap(), Listing { memberships: 2, channels: Vec::new() });
    assert_eq!(reader.listing(ids[3]).await.unwrap(), Listing::default());
}

async fn a_listing_is_of_one_moment(writer: Writer, reader: Reader) {
    let channel = group(&writer, &["ana", "bo"]).await;
    let changing = tokio::spawn(async move {
        for _ in 0..50 {
            writer.remove_member(by("ana"), channel.id, user("bo"), now()).await.unwrap().unwrap();
            writer.add_members(by("ana"), channel.id, vec![user("bo")], false, 50, now()).await.unwrap().unwrap();
        }
    });
    while !changing.is_finished() {
        let Listing { memberships, channels } = reader.listing(user("bo").id).await.unwrap();
        // In by every odd change, out by every even one.
        assert_eq!(i64::try_from(channels.len()).unwrap(), memberships % 2, "{memberships}");
    }
    changing.await.unwrap();
    assert_eq!(counts(&reader, &["ana", "bo"]).await, [1, 101]);
}
