use tenfour::domain::change::{By, Changed, Denied};
use tenfour::domain::ids::{MessageId, UserId};
use tenfour::domain::message::{Appended, Message};
use tenfour::domain::now;
use tenfour::domain::reaction::Reaction;
use tenfour::domain::search::{Query, Search};
use tenfour::domain::sync::{FilledWhat, HistoryFrom, PageLimits, SyncFrom};
use tenfour::store::{Reader, Writer};
use uuid::Uuid;

use crate::kit::*;

cases! {
    a_reaction_is_a_change_and_shows_wherever_the_message_does,
    what_is_so_already_takes_no_version,
    who_may_react_and_to_what,
    a_message_has_so_many_different_ones,
    what_was_said_is_told_with_its_own_versions,
    those_who_are_named_are_members_and_stay_named,
    a_batch_judges_each_send_by_whom_it_names,
    many_at_once_take_a_version_each,
}

const LIMITS: PageLimits = PageLimits { messages: 50, bytes: 1 << 20 };

fn reaction(text: &str) -> Reaction {
    text.parse().unwrap()
}

/// The message after it, or nothing where nothing changed.
async fn set(writer: &Writer, who: &str, id: MessageId, text: &str) -> Result<Option<Message>, Denied> {
    changed(writer.react(by(who), id, reaction(text), true, now()).await.unwrap())
}

async fn unset(writer: &Writer, who: &str, id: MessageId, text: &str) -> Result<Option<Message>, Denied> {
    changed(writer.react(by(who), id, reaction(text), false, now()).await.unwrap())
}

fn changed(done: Result<Option<tenfour::domain::change::Change>, Denied>) -> Result<Option<Message>, Denied> {
    let message = |what| match what {
        Changed::Message(message) => *message,
        Changed::Channel { .. } => panic!("{what:?}"),
    };
    done.map(|change| change.map(|change| message(change.what)))
}

fn told(message: &Message) -> Vec<(&str, Vec<UserId>)> {
    message.reactions.iter().map(|it| (it.reaction.as_str(), it.user_ids.clone())).collect()
}

async fn a_reaction_is_a_change_and_shows_wherever_the_message_does(writer: Writer, reader: Reader) {
    let channel = group(&writer, &["ana", "bo", "cy"]).await;
    let [ana, bo, cy] = ["ana", "bo", "cy"].map(|name| user(name).id);
    let other = send(&writer, &channel, "ana", "another").await;
    let sent = send(&writer, &channel, "ana", "Gate three").await;
    let first = set(&writer, "bo", sent.id, "👍").await.unwrap().unwrap();
    assert_eq!((first.version, first.updated_at, told(&first)), (3, None, vec![("👍", vec![bo])]));
    set(&writer, "cy", sent.id, "ok").await.unwrap().unwrap();
    set(&writer, "ana", sent.id, "👍").await.unwrap().unwrap();
    let last = set(&writer, "cy", sent.id, "👍").await.unwrap().unwrap();
    let all = vec![("👍", vec![bo, ana, cy]), ("ok", vec![cy])];
    assert_eq!((last.version, told(&last), last.content.as_str()), (6, all.clone(), "Gate three"));

    let found = reader.message(sent.id).await.unwrap().unwrap();
    assert_eq!(found, last);
    let (page, _) = reader.history(channel.id, HistoryFrom::Latest, LIMITS).await.unwrap();
    assert_eq!(page, [last.clone(), reader.message(other.id).await.unwrap().unwrap()]);
    let synced = reader.sync_page(ana, channel.id, SyncFrom::Version(2), LIMITS).await.unwrap().unwrap();
    assert_eq!((synced.messages, synced.version), (vec![last.clone()], 6));
    let filled = reader.fill(channel.id, 1, 100).await.unwrap().changes;
    assert_eq!((filled.len(), filled[0].since, filled[0].version), (1, 2, 6));
    assert!(matches!(&filled[0].what, FilledWhat::Message(message) if **message == last));
    let search = Search {
        query: Query::parse("gate").unwrap(),
        channel: None,
        sender: None,
        from: None,
        to: None,
        after: None,
        has_attachment: None,
        limit: 10,
        bytes: 1 << 20,
    };
    writer.indexer(&reader).catch_up().await.unwrap();
    let hits = reader.search(Some(ana), search).await.unwrap().unwrap().hits;
    assert_eq!(hits.into_iter().map(|hit| hit.message).collect::<Vec<_>>(), [last]);

    let less = unset(&writer, "bo", sent.id, "👍").await.unwrap().unwrap();
    assert_eq!((less.version, told(&less)), (7, vec![("ok", vec![cy]), ("👍", vec![ana, cy])]));
    writer.delete(by("ana"), sent.id, now()).await.unwrap().unwrap();
    let gone = reader.message(sent.id).await.unwrap().unwrap();
    assert_eq!((gone.version, told(&gone)), (8, vec![]));
}

