use chrono::{DateTime, Utc};
use tenfour::domain::change::{By, Change, Changed, Denied};
use tenfour::domain::channel::Channel;
use tenfour::domain::ids::{MessageId, UserId};
use tenfour::domain::instruction::{AnswerKind, Ask, Listing, Standing};
use tenfour::domain::message::{Append, Appended, Message};
use tenfour::domain::now;
use tenfour::domain::sync::{HistoryFrom, PageLimits, SyncFrom};
use tenfour::store::{Reader, Writer};

use crate::kit::*;

cases! {
    a_message_asks_for_answers_and_shows_them_wherever_it_is_shown,
    an_answer_may_change_until_it_is_done,
    who_may_answer_and_what,
    what_is_asked_is_a_part_of_the_send,
    a_deadline_that_passes_is_marked_once_and_only_where_somebody_is_pending,
    of_several_who_mark_the_same_one_does,
    they_are_listed_by_channel_by_user_and_by_how_they_stand,
    a_batch_asks_each_for_its_own,
}

const LIMITS: PageLimits = PageLimits { messages: 50, bytes: 1 << 20 };
use AnswerKind::{Accepted, Declined, Done};

fn id(name: &str) -> UserId {
    user(name).id
}

fn asking(channel: &Channel, who: &str, deadline: Option<DateTime<Utc>>, of: Option<&[&str]>) -> Append {
    let mut item = item(channel, who, "unload at gate 3");
    let assignee_ids = of.map(|names| names.iter().map(|name| id(name)).collect());
    item.message.ask = Some(Ask { deadline, assignee_ids });
    item.digest = item.message.digest();
    item
}

async fn ask(
    writer: &Writer,
    channel: &Channel,
    who: &str,
    deadline: Option<DateTime<Utc>>,
    of: Option<&[&str]>,
) -> MessageId {
    stored(&writer.append(vec![asking(channel, who, deadline, of)]).await.unwrap()[0]).id
}

fn message(done: Result<Option<Change>, Denied>) -> Result<Option<Message>, Denied> {
    let message = |change: Change| match change.what {
        Changed::Message(message) => *message,
        Changed::Channel { .. } => panic!("{change:?}"),
    };
    done.map(|change| change.map(message))
}

async fn answer(
    writer: &Writer,
    who: &str,
    id: MessageId,
    kind: AnswerKind,
    note: Option<&str>,
) -> Result<Option<Message>, Denied> {
    message(writer.answer(by(who), id, kind, note.map(str::to_owned), now()).await.unwrap())
}

async fn mark(writer: &Writer, id: MessageId, at: DateTime<Utc>) -> Option<Message> {
    message(writer.mark_overdue(id, at).await.unwrap()).unwrap()
}

fn told(message: &Message) -> Vec<(UserId, AnswerKind, Option<&str>)> {
    let answers = &message.instruction.as_ref().unwrap().answers;
    answers.iter().map(|it| (it.user_id, it.answer, it.note.as_deref())).collect()
}

