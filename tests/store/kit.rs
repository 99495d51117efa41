//! What the cases are made of.

use std::future::Future;
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tenfour::domain::change::By;
use tenfour::domain::channel::Channel;
use tenfour::domain::content::Content;
use tenfour::domain::ids::{ChannelId, ClientId, MessageId, UserId, new_v7};
use tenfour::domain::message::{Append, Appended, NewMessage, Stored};
use tenfour::domain::now;
use tenfour::domain::user::UserRef;
use tenfour::store::{DatabaseUrl, NewGroup, Reader, Settings, Writer, open};
use uuid::Uuid;

/// Stamps a test for each database: `cases! { sentence_a, sentence_b }`.
macro_rules! cases {
    ($($case:ident),+ $(,)?) => {
        mod sqlite_memory { $(#[test] fn $case() { $crate::kit::in_memory(super::$case); })+ }
        mod sqlite_file { $(#[test] fn $case() { $crate::kit::in_a_file(super::$case); })+ }
        mod postgres { $(#[test] fn $case() { $crate::kit::on_postgres(super::$case); })+ }
    };
}
pub(crate) use cases;

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

pub(crate) fn settings(url: &str) -> Settings {
    Settings::new(url.parse::<DatabaseUrl>().unwrap())
}

pub(crate) fn file_url(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

pub(crate) async fn open_at(url: &str) -> (Writer, Reader) {
    open(settings(url), tokio::runtime::Handle::current()).await.unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn in_memory<F: Future<Output = ()>>(case: impl FnOnce(Writer, Reader) -> F) {
    runtime().block_on(async {
        let (writer, reader) = open_at("sqlite::memory:").await;
        case(writer, reader).await;
    });
}

pub(crate) fn in_a_file<F: Future<Output = ()>>(case: impl FnOnce(Writer, Reader) -> F) {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let (writer, reader) = open_at(&file_url(&folder.path().join("chat.db"))).await;
        case(writer, reader).await;
    });
}

pub(crate) fn on_postgres<F: Future<Output = ()> + Send + 'static>(
    case: impl FnOnce(Writer, Reader) -> F + Send + 'static,
) {
    let runtime = runtime();
    runtime.block_on(async {
        let database = crate::postgres::Database::create().await;
        let (writer, reader) = open_at(&database.url).await;
        let done = tokio::spawn(async move { case(writer, reader).await }).await;
        database.drop().await;
        if let Err(error) = done {
            std::panic::resume_unwind(error.into_panic());
        }
    });
}

pub(crate) fn user(name: &str) -> UserRef {
    UserRef::new(name)
}

pub(crate) fn by(name: &str) -> By {
    By::User(user(name).id)
}

/// A group that the first named owns. All of them become known users first.
pub(crate) async fn group(writer: &Writer, names: &[&str]) -> Channel {
    for name in names {
        writer.upsert_user(user(name), (*name).to_owned()).await.unwrap().unwrap();
    }
    let new = NewGroup {
        by: by(names[0]),
        name: "Dispatch".to_owned(),
        members: names.iter().map(|name| user(name)).collect(),
        placeholders: false,
        max_members: 50,
    };
    writer.create_group(new, now()).await.unwrap().unwrap()
}

/// A send as the channel's room would let it pass.
pub(crate) fn item(channel: &Channel, sender: &str, text: &str) -> Append {
    item_in(channel.id, channel.members_version, user(sender).id, text)
}

pub(crate) fn item_in(channel_id: ChannelId, members_version: i64, sender_id: UserId, text: &str) -> Append {
    let message = NewMessage {
        id: MessageId(new_v7()),
        client_id: ClientId(Uuid::new_v4()),
        channel_id,
        sender_id,
        sender_name: String::new(),
        content: Content::parse(text.to_owned(), 16384).unwrap(),
        content_type: "text".to_owned(),
        reply_to_id: None,
        attachment_ids: Vec::new(),
        mention_ids: Vec::new(),
        ask: None,
        created_at: now(),
    };
    Append { digest: message.digest(), message, members_version }
}

/// The same send once more, as a client would: under a new id of the server.
pub(crate) fn again(item: &Append) -> Append {
    let mut item = item.clone();
    item.message.id = MessageId(new_v7());
    item.message.created_at = now();
    item
}

pub(crate) fn with_text(item: &Append, text: &str) -> Append {
    let mut item = again(item);
    item.message.content = Content::parse(text.to_owned(), 16384).unwrap();
    item.digest = item.message.digest();
    item
}

pub(crate) fn stored(outcome: &Appended) -> Stored {
    match outcome {
        Appended::New(stored) => stored.clone(),
        other => panic!("{other:?} instead of New"),
    }
}

pub(crate) async fn send(writer: &Writer, channel: &Channel, sender: &str, text: &str) -> Stored {
    stored(&writer.append(vec![item(channel, sender, text)]).await.unwrap()[0])
}

pub(crate) fn text(content: &str) -> Content {
    Content::parse(content.to_owned(), 16384).unwrap()
}

pub(crate) fn later(at: DateTime<Utc>, seconds: i64) -> DateTime<Utc> {
    at + TimeDelta::seconds(seconds)
}

pub(crate) async fn within<T>(limit: Duration, what: impl Future<Output = T>) -> T {
    tokio::time::timeout(limit, what).await.unwrap_or_else(|_| panic!("took longer than {limit:?}"))
}
