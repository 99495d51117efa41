//! Ways to make one thing in any history wrong, each where it has to be noticed.

use super::story::{message_frame, record_copies};
use crate::history::{Answer, Ask, ChannelNo, Copy, Frame, Handed, History, LineNo, Record, What};

#[derive(Debug, Clone, Copy)]
pub(super) enum Flaw {
    FrameMissing,
    FrameTwice,
    FramesSwapped,
    OtherContent,
    OtherSender,
    OtherSeqAcked,
    OtherVersionAcked,
    LeftOutOfPage,
    LeftOutOfHistory,
    Reset,
    LeftOutInTheEnd,
    Unread,
    MemberNotListed,
    NotHanded,
    HandedTwice,
    AcknowledgedForNothing,
    ListedAsOpen,
    NotFoundBySearch,
    FirstRevisionGone,
}

pub(super) const FLAWS: &[Flaw] = &[
    Flaw::FrameMissing,
    Flaw::FrameTwice,
    Flaw::FramesSwapped,
    Flaw::OtherContent,
    Flaw::OtherSender,
    Flaw::OtherSeqAcked,
    Flaw::OtherVersionAcked,
    Flaw::LeftOutOfPage,
    Flaw::LeftOutOfHistory,
    Flaw::Reset,
    Flaw::LeftOutInTheEnd,
    Flaw::Unread,
    Flaw::MemberNotListed,
    Flaw::NotHanded,
    Flaw::HandedTwice,
    Flaw::AcknowledgedForNothing,
    Flaw::ListedAsOpen,
    Flaw::NotFoundBySearch,
    Flaw::FirstRevisionGone,
];

impl Flaw {
    /// Where it can be: the place of a record, and a place within it.
    pub(super) fn places(self, history: &History) -> Vec<(usize, usize)> {
        let records = history.records.iter().enumerate();
        records.flat_map(|(at, record)| self.within(history, at, record).into_iter().map(move |it| (at, it))).collect()
    }

    fn within(self, history: &History, at: usize, record: &Record) -> Vec<usize> {
        let once = |applies: bool| if applies { vec![0] } else { Vec::new() };
        match self {
            Self::FrameMissing => once(piece(record).is_some() && follows(history, at).is_some()),
            Self::FramesSwapped => once(matches!(follows(history, at), Some(Shows::Next(_)))),
            Self::FrameTwice => once(piece(record).is_some()),
            Self::OtherContent | Self::OtherSender => {
                let mut record = record.clone();
                (0..record_copies(&mut record.what).len()).collect()
            }
            Self::OtherSeqAcked => once(acked(record).is_some()),
            Self::OtherVersionAcked => once(acked(record).is_some_and(|duplicate| !duplicate)),
            Self::LeftOutOfPage => match page(history, record, true) {
                Some(messages) => (0..messages.len()).filter(|it| is_last_state(history, &messages[*it])).collect(),
                None => Vec::new(),
            },
            Self::LeftOutOfHistory => match page(history, record, false) {
                Some(messages) => (1..messages.len().saturating_sub(1)).collect(),
                None => Vec::new(),
            },
            Self::Reset => once(page(history, record, true).is_some()),
            // Once for the history, wherever.
            Self::LeftOutInTheEnd | Self::ListedAsOpen | Self::NotFoundBySearch | Self::FirstRevisionGone => {
                once(at == 0)
            }
            Self::Unread => match &record.what {
                What::Opened { channels, .. } => (0..channels.len()).collect(),
                _ => Vec::new(),
            },
            Self::MemberNotListed => once(matches!(record.what, What::Came { frame: Frame::Members { .. } })),
            Self::NotHanded => once(handed(record).is_some_and(|copy| is_last_state(history, copy))),
            Self::HandedTwice => once(handed(record).is_some()),
            Self::AcknowledgedForNothing => once(matches!(&record.what, What::Asked { op, ask: Ask::Send { .. } }
                if is_stored_nowhere(history, *op))),
        }
    }