async fn a_message_asks_for_answers_and_shows_them_wherever_it_is_shown(writer: Writer, reader: Reader) {
    let channel = group(&writer, &["ana", "bo", "cy"]).await;
    let deadline = later(now(), 60);
    let outcome = writer.append(vec![asking(&channel, "ana", Some(deadline), None)]).await.unwrap().remove(0);
    let sent = stored(&outcome);
    let asked = sent.instruction.clone().unwrap();
    let mut others = vec![id("bo"), id("cy")];
    others.sort_unstable();
    assert_eq!((asked.deadline, asked.overdue_at, asked.answers.len()), (Some(deadline), None, 0));
    assert_eq!(asked.assignee_ids, others, "all but the sender");
    let first = answer(&writer, "cy", sent.id, Accepted, None).await.unwrap().unwrap();
    assert_eq!((first.version, first.updated_at, told(&first)), (2, None, vec![(id("cy"), Accepted, None)]));
    answer(&writer, "bo", sent.id, Declined, Some("ill")).await.unwrap().unwrap();
    let last = answer(&writer, "cy", sent.id, Done, Some("signed")).await.unwrap().unwrap();
    assert_eq!(told(&last), [(id("bo"), Declined, Some("ill")), (id("cy"), Done, Some("signed"))]);
    assert_eq!((last.version, last.content.as_str()), (4, "unload at gate 3"));
    // Who comes later is not asked.
    writer.add_members(by("ana"), channel.id, vec![user("dee")], true, 9, now()).await.unwrap().unwrap();
    assert_eq!(reader.message(sent.id).await.unwrap().unwrap(), last);
    let (page, _) = reader.history(channel.id, HistoryFrom::Latest, LIMITS).await.unwrap();
    assert_eq!(page, std::slice::from_ref(&last));
    let synced = reader.sync_page(id("bo"), channel.id, SyncFrom::Version(1), LIMITS).await.unwrap().unwrap();
    assert_eq!(synced.messages, [last]);
    let edited = writer.edit(by("ana"), sent.id, text("unload at gate 4"), now()).await.unwrap().map(Some);
    assert_eq!(told(&message(edited).unwrap().unwrap()).len(), 2);
    let found = reader.revisions(by("ana"), sent.id).await.unwrap().unwrap().revisions;
    assert_eq!(found.iter().map(|it| it.version).collect::<Vec<_>>(), [1, 6]);
    writer.delete(by("ana"), sent.id, now()).await.unwrap().unwrap();
    assert_eq!(reader.message(sent.id).await.unwrap().unwrap().instruction, None);
}

async fn an_answer_may_change_until_it_is_done(writer: Writer, reader: Reader) {
    let channel = group(&writer, &["ana", "bo"]).await;
    for (first, second) in [(Accepted, Declined), (Accepted, Done), (Declined, Accepted), (Declined, Done)] {
        let it = ask(&writer, &channel, "ana", None, None).await;
        answer(&writer, "bo", it, first, None).await.unwrap().unwrap();
        assert_eq!(answer(&writer, "bo", it, first, None).await, Ok(None), "the same again");
        let noted = answer(&writer, "bo", it, first, Some("soon")).await.unwrap().unwrap();
        assert_eq!(told(&noted), [(id("bo"), first, Some("soon"))]);
        let changed = answer(&writer, "bo", it, second, None).await.unwrap().unwrap();
        assert_eq!((told(&changed), changed.version), (vec![(id("bo"), second, None)], noted.version + 1));
    }
    let it = ask(&writer, &channel, "ana", None, None).await;
    answer(&writer, "bo", it, Done, Some("signed")).await.unwrap().unwrap();
    let version = reader.heads(vec![channel.id]).await.unwrap();
    assert_eq!(answer(&writer, "bo", it, Done, Some("signed")).await, Ok(None));
    for (kind, note) in [(Accepted, None), (Declined, None), (Done, None), (Done, Some("twice"))] {
        let refused = answer(&writer, "bo", it, kind, note).await;
        assert!(matches!(refused, Err(Denied::Conflict(_))), "{kind:?} {refused:?}");
    }
    assert_eq!(reader.heads(vec![channel.id]).await.unwrap(), version);
}