async fn what_is_so_already_takes_no_version(writer: Writer, reader: Reader) {
    let channel = group(&writer, &["ana", "bo"]).await;
    let sent = send(&writer, &channel, "ana", "Gate 3").await;
    assert_eq!(unset(&writer, "bo", sent.id, "👍").await, Ok(None));
    set(&writer, "bo", sent.id, "👍").await.unwrap().unwrap();
    assert_eq!(set(&writer, "bo", sent.id, "👍").await, Ok(None));
    assert_eq!(unset(&writer, "ana", sent.id, "👍").await, Ok(None), "it is another's");
    assert_eq!(unset(&writer, "bo", sent.id, "👎").await, Ok(None));
    assert_eq!(reader.heads(vec![channel.id]).await.unwrap(), [(channel.id, 2)]);
    unset(&writer, "bo", sent.id, "👍").await.unwrap().unwrap();
    let found = reader.message(sent.id).await.unwrap().unwrap();
    assert_eq!((found.version, told(&found)), (3, vec![]));
}

async fn who_may_react_and_to_what(writer: Writer, _reader: Reader) {
    group(&writer, &["eve"]).await;
    let channel = group(&writer, &["ana", "bo"]).await;
    let sent = send(&writer, &channel, "ana", "Gate 3").await;
    assert_eq!(set(&writer, "eve", sent.id, "👍").await, Err(Denied::NoMessage));
    assert_eq!(set(&writer, "ana", MessageId(Uuid::now_v7()), "👍").await, Err(Denied::NoMessage));
    let host = writer.react(By::Host, sent.id, reaction("👍"), true, now()).await.unwrap();
    assert!(matches!(host, Err(Denied::Forbidden(_))));
    set(&writer, "ana", sent.id, "👍").await.unwrap().unwrap();
    set(&writer, "bo", sent.id, "👍").await.unwrap().unwrap();
    writer.remove_member(by("ana"), channel.id, user("bo"), now()).await.unwrap().unwrap();
    assert_eq!(unset(&writer, "bo", sent.id, "👍").await, Err(Denied::NoMessage));
    writer.delete(by("ana"), sent.id, now()).await.unwrap().unwrap();
    for done in [set(&writer, "ana", sent.id, "👎").await, unset(&writer, "ana", sent.id, "👍").await] {
        assert!(matches!(done, Err(Denied::Conflict(_))), "{done:?}");
    }
}

async fn a_message_has_so_many_different_ones(writer: Writer, _reader: Reader) {
    let channel = group(&writer, &["ana", "bo"]).await;
    let sent = send(&writer, &channel, "ana", "Gate 3").await;
    for n in 0..20 {
        set(&writer, "ana", sent.id, &format!("r{n}")).await.unwrap().unwrap();
    }
    let full = set(&writer, "bo", sent.id, "r20").await;
    assert!(matches!(full, Err(Denied::Conflict(why)) if why.contains("20")), "{full:?}");
    let more = set(&writer, "bo", sent.id, "r7").await.unwrap().unwrap();
    assert_eq!((more.reactions.len(), more.reactions[7].user_ids.len()), (20, 2));
    unset(&writer, "ana", sent.id, "r3").await.unwrap().unwrap();
    let last = set(&writer, "bo", sent.id, "r20").await.unwrap().unwrap();
    assert_eq!((last.reactions.len(), last.reactions[19].reaction.as_str()), (20, "r20"));
}

/// A revision is of the version that brought its words, whatever was said of it meanwhile.
async fn what_was_said_is_told_with_its_own_versions(writer: Writer, reader: Reader) {
    let channel = group(&writer, &["ana", "bo"]).await;
    let sent = send(&writer, &channel, "ana", "one").await;
    set(&writer, "bo", sent.id, "a").await.unwrap().unwrap();
    set(&writer, "bo", sent.id, "b").await.unwrap().unwrap();
    writer.edit(by("ana"), sent.id, text("two"), now()).await.unwrap().unwrap();
    set(&writer, "bo", sent.id, "c").await.unwrap().unwrap();
    let versions = async || {
        let found = reader.revisions(by("ana"), sent.id).await.unwrap().unwrap();
        found.revisions.into_iter().map(|it| (it.version, it.content)).collect::<Vec<_>>()
    };
    assert_eq!(versions().await, [(1, "one".to_owned()), (4, "two".to_owned())]);
    writer.edit(by("ana"), sent.id, text("three"), now()).await.unwrap().unwrap();
    let all = [(1, "one".to_owned()), (4, "two".to_owned()), (6, "three".to_owned())];
    assert_eq!(versions().await, all);
    unset(&writer, "bo", sent.id, "a").await.unwrap().unwrap();
    writer.delete(by("ana"), sent.id, now()).await.unwrap().unwrap();
    assert_eq!(versions().await, all);
}

