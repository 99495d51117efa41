//! Finds messages: the index names candidates, newest first, and each is judged by the message as it now is.
//!
//! So an edit or a deletion shows at once, however far behind the index is, and both databases find the same. Bounded: a
//! page that takes too long ends where it is, and the next one goes on there.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use tokio::time::Instant;

use super::backend::Conn;
use super::backend::search::Wanted;
use super::error::StoreError;
use super::{channels, members, messages};
use crate::domain::ids::{ChannelId, MessageId, UserId};
use crate::domain::message::Message;
use crate::domain::search::{Found, Hit, Position, Search, snippet};

/// How long one page is looked for.
const TIME: Duration = Duration::from_millis(1000);
/// Candidates that are read at once: at first some more than are wanted, then as many as this.
const CHUNK: usize = 200;
const MORE: usize = 20;
/// An index is asked for the channels too unless there are more; which ones they are is looked at in any case.
const MAX_CHANNELS: usize = 256;

/// `None` where the one channel that is searched is none that `asker` may see. Within one transaction.
pub(super) async fn find(conn: &mut Conn, asker: Option<UserId>, search: Search) -> Result<Option<Found>, StoreError> {
    let Some(scope) = scope(conn, asker, search.channel).await? else { return Ok(None) };
    if scope.as_ref().is_some_and(BTreeSet::is_empty) {
        return Ok(Some(Found::default()));
    }
    let wanted = Wanted {
        words: search.query.needed().into_iter().map(|needed| (needed.key.to_owned(), needed.begins)).collect(),
        channels: scope.iter().filter(|scope| scope.len() <= MAX_CHANNELS).flatten().copied().collect(),
        sender: search.sender,
        from: search.from,
        to: search.to,
        has_attachment: search.has_attachment,
    };
    let (mut page, mut after, mut size) = (Page::new(&search), search.after, search.limit + MORE);
    let deadline = Instant::now() + TIME;
    loop {
        let candidates = conn.candidates(&wanted, after, size).await?;
        let is_last = candidates.len() < size;
        let may_see = |channel: &ChannelId| scope.as_ref().is_none_or(|scope| scope.contains(channel));
        let ids: Vec<MessageId> =
            candidates.iter().filter(|(_, channel)| may_see(channel)).map(|(place, _)| place.id).collect();
        let mut there: HashMap<MessageId, Message> =
            messages::load(conn, &ids).await?.into_iter().map(|message| (message.id, message)).collect();
        for (place, _) in &candidates {
            let message = there.remove(&place.id).filter(|message| may_see(&message.channel_id));
            if let Some(message) = message
                && page.take(message)
            {
                return Ok(Some(page.cut()));
            }
        }
        after = candidates.last().map(|(place, _)| *place);
        if is_last {
            return Ok(Some(Found { hits: page.hits, next: None }));
        }
        if Instant::now() >= deadline {
            return Ok(Some(Found { hits: page.hits, next: after }));
        }
        size = CHUNK;
    }
}

/// The channels in which is searched; all, where none are named.
pub(super) type Scope = Option<BTreeSet<ChannelId>>;

pub(super) async fn scope(
    conn: &mut Conn,
    asker: Option<UserId>,
    channel: Option<ChannelId>,
) -> Result<Option<Scope>, StoreError> {
    let is_seen = match (asker, channel) {
        (None, None) => return Ok(Some(None)),
        (Some(user), None) => {
            return Ok(Some(Some(channels::ids_of(conn, user).await?.into_iter().collect())));
        }
        (Some(user), Some(channel)) => members::role(conn, channel, user).await?.is_some(),
        (None, Some(channel)) => channels::row(conn, channel).await?.is_some(),
    };
    Ok(is_seen.then(|| Some(channel.into_iter().collect())))
}

/// What was found so far.
struct Page<'a> {
    search: &'a Search,
    hits: Vec<Hit>,
    bytes: usize,
}

impl<'a> Page<'a> {
    fn new(search: &'a Search) -> Self {
        Self { search, hits: Vec::new(), bytes: 0 }
    }

    /// Takes a message in that is what was searched for; true where it is, and there is no room for it.
    fn take(&mut self, message: Message) -> bool {
        let has_attachment = !message.attachments.is_empty();
        if message.deleted_at.is_some()
            || self.search.sender.is_some_and(|sender| sender != message.sender_id)
            || self.search.has_attachment.is_some_and(|wanted| wanted != has_attachment)
        {
            return false;
        }
        let Some(found) = self.search.query.matches(&message.content) else { return false };
        if self.hits.len() >= self.search.limit || self.bytes > self.search.bytes {
            return true;
        }
        self.bytes += message.weight();
        let snippet = snippet(&message.content, &found);
        self.hits.push(Hit { message, snippet });
        false
    }

    /// The page, where there is more behind it.
    fn cut(self) -> Found {
        let next = self.hits.last().map(|hit| Position { created_at: hit.message.created_at, id: hit.message.id });
        Found { hits: self.hits, next }
    }
}