async fn who_may_answer_and_what(writer: Writer, _reader: Reader) {
    group(&writer, &["eve"]).await;
    let channel = group(&writer, &["ana", "bo", "cy"]).await;
    let it = ask(&writer, &channel, "ana", None, Some(&["bo"])).await;
    for who in ["ana", "cy"] {
        assert!(matches!(answer(&writer, who, it, Done, None).await, Err(Denied::Forbidden(_))), "{who}");
    }
    assert_eq!(answer(&writer, "eve", it, Done, None).await, Err(Denied::NoMessage));
    let host = writer.answer(By::Host, it, Done, None, now()).await.unwrap();
    assert!(matches!(host, Err(Denied::Forbidden(_))));
    let plain = send(&writer, &channel, "ana", "hello").await.id;
    assert!(matches!(answer(&writer, "bo", plain, Done, None).await, Err(Denied::Conflict(_))));
    let own = ask(&writer, &channel, "ana", None, Some(&["ana"])).await;
    assert!(answer(&writer, "ana", own, Done, None).await.unwrap().is_some());
    writer.remove_member(by("ana"), channel.id, user("bo"), now()).await.unwrap().unwrap();
    assert_eq!(answer(&writer, "bo", it, Done, None).await, Err(Denied::NoMessage));
    writer.add_members(by("ana"), channel.id, vec![user("bo")], false, 9, now()).await.unwrap().unwrap();
    writer.delete(by("ana"), it, now()).await.unwrap().unwrap();
    assert!(matches!(answer(&writer, "bo", it, Done, None).await, Err(Denied::Conflict(_))));
}

async fn what_is_asked_is_a_part_of_the_send(writer: Writer, reader: Reader) {
    let channel = group(&writer, &["ana", "bo", "cy"]).await;
    let deadline = later(now(), 60);
    let item = asking(&channel, "ana", Some(deadline), Some(&["cy", "bo"]));
    let first = stored(&writer.append(vec![item.clone()]).await.unwrap()[0]);
    assert_eq!(first.instruction.as_ref().unwrap().assignee_ids, [id("cy"), id("bo")]);
    let with = |deadline, of: Option<&[&str]>| {
        let mut other = asking(&channel, "ana", deadline, of);
        (other.message.client_id, other.message.content) = (item.message.client_id, item.message.content.clone());
        other
    };
    let others = [
        with(None, Some(&["cy", "bo"])),
        with(Some(later(deadline, 1)), Some(&["cy", "bo"])),
        with(Some(deadline), Some(&["bo", "cy"])),
        with(Some(deadline), Some(&["cy"])),
        with(Some(deadline), None),
    ];
    for other in others {
        assert_eq!(writer.append(vec![other]).await.unwrap(), [Appended::Conflict]);
    }
    // Whoever is there by now, and whenever it is.
    writer.remove_member(by("ana"), channel.id, user("cy"), now()).await.unwrap().unwrap();
    let repeat = writer.append(vec![again(&item)]).await.unwrap().remove(0);
    let Appended::Duplicate(repeat) = repeat else { panic!("{repeat:?}") };
    assert_eq!((repeat.id, repeat.instruction), (first.id, first.instruction));
    let late = asking(&channel, "ana", None, Some(&["bo", "cy"]));
    assert_eq!(writer.append(vec![late]).await.unwrap(), [Appended::UnknownAssignee(id("cy"))]);
    assert_eq!(reader.heads(vec![channel.id]).await.unwrap(), [(channel.id, 2)]);
}