    pub(super) fn make(self, history: &mut History, at: usize, within: usize) {
        match self {
            Self::FrameMissing | Self::NotHanded => drop(history.records.remove(at)),
            Self::FrameTwice | Self::HandedTwice => {
                let again = history.records[at].clone();
                history.records.insert(at, again);
            }
            Self::FramesSwapped => {
                let Some(Shows::Next(next)) = follows(history, at) else { return };
                let what = history.records[at].what.clone();
                history.records[at].what = std::mem::replace(&mut history.records[next].what, what);
            }
            Self::OtherContent => record_copies(&mut history.records[at].what)[within].content ^= 1,
            Self::OtherSender => {
                let copy = &mut *record_copies(&mut history.records[at].what)[within];
                copy.sender = (copy.sender + 1) % 4;
            }
            Self::OtherSeqAcked => {
                if let What::Answered { answer: Answer::Acked { seq, .. }, .. } = &mut history.records[at].what {
                    *seq += 1;
                }
            }
            Self::OtherVersionAcked => {
                if let What::Answered { answer: Answer::Acked { version, .. }, .. } = &mut history.records[at].what {
                    *version += 1;
                }
            }
            Self::LeftOutOfPage | Self::LeftOutOfHistory => {
                if let What::Answered { answer: Answer::Page { messages, .. }, .. } = &mut history.records[at].what {
                    messages.remove(within);
                }
            }
            Self::Reset => {
                if let What::Answered { answer: Answer::Page { reset, .. }, .. } = &mut history.records[at].what {
                    *reset = !*reset;
                }
            }
            Self::ListedAsOpen => {
                // Sent without asking for anything.
                let id = history.finals[0].messages[0].id;
                history.endings.lists[0].messages.push(id);
            }
            Self::NotFoundBySearch => {
                let mut searches = history.endings.searches.iter_mut();
                searches.find(|it| !it.hits.is_empty()).unwrap().hits.clear();
            }
            Self::FirstRevisionGone => {
                let mut revised = history.endings.revised.iter_mut();
                drop(revised.find(|it| it.revisions.len() > 1).unwrap().revisions.drain(..1));
            }
            Self::LeftOutInTheEnd => history.finals.iter_mut().for_each(|log| drop(log.messages.drain(1..2))),
            Self::Unread => {
                if let What::Opened { channels, .. } = &mut history.records[at].what {
                    channels[within].unread += 1;
                }
            }
            Self::MemberNotListed => {
                if let What::Came { frame: Frame::Members { members, .. } } = &mut history.records[at].what {
                    members.retain(|user| *user != 0);
                }
            }
            Self::AcknowledgedForNothing => {
                let What::Asked { op: asked, .. } = history.records[at].what else { return };
                let (message, seq, version) = (uuid::Uuid::from_u128(1), 1, 1);
                for record in &mut history.records {
                    if let What::Answered { op, answer } = &mut record.what
                        && *op == asked
                    {
                        *answer = Answer::Acked { message, seq, version, duplicate: true };
                    }
                }
            }
        }
    }
}

/// Line, channel and versions of what has a place in a sequence.
fn piece(record: &Record) -> Option<(LineNo, ChannelNo, i64)> {
    let What::Came { frame } = &record.what else { return None };
    match frame {
        Frame::Message { copy, since } | Frame::Updated { copy, since } | Frame::Deleted { copy, since } => {
            Some((record.line, copy.channel, *since))
        }
        Frame::Members { channel, since, .. } => Some((record.line, *channel, *since)),
        _ => None,
    }
}

/// What shows that a frame is missing.
#[derive(Debug, Clone, Copy)]
enum Shows {
    /// The one that follows in the sequence, at this place.
    Next(usize),
    /// Where the connection stands at rest.
    AtRest,
}

fn follows(history: &History, at: usize) -> Option<Shows> {
    let (line, channel, since) = piece(&history.records[at])?;
    let client = &history.scene.clients[usize::from(history.records[at].client)];
    // Of its own message a client may have had the ack and not have waited for it.
    if message_frame(&history.records[at], channel).is_some_and(|copy| copy.sender == client.user) {
        return None;
    }
    for (next, record) in history.records.iter().enumerate().skip(at + 1).filter(|(_, record)| record.line == line) {
        if let Some((_, of, next_since)) = piece(record) {
            if of == channel {
                return (next_since > since).then_some(Shows::Next(next));
            }
            continue;
        }
        match &record.what {
            What::Came { frame: Frame::Channel { .. } | Frame::ChannelRemoved { .. } }
            | What::Answered { answer: Answer::NotThere { .. } | Answer::Acked { .. }, .. } => return None,
            What::Closed { .. } if record.at < history.rest => return None,
            What::Closed { .. } => return (client.kind == crate::history::Kind::Bare).then_some(Shows::AtRest),
            _ => {}
        }
    }
    (client.kind == crate::history::Kind::Bare && history.records[at].at < history.rest).then_some(Shows::AtRest)
}

/// Whether it is an ack, and of a duplicate.
fn acked(record: &Record) -> Option<bool> {
    match &record.what {
        What::Answered { answer: Answer::Acked { duplicate, .. }, .. } => Some(*duplicate),
        _ => None,
    }
}

/// A page of `sync` that goes on from a cursor, or one of history.
fn page<'h>(history: &History, record: &'h Record, of_sync: bool) -> Option<&'h Vec<Copy>> {
    let What::Answered { op, answer: Answer::Page { messages, reset: false, .. } } = &record.what else { return None };
    let is_sync = history
        .records
        .iter()
        .any(|record| matches!(&record.what, What::Asked { op: asked, ask: Ask::Sync { .. } } if asked == op));
    (is_sync == of_sync).then_some(messages)
}

fn handed(record: &Record) -> Option<&Copy> {
    match &record.what {
        What::Handed { event: Handed::Message { copy } | Handed::Updated { copy } | Handed::Deleted { copy } } => {
            Some(copy)
        }
        _ => None,
    }
}

fn is_last_state(history: &History, copy: &Copy) -> bool {
    history.finals.iter().any(|log| log.messages.contains(copy))
}

fn is_stored_nowhere(history: &History, op: u32) -> bool {
    let asked = history.records.iter().find_map(|record| match &record.what {
        What::Asked { op: asked, ask: Ask::Send { client_id, .. } } if *asked == op => Some(*client_id),
        _ => None,
    });
    let is_answered = history.records.iter().any(|it| matches!(&it.what, What::Answered { op: of, .. } if *of == op));
    let stored =
        |client_id| history.finals.iter().any(|log| log.messages.iter().any(|copy| copy.client_id == client_id));
    is_answered && asked.is_some_and(|client_id| !stored(client_id))
}
