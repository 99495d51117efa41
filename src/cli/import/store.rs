//! Stores a history that was judged: its users, its channels, its messages in batches, then what their members have read.

use std::collections::{BTreeSet, HashMap};
use std::io::Write;
use std::path::Path;

use chrono::{DateTime, Utc};
use serde_json::json;
use tokio::runtime::Handle;
use uuid::Uuid;

use super::Lines;
use super::line::{Line, Said};
use super::plan::{Kind, Place, Plan};
use crate::cli::Failure;
use crate::cli::db::failed;
use crate::domain::change::{By, Denied, Mark};
use crate::domain::channel::{Channel, ChannelKind};
use crate::domain::ids::{ChannelId, ClientId, MessageId, UserId};
use crate::domain::message::{Append, Appended, NewMessage};
use crate::domain::now;
use crate::domain::sync::{HistoryFrom, PageLimits};
use crate::domain::user::UserRef;
use crate::store::{self, NewGroup, Reader, Settings, Writer};

/// Messages of one transaction, and their content's bytes.
const BATCH: usize = 500;
const BATCH_BYTES: usize = 4 << 20;

/// The database, and what is where in it.
pub(super) struct Target {
    writer: Writer,
    reader: Reader,
    max_members: usize,
    /// By what the file calls them.
    channels: HashMap<String, Goal>,
    users: usize,
    made: usize,
    new: usize,
    known: usize,
}

/// A channel that messages go to.
struct Goal {
    /// As it was when nothing of this run was in it.
    channel: Channel,
    /// Up to when it had been imported before.
    until: Option<DateTime<Utc>>,
    /// The newest message that an import has brought.
    last_seq: i64,
}

impl Target {
    pub(super) async fn open(settings: Settings, max_members: usize) -> Result<Self, Failure> {
        let (writer, reader) = store::open(settings, Handle::current()).await.map_err(failed)?;
        Ok(Self { writer, reader, max_members, channels: HashMap::new(), users: 0, made: 0, new: 0, known: 0 })
    }

    pub(super) async fn close(&self) -> Result<(), Failure> {
        self.writer.close().await.map_err(failed)
    }
}

/// What was done, as a line to tell.
pub(super) async fn all(
    target: &mut Target,
    plan: &Plan,
    file: &Path,
    max_content: usize,
    mut ids: Option<&mut impl Write>,
) -> Result<String, Failure> {
    users(target, plan).await?;
    for (name, place) in &plan.channels {
        let goal = goal(target, name, place).await?;
        write(ids.as_deref_mut(), &json!({ "type": "channel", "id": name, "channelId": goal.channel.id }))?;
        target.channels.insert(name.clone(), goal);
    }
    let mut batch = Batch::default();
    let mut lines = Lines::open(file)?;
    while let Some((number, text)) = lines.next()? {
        let changed = |what: &str| failed(format!("line {number}: {what}; was the file changed meanwhile?"));
        let Line::Message(said) = Line::parse(text, max_content).map_err(|what| changed(&what))? else { continue };
        let goal = target.channels.get(&said.channel_id).ok_or_else(|| changed("its channel is unknown"))?;
        let append = message(&goal.channel, said.clone());
        let line = json!({
            "type": "message", "channel": said.channel_id, "id": said.id, "messageId": append.message.id
        });
        write(ids.as_deref_mut(), &line)?;
        batch.bytes += append.message.content.as_str().len();
        batch.items.push(append);
        batch.lines.push((number, said.channel_id));
        if batch.items.len() >= BATCH || batch.bytes >= BATCH_BYTES {
            batch.store(target).await?;
        }
    }
    batch.store(target).await?;
    read(target).await?;
    if target.new + target.known != plan.messages {
        return Err(failed("the file was changed meanwhile: judge it anew, and run it again"));
    }
    let Target { new, known, made, users, channels, .. } = target;
    Ok(format!(
        "{new} messages are imported into {} channels ({made} of them new, {users} users too), {known} had been before",
        channels.len()
    ))
}

fn write(ids: Option<&mut impl Write>, line: &serde_json::Value) -> Result<(), Failure> {
    let Some(ids) = ids else { return Ok(()) };
    writeln!(ids, "{line}").map_err(|error| failed(format!("the ids cannot be written: {error}")))
}