async fn a_deadline_that_passes_is_marked_once_and_only_where_somebody_is_pending(writer: Writer, reader: Reader) {
    let channel = group(&writer, &["ana", "bo", "cy"]).await;
    let deadline = later(now(), 60);
    let [before, after] = [later(deadline, -1), later(deadline, 1)];
    let it = ask(&writer, &channel, "ana", Some(deadline), None).await;
    let answered = ask(&writer, &channel, "ana", Some(deadline), None).await;
    let left = ask(&writer, &channel, "ana", Some(deadline), Some(&["cy"])).await;
    let gone = ask(&writer, &channel, "ana", Some(deadline), None).await;
    let timeless = ask(&writer, &channel, "ana", None, None).await;
    for who in ["bo", "cy"] {
        answer(&writer, who, answered, Accepted, None).await.unwrap().unwrap();
    }
    answer(&writer, "bo", it, Done, None).await.unwrap().unwrap();
    writer.delete(by("ana"), gone, now()).await.unwrap().unwrap();
    assert_eq!(reader.due_instructions(before).await.unwrap(), []);
    assert_eq!(mark(&writer, it, before).await, None);
    let mut due = reader.due_instructions(after).await.unwrap();
    due.sort_unstable();
    assert_eq!(due, [it, answered, left]);

    let marked = mark(&writer, it, after).await.unwrap();
    assert_eq!(marked.instruction.as_ref().unwrap().overdue_at, Some(after));
    assert_eq!((marked.version, marked.updated_at), (10, None));
    assert_eq!(reader.message(it).await.unwrap().unwrap(), marked);
    assert_eq!(mark(&writer, it, later(after, 9)).await, None, "once");
    assert_eq!(mark(&writer, answered, after).await, None, "everybody has answered");
    writer.remove_member(by("ana"), channel.id, user("cy"), now()).await.unwrap().unwrap();
    assert_eq!(mark(&writer, left, after).await, None, "nobody is left who could answer");
    for never in [gone, timeless] {
        assert_eq!(mark(&writer, never, later(after, 99)).await, None);
    }
    assert_eq!(reader.due_instructions(later(after, 99)).await.unwrap(), []);
    // A late answer is still taken.
    writer.add_members(by("ana"), channel.id, vec![user("cy")], false, 9, now()).await.unwrap().unwrap();
    let late = answer(&writer, "cy", it, Done, None).await.unwrap().unwrap();
    assert_eq!(late.instruction.as_ref().unwrap().overdue_at, Some(after));
    assert_eq!(told(&late).len(), 2);
}

async fn of_several_who_mark_the_same_one_does(writer: Writer, _reader: Reader) {
    let channel = group(&writer, &["ana", "bo"]).await;
    let deadline = now();
    for _ in 0..5 {
        let it = ask(&writer, &channel, "ana", Some(deadline), None).await;
        let all = (0..8).map(|_| mark(&writer, it, later(deadline, 1)));
        let done = futures_util::future::join_all(all).await;
        assert_eq!(done.into_iter().flatten().count(), 1);
    }
}