async fn those_who_are_named_are_members_and_stay_named(writer: Writer, reader: Reader) {
    let channel = group(&writer, &["ana", "bo", "cy"]).await;
    let [bo, cy] = ["bo", "cy"].map(|name| user(name).id);
    let mut naming = item(&channel, "ana", "bo, cy: gate 3");
    naming.message.mention_ids = vec![cy, bo];
    naming.digest = naming.message.digest();
    let first = stored(&writer.append(vec![naming.clone()]).await.unwrap()[0]);
    let named = async || reader.message(first.id).await.unwrap().unwrap().mention_ids;
    assert_eq!(named().await, [cy, bo]);
    writer.edit(by("ana"), first.id, text("gate 4"), now()).await.unwrap().unwrap();
    assert_eq!(named().await, [cy, bo]);
    // Who leaves stays named, and a repeat is the same send.
    writer.remove_member(by("ana"), channel.id, user("cy"), now()).await.unwrap().unwrap();
    assert_eq!(named().await, [cy, bo]);
    assert_eq!(writer.append(vec![again(&naming)]).await.unwrap(), [Appended::Duplicate(first.clone())]);
    for others in [vec![], vec![bo, cy], vec![cy], vec![bo]] {
        let mut other = again(&naming);
        other.message.mention_ids = others;
        other.digest = other.message.digest();
        assert_eq!(writer.append(vec![other]).await.unwrap(), [Appended::Conflict]);
    }
    let mut late = item(&channel, "ana", "cy?");
    late.message.mention_ids = vec![bo, cy];
    late.digest = late.message.digest();
    assert_eq!(writer.append(vec![late]).await.unwrap(), [Appended::UnknownMention(cy)]);
    writer.delete(by("ana"), first.id, now()).await.unwrap().unwrap();
    assert_eq!(named().await, []);
    assert_eq!(writer.append(vec![again(&naming)]).await.unwrap(), [Appended::Duplicate(first)]);
}

async fn a_batch_judges_each_send_by_whom_it_names(writer: Writer, reader: Reader) {
    let (channel, other) = (group(&writer, &["ana", "bo"]).await, group(&writer, &["ana", "cy"]).await);
    let naming = |channel, who: &str, names: &[&str]| {
        let mut item = item(channel, who, "hello");
        item.message.mention_ids = names.iter().map(|name| user(name).id).collect();
        item.digest = item.message.digest();
        item
    };
    let mut unknown_reply = naming(&channel, "ana", &["cy"]);
    unknown_reply.message.reply_to_id = Some(MessageId(Uuid::now_v7()));
    let first = naming(&channel, "ana", &["bo", "ana"]);
    let batch = vec![
        first.clone(),
        naming(&channel, "bo", &["cy"]),
        naming(&other, "cy", &["ana", "bo"]),
        item(&channel, "bo", "plain"),
        naming(&other, "cy", &["cy"]),
        item_in(channel.id, channel.members_version + 1, user("cy").id, "a stranger's"),
        unknown_reply,
        again(&first),
    ];
    let outcomes = writer.append(batch).await.unwrap();
    let versions = [0, 3, 4].map(|at| stored(&outcomes[at]).version);
    assert_eq!(versions, [1, 2, 1]);
    assert_eq!(outcomes[1], Appended::UnknownMention(user("cy").id));
    assert_eq!(outcomes[2], Appended::UnknownMention(user("bo").id));
    assert_eq!((&outcomes[5], &outcomes[6]), (&Appended::NotMember, &Appended::UnknownReply));
    assert_eq!(outcomes[7], Appended::Duplicate(stored(&outcomes[0])));
    let (page, _) = reader.history(channel.id, HistoryFrom::After(0), LIMITS).await.unwrap();
    let named: Vec<Vec<UserId>> = page.into_iter().map(|message| message.mention_ids).collect();
    assert_eq!(named, [vec![user("bo").id, user("ana").id], vec![]]);
}

async fn many_at_once_take_a_version_each(writer: Writer, reader: Reader) {
    let names: Vec<String> = (0..10).map(|n| format!("user {n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let channel = group(&writer, &names).await;
    let sent = send(&writer, &channel, names[0], "Gate 3").await;
    let all = names.iter().flat_map(|name| ["👍", "👎", "👍"].map(|text| set(&writer, name, sent.id, text)));
    let done = futures_util::future::join_all(all).await;
    let mut versions: Vec<i64> = done.into_iter().filter_map(|done| done.unwrap()).map(|it| it.version).collect();
    versions.sort_unstable();
    assert_eq!(versions, (2..22).collect::<Vec<_>>());
    let found = reader.message(sent.id).await.unwrap().unwrap();
    assert_eq!((found.version, found.reactions.len()), (21, 2));
    assert!(found.reactions.iter().all(|it| it.user_ids.len() == 10));
}