/// Names are the application's: one that is known already stays, whatever the file says.
async fn users(target: &mut Target, plan: &Plan) -> Result<(), Failure> {
    let of_channel = |place: &Place| match &place.kind {
        Kind::Group { member_ids, .. } => member_ids.clone(),
        Kind::Direct(pair) => pair.to_vec(),
        Kind::Named => Vec::new(),
    };
    let members = plan.channels.values().flat_map(of_channel);
    let senders = plan.channels.values().flat_map(|place| place.senders.iter().cloned());
    let all: BTreeSet<String> = members.chain(senders).chain(plan.users.keys().cloned()).collect();
    for external in all {
        let who = UserRef::new(&external);
        let known = target.reader.named(who.clone()).await.map_err(failed)?;
        let name = plan.users.get(&external);
        let is_nameless = known.as_ref().is_some_and(|user| user.name == external);
        if known.is_none() || is_nameless && name.is_some() {
            target.users += usize::from(known.is_none());
            let name = name.map_or(external.as_str(), String::as_str).to_owned();
            let made = target.writer.upsert_user(who, name).await.map_err(failed)?;
            made.map_err(|denied| failed(format!("user `{external}`: {denied}")))?;
        }
    }
    Ok(())
}

/// The channel that the file calls `name`, made where that is needed.
async fn goal(target: &mut Target, name: &str, place: &Place) -> Result<Goal, Failure> {
    let wrong = |what: &str| failed(format!("line {}: channel `{name}` {what}", place.line));
    let id = ChannelId::from_external(name);
    let there = target.reader.channels(vec![id]).await.map_err(failed)?.pop();
    let channel = match (&place.kind, there) {
        (Kind::Group { .. } | Kind::Named, Some(channel)) => channel,
        (Kind::Named, None) => {
            return Err(wrong("is not there, and no line before describes it; nothing of it was stored"));
        }
        (Kind::Group { name, member_ids }, None) => {
            let new = NewGroup {
                by: By::Host,
                name: name.clone(),
                members: member_ids.iter().map(|id| UserRef::new(id)).collect(),
                placeholders: true,
                max_members: target.max_members,
            };
            target.made += 1;
            let made = target.writer.create_group_as(id, new, now()).await.map_err(failed)?;
            made.map_err(|denied| wrong(&format!("cannot be made: {denied}")))?
        }
        (Kind::Direct([a, b]), _) => {
            let (a, b) = (UserRef::new(a), UserRef::new(b));
            let made = target.writer.create_direct(By::Host, a, b, true, now()).await.map_err(failed)?;
            let (channel, is_new) = made.map_err(|denied: Denied| wrong(&format!("cannot be made: {denied}")))?;
            target.made += usize::from(is_new);
            channel
        }
    };
    let until = judge(target, &channel, place).await.map_err(|what| wrong(&what))?;
    Ok(Goal { last_seq: channel.last_seq, channel, until })
}

/// What was said here comes after what was said elsewhere. Up to when it was imported before.
async fn judge(target: &Target, channel: &Channel, place: &Place) -> Result<Option<DateTime<Utc>>, String> {
    // Of a group somebody may have been who has left it since.
    let stranger = |sender: &&String| channel.member(UserId::from_external(sender)).is_none();
    if channel.kind == ChannelKind::Direct
        && let Some(sender) = place.senders.iter().find(stranger)
    {
        return Err(format!("is between two, and `{sender}` is neither of them"));
    }
    let limits = PageLimits { messages: 1, bytes: 0 };
    let page =
        target.reader.history(channel.id, HistoryFrom::Latest, limits).await.map_err(|error| error.to_string())?;
    match page.0.last() {
        None => Ok(None),
        Some(last) if last.id.is_imported() => Ok(Some(last.created_at)),
        Some(_) => Err("has messages that were sent here: a history is imported before people talk, since messages are numbered as they \
                        are stored"
            .to_owned()),
    }
}

