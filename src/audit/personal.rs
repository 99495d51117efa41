//! What is kept of one user, as lines: who they are, where they are a member, what they sent, when they came and went,
//! from where they signed in.
//!
//! For whoever asks the host application for their data. Reads a page at a time; never changes anything.

use std::collections::{BTreeSet, VecDeque};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::evidence::time;
use crate::domain::attachment::Attachment;
use crate::domain::channel::Role;
use crate::domain::ids::{ChannelId, JournalId, MessageId, UserId};
use crate::domain::trail::MessageTrail;
use crate::domain::user::User;
use crate::store::{Reader, StoreError};

/// How many messages or records are read at a time.
const PAGE: i64 = 500;

/// One line.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Line {
    User {
        id: UserId,
        external_id: Option<String>,
        name: String,
    },
    Member {
        channel_id: ChannelId,
        name: Option<String>,
        role: Role,
        last_read_seq: i64,
        last_read_at: String,
        received_version: Option<i64>,
        received_at: Option<String>,
    },
    Message {
        id: MessageId,
        channel_id: ChannelId,
        seq: i64,
        content: String,
        content_type: String,
        reply_to_id: Option<MessageId>,
        attachments: Vec<Attachment>,
        created_at: String,
        updated_at: Option<String>,
        deleted_at: Option<String>,
        /// What it said before, oldest first.
        revisions: Vec<Before>,
    },
    /// They came or went, while a webhook was told of that.
    Presence {
        at: String,
        online: bool,
    },
    /// Of the daemon's journal.
    Record {
        at: String,
        kind: &'static str,
        /// A JSON object as a text.
        detail: Option<String>,
    },
}

#[derive(Debug, Serialize)]
pub struct Before {
    content: String,
    since: String,
}

/// Lines to come.
pub struct Personal {
    reader: Reader,
    user: User,
    /// Whose messages are still to be looked at.
    channels: VecDeque<ChannelId>,
    seq: i64,
    record: i64,
    change: i64,
    step: Step,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Who,
    Messages,
    Presence,
    Records,
    Done,
}

impl Personal {
    pub fn of(reader: Reader, user: User) -> Self {
        Self { reader, user, channels: VecDeque::new(), seq: 0, record: 0, change: 0, step: Step::Who }
    }

    /// The next lines; none at the end.
    pub async fn next(&mut self) -> Result<Vec<Line>, StoreError> {
        loop {
            let lines = match self.step {
                Step::Who => self.who().await?,
                Step::Messages => self.messages().await?,
                Step::Presence => self.presence().await?,
                Step::Records => self.records().await?,
                Step::Done => return Ok(Vec::new()),
            };
            if !lines.is_empty() {
                return Ok(lines);
            }
        }
    }

    async fn who(&mut self) -> Result<Vec<Line>, StoreError> {
        let User { id, external_id, name } = self.user.clone();
        let mut lines = vec![Line::User { id, external_id, name }];
        let member_of = self.reader.listing(id).await?.channels;
        let spoken_in = self.reader.spoken_in(id).await?;
        for channel in self.reader.channels(member_of).await? {
            let Some(member) = channel.member(id) else { continue };
            let received = self.reader.received(channel.id).await?.get(&id).copied();
            lines.push(Line::Member {
                channel_id: channel.id,
                role: member.role,
                last_read_seq: member.last_read_seq,
                last_read_at: time(member.last_read_at),
                received_version: received.map(|(version, _)| version),
                received_at: received.map(|(_, at)| time(at)),
                name: channel.name,
            });
        }
        self.channels = spoken_in.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        self.step = Step::Messages;
        Ok(lines)
    }

    async fn messages(&mut self) -> Result<Vec<Line>, StoreError> {
        let Some(channel) = self.channels.front().copied() else {
            self.step = Step::Presence;
            return Ok(Vec::new());
        };
        let page = self.reader.message_trails(channel, self.seq, PAGE).await?;
        self.seq = if let Some(last) = page.last() {
            last.seq
        } else {
            self.channels.pop_front();
            0
        };
        let theirs =
            page.into_iter().filter(|message| message.sender_id == self.user.id && message.erased_at.is_none());
        Ok(theirs.map(|message| line(channel, message)).collect())
    }

    async fn presence(&mut self) -> Result<Vec<Line>, StoreError> {
        let page = self.reader.presence_changes(self.user.id, self.change, PAGE).await?;
        match page.last() {
            Some((last, ..)) => self.change = *last,
            None => self.step = Step::Records,
        }
        Ok(page.into_iter().map(|(_, online, at)| Line::Presence { at: time(at), online }).collect())
    }

    async fn records(&mut self) -> Result<Vec<Line>, StoreError> {
        let page = self.reader.records(JournalId::DAEMON, self.record, PAGE).await?;
        match page.last() {
            Some(last) => self.record = last.number,
            None => self.step = Step::Done,
        }
        let theirs = page.into_iter().filter_map(|recorded| {
            let record = recorded.record.filter(|record| record.by == Some(self.user.id))?;
            Some(Line::Record { at: time(record.at), kind: record.kind.as_str(), detail: recorded.detail })
        });
        Ok(theirs.collect())
    }
}

fn line(channel_id: ChannelId, message: MessageTrail) -> Line {
    let told = |at: Option<DateTime<Utc>>| at.map(time);
    Line::Message {
        id: message.id,
        channel_id,
        seq: message.seq,
        content: message.content,
        content_type: message.content_type,
        reply_to_id: message.reply_to_id,
        attachments: message.attachments,
        created_at: time(message.created_at),
        updated_at: told(message.updated_at),
        deleted_at: told(message.deleted_at),
        revisions: message
            .revisions
            .into_iter()
            .map(|(_, content, since)| Before { content, since: time(since) })
            .collect(),
    }
}
