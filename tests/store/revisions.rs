use tenfour::domain::change::{By, Denied};
use tenfour::domain::channel::{Audience, Role};
use tenfour::domain::ids::MessageId;
use tenfour::domain::now;
use tenfour::store::{Reader, Writer};

use crate::kit::*;

cases! {
    every_edit_and_the_deletion_keep_what_was_there,
    who_may_read_is_decided_by_role_and_channel,
    a_change_that_is_refused_keeps_nothing,
}

async fn contents(reader: &Reader, who: By, id: MessageId) -> Result<Vec<String>, Denied> {
    let found = reader.revisions(who, id).await.unwrap()?;
    Ok(found.revisions.into_iter().map(|revision| revision.content).collect())
}

async fn every_edit_and_the_deletion_keep_what_was_there(writer: Writer, reader: Reader) {
    let channel = group(&writer, &["ana", "bo"]).await;
    let first = now();
    let sent = send(&writer, &channel, "bo", "Gate 2").await;
    for (seconds, words) in [(1, "Gate 3"), (2, "Gate 3!")] {
        writer.edit(by("bo"), sent.id, text(words), later(first, seconds)).await.unwrap().unwrap();
    }
    let found = reader.revisions(by("ana"), sent.id).await.unwrap().unwrap();
    let told: Vec<_> = found.revisions.iter().map(|it| (it.version, it.content.as_str(), it.at)).collect();
    let expected = [(1, "Gate 2", sent.created_at), (2, "Gate 3", later(first, 1)), (3, "Gate 3!", later(first, 2))];
    assert_eq!(told, expected);
    assert_eq!((found.message.sender_id, found.deletion), (user("bo").id, None));

    writer.delete(by("ana"), sent.id, later(first, 3)).await.unwrap().unwrap();
    let found = reader.revisions(By::Host, sent.id).await.unwrap().unwrap();
    let told: Vec<_> = found.revisions.iter().map(|it| (it.version, it.content.as_str(), it.at)).collect();
    assert_eq!(told, expected);
    let deletion = found.deletion.unwrap();
    assert_eq!((deletion.version, deletion.at), (4, later(first, 3)));
    assert_eq!(deletion.by.map(|(id, _)| id), Some(user("ana").id));

    let gone = send(&writer, &channel, "bo", "Gate 4").await;
    writer.delete(By::Host, gone.id, now()).await.unwrap().unwrap();
    let found = reader.revisions(by("ana"), gone.id).await.unwrap().unwrap();
    assert_eq!(found.revisions.len(), 1);
    assert_eq!((found.revisions[0].content.as_str(), found.deletion.unwrap().by), ("Gate 4", None));
}

async fn who_may_read_is_decided_by_role_and_channel(writer: Writer, reader: Reader) {
    group(&writer, &["eve"]).await;
    let channel = group(&writer, &["ana", "bo", "cy"]).await;
    writer.set_role(by("ana"), channel.id, user("cy"), Role::Admin, now()).await.unwrap().unwrap().unwrap();
    let sent = send(&writer, &channel, "bo", "Gate 2").await;
    writer.edit(by("bo"), sent.id, text("Gate 3"), now()).await.unwrap().unwrap();
    let both = Ok(vec!["Gate 2".to_owned(), "Gate 3".to_owned()]);
    for who in [by("ana"), by("cy"), By::Host] {
        assert_eq!(contents(&reader, who, sent.id).await, both, "{who:?}");
    }
    assert!(matches!(contents(&reader, by("bo"), sent.id).await, Err(Denied::Forbidden(_))));
    assert_eq!(contents(&reader, by("eve"), sent.id).await, Err(Denied::NoMessage));

    let shown = |who, to| writer.show_revisions(who, channel.id, to, now());
    assert!(matches!(shown(by("bo"), Audience::Members).await.unwrap(), Err(Denied::Forbidden(_))));
    let change = shown(by("cy"), Audience::Members).await.unwrap().unwrap().unwrap();
    assert_eq!(shown(by("cy"), Audience::Members).await.unwrap(), Ok(None));
    let read = reader.channels(vec![channel.id]).await.unwrap().remove(0);
    assert_eq!((read.version, read.revisions_visible_to), (change.version, Audience::Members));
    assert_eq!(read.members_version, change.version - 3, "who is in it stays as it was");
    assert_eq!(contents(&reader, by("bo"), sent.id).await, both);
    assert_eq!(contents(&reader, by("eve"), sent.id).await, Err(Denied::NoMessage));

    // What is deleted is deleted for its members, the sender included.
    writer.delete(by("bo"), sent.id, now()).await.unwrap().unwrap();
    let found = reader.revisions(by("bo"), sent.id).await.unwrap().unwrap();
    assert_eq!((found.revisions.len(), found.message.content.as_str()), (0, ""));
    assert!(found.deletion.is_some());
    assert_eq!(contents(&reader, by("cy"), sent.id).await, both);
    writer.remove_member(by("ana"), channel.id, user("cy"), now()).await.unwrap().unwrap();
    assert_eq!(contents(&reader, by("cy"), sent.id).await, Err(Denied::NoMessage));
}

async fn a_change_that_is_refused_keeps_nothing(writer: Writer, reader: Reader) {
    let channel = group(&writer, &["ana", "bo"]).await;
    let sent = send(&writer, &channel, "bo", "Gate 2").await;
    assert!(writer.edit(by("ana"), sent.id, text("Gate 3"), now()).await.unwrap().is_err());
    assert_eq!(contents(&reader, by("ana"), sent.id).await, Ok(vec!["Gate 2".to_owned()]));
    writer.delete(by("ana"), sent.id, now()).await.unwrap().unwrap();
    assert!(writer.delete(by("ana"), sent.id, now()).await.unwrap().is_err());
    assert!(writer.edit(by("bo"), sent.id, text("Gate 3"), now()).await.unwrap().is_err());
    assert_eq!(contents(&reader, by("ana"), sent.id).await, Ok(vec!["Gate 2".to_owned()]));
}