fn message(channel: &Channel, said: Said) -> Append {
    let id = MessageId::imported(channel.id, &said.id);
    let message = NewMessage {
        id,
        // Its sender cannot have chosen that: it is as good as the id.
        client_id: ClientId(Uuid::new_v5(&channel.id.0, id.0.as_bytes())),
        channel_id: channel.id,
        sender_id: UserId::from_external(&said.sender_id),
        sender_name: String::new(),
        content: said.content,
        content_type: said.content_type,
        reply_to_id: said.reply_to_id.map(|id| MessageId::imported(channel.id, &id)),
        attachment_ids: Vec::new(),
        mention_ids: Vec::new(),
        ask: None,
        created_at: said.created_at,
    };
    // By the roster of the channel itself: who has left since had been in it.
    Append { digest: message.digest(), message, members_version: channel.members_version }
}

#[derive(Default)]
struct Batch {
    items: Vec<Append>,
    /// Where they stand in the file, and what that calls their channels.
    lines: Vec<(usize, String)>,
    bytes: usize,
}

impl Batch {
    async fn store(&mut self, target: &mut Target) -> Result<(), Failure> {
        self.bytes = 0;
        let (items, lines) = (std::mem::take(&mut self.items), std::mem::take(&mut self.lines));
        target.is_in_order(&items, &lines).await?;
        let appended = target.writer.append(items).await;
        let outcomes = appended.map_err(|error| {
            failed(format!("{error}; run it again: it goes on where it ended, and stores nothing twice"))
        })?;
        for ((line, name), outcome) in lines.into_iter().zip(outcomes) {
            target.note(&name, outcome).map_err(|what| failed(format!("line {line}: {what}")))?;
        }
        Ok(())
    }
}

impl Target {
    /// What is older than what was imported before has to be a part of that.
    async fn is_in_order(&self, items: &[Append], lines: &[(usize, String)]) -> Result<(), Failure> {
        let until = |name: &str| self.channels.get(name).and_then(|goal| goal.until);
        let is_older = |(item, (_, name)): &(&Append, &(usize, String))| {
            until(name.as_str()).is_some_and(|until| item.message.created_at < until)
        };
        let older: Vec<_> = items.iter().zip(lines).filter(is_older).collect();
        if older.is_empty() {
            return Ok(());
        }
        let ids = older.iter().map(|(item, _)| item.message.id).collect();
        let known: BTreeSet<MessageId> = self.reader.known(ids).await.map_err(failed)?.into_iter().collect();
        match older.iter().find(|(item, _)| !known.contains(&item.message.id)) {
            None => Ok(()),
            Some((_, (number, name))) => Err(failed(format!(
                "line {number}: is older than what was imported into channel `{name}` before: histories are imported oldest first"
            ))),
        }
    }

    /// What became of a message of the channel that the file calls so.
    fn note(&mut self, name: &str, outcome: Appended) -> Result<(), &'static str> {
        let goal = self.channels.get_mut(name).ok_or("its channel is unknown")?;
        match outcome {
            Appended::New(stored) if stored.seq == goal.last_seq + 1 => {
                self.new += 1;
                goal.last_seq = stored.seq;
                Ok(())
            }
            Appended::New(_) => {
                Err("somebody has spoken in its channel meanwhile, and it came behind that; nothing more is imported")
            }
            Appended::Duplicate(_) => {
                self.known += 1;
                Ok(())
            }
            Appended::Conflict => Err("was imported before, and said something else"),
            Appended::NotMember => Err("its channel changed while it was imported; run it again"),
            Appended::UnknownReply => Err("answers a message that is not in its channel"),
            _ => Err("was refused by the database"),
        }
    }
}

/// Nobody has to read again what they had read elsewhere. What was said here since is not theirs to have read.
async fn read(target: &mut Target) -> Result<(), Failure> {
    let of = |goal: &Goal| {
        let (channel_id, seq) = (goal.channel.id, goal.last_seq);
        goal.channel.member_ids().into_iter().map(move |user_id| Mark { channel_id, user_id, seq }).collect::<Vec<_>>()
    };
    let marks: Vec<Mark> = target.channels.values().filter(|goal| goal.last_seq > 0).flat_map(of).collect();
    for marks in marks.chunks(BATCH) {
        target.writer.mark_read(marks.to_vec(), now()).await.map_err(failed)?;
    }
    Ok(())
}