async fn they_are_listed_by_channel_by_user_and_by_how_they_stand(writer: Writer, reader: Reader) {
    let (one, two) = (group(&writer, &["ana", "bo", "cy"]).await, group(&writer, &["ana", "bo", "dee"]).await);
    let deadline = now();
    let all =
        Listing { channel: None, assignee: None, standing: Standing::All, before: None, limit: 50, bytes: 1 << 20 };
    let open = Listing { standing: Standing::Open, ..all };
    let overdue = Listing { standing: Standing::Overdue, ..all };
    let list = async |asker: Option<&str>, of: Listing| {
        let found = reader.instructions(asker.map(id), of).await.unwrap();
        found.map(|(messages, more)| (messages.into_iter().map(|it| it.id).collect::<Vec<_>>(), more))
    };
    let fine = |ids: &[MessageId]| Some((ids.to_vec(), false));
    let a = ask(&writer, &one, "ana", Some(deadline), None).await;
    send(&writer, &one, "ana", "hello").await;
    let b = ask(&writer, &two, "ana", None, Some(&["bo"])).await;
    let c = ask(&writer, &one, "bo", None, Some(&["ana", "cy"])).await;
    let d = ask(&writer, &two, "dee", Some(deadline), None).await;
    assert_eq!(list(Some("ana"), all).await, fine(&[d, c, b, a]));
    assert_eq!(list(None, all).await, fine(&[d, c, b, a]));
    assert_eq!(list(Some("cy"), all).await, fine(&[c, a]));
    assert_eq!(list(Some("cy"), Listing { channel: Some(two.id), ..all }).await, None);
    assert_eq!(list(Some("eve"), all).await, fine(&[]));
    assert_eq!(list(None, Listing { channel: Some(two.id), ..open }).await, fine(&[d, b]));
    assert_eq!(list(Some("bo"), overdue).await, fine(&[]));
    for it in [a, d] {
        mark(&writer, it, later(deadline, 1)).await.unwrap();
    }
    assert_eq!(list(Some("bo"), overdue).await, fine(&[d, a]));
    answer(&writer, "bo", a, Declined, None).await.unwrap().unwrap();
    answer(&writer, "bo", b, Accepted, None).await.unwrap().unwrap();
    answer(&writer, "ana", c, Done, None).await.unwrap().unwrap();
    assert_eq!(list(Some("ana"), open).await, fine(&[d, c, b, a]));
    let of = |name: &str, listing| Listing { assignee: Some(id(name)), ..listing };
    assert_eq!(list(Some("ana"), of("bo", open)).await, fine(&[d, b]));
    assert_eq!(list(Some("ana"), of("bo", all)).await, fine(&[d, b, a]));
    assert_eq!(list(Some("cy"), of("bo", all)).await, fine(&[a]), "of the channels that the asker is in");
    assert_eq!(list(None, of("cy", open)).await, fine(&[c, a]));
    assert_eq!(list(None, of("bo", Listing { channel: Some(two.id), ..overdue })).await, fine(&[d]));
    // Who leaves keeps nothing open, and comes back to it.
    writer.remove_member(by("ana"), one.id, user("cy"), now()).await.unwrap().unwrap();
    assert_eq!(list(Some("ana"), open).await, fine(&[d, b]));
    assert_eq!(list(Some("cy"), all).await, fine(&[]));
    writer.add_members(by("ana"), one.id, vec![user("cy")], false, 9, now()).await.unwrap().unwrap();
    assert_eq!(list(Some("cy"), of("cy", open)).await, fine(&[c, a]));
    writer.delete(by("ana"), a, now()).await.unwrap().unwrap();
    assert_eq!(list(Some("ana"), all).await, fine(&[d, c, b]));
    // Page by page.
    let mut more = Vec::new();
    for _ in 0..450 {
        more.push(asking(&one, "ana", None, Some(&["bo"])));
    }
    let newest: Vec<MessageId> = more.iter().rev().map(|item| item.message.id).collect();
    writer.append(more).await.unwrap();
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let (page, has_more) = list(Some("ana"), Listing { before, limit: 70, ..open }).await.unwrap();
        before = page.last().copied();
        seen.extend(page);
        if !has_more {
            break;
        }
    }
    assert_eq!(seen, [newest, vec![d, c, b]].concat());
}

async fn a_batch_asks_each_for_its_own(writer: Writer, reader: Reader) {
    let (channel, other) = (group(&writer, &["ana", "bo"]).await, group(&writer, &["ana", "cy"]).await);
    let mut both = asking(&channel, "ana", None, Some(&["bo"]));
    both.message.mention_ids = vec![id("bo")];
    both.digest = both.message.digest();
    let batch = vec![
        asking(&channel, "ana", None, None),
        asking(&channel, "ana", None, Some(&["cy"])),
        asking(&other, "cy", None, None),
        item(&channel, "bo", "plain"),
        both,
    ];
    let outcomes = writer.append(batch).await.unwrap();
    let asked = |at: usize| stored(&outcomes[at]).instruction.map(|it| it.assignee_ids);
    assert_eq!(outcomes[1], Appended::UnknownAssignee(id("cy")));
    assert_eq!([0, 2, 3, 4].map(asked), [Some(vec![id("bo")]), Some(vec![id("ana")]), None, Some(vec![id("bo")])]);
    let (page, _) = reader.history(channel.id, HistoryFrom::After(0), LIMITS).await.unwrap();
    let asked: Vec<bool> = page.iter().map(|message| message.instruction.is_some()).collect();
    assert_eq!((asked, &page[2].mention_ids), (vec![true, false, true], &vec![id("bo")]));
}
