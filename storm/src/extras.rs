//! What hangs on a message besides its words: reactions, what it asks for with the answers, and files.
//!
//! Written down once each and named by a number wherever a message is shown or sent, so that records stay small and two that
//! show the same have the same number. Filled by the crowd, read by the checker.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use uuid::Uuid;

use crate::history::UserNo;

/// An extra's place in [`crate::history::History::extras`]. 0: nothing hangs on the message.
pub(crate) type ExtraNo = u32;
/// A reaction's place among [`SIGNS`].
pub(crate) type Sign = u8;

/// What the crowd reacts with: of several bytes and of one, and so few that people meet.
pub(crate) const SIGNS: [&str; 4] = ["👍", "❤️", "ok", "🚚"];
/// One that nobody of the crowd uses.
pub(crate) const STRANGE: Sign = Sign::MAX;

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct Extra {
    /// In the order in which they are shown, and of each whose it is.
    pub reactions: Vec<(Sign, Vec<UserNo>)>,
    pub instruction: Option<Instruction>,
    pub files: Vec<Uuid>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct Instruction {
    /// Milliseconds since 1970, like every time here.
    pub deadline: Option<i64>,
    /// Where it is asked for, nobody stands for everybody else.
    pub assignees: Vec<UserNo>,
    pub overdue: Option<i64>,
    pub answers: Vec<(UserNo, Reply)>,
}

/// What somebody answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct Reply {
    pub kind: ReplyKind,
    /// Hash of the note; of the empty one where there is none.
    pub note: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReplyKind {
    Accepted,
    Declined,
    Done,
}

impl ReplyKind {
    pub(crate) const ALL: [Self; 3] = [Self::Accepted, Self::Declined, Self::Done];

    /// As on the wire.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::Done => "done",
        }
    }
}

impl Extra {
    pub(crate) fn has(&self, sign: Sign, user: UserNo) -> bool {
        self.reactions.iter().any(|(of, users)| *of == sign && users.contains(&user))
    }
}

impl Instruction {
    pub(crate) fn answer_of(&self, user: UserNo) -> Option<Reply> {
        self.answers.iter().find(|(of, _)| *of == user).map(|(_, reply)| *reply)
    }
}

/// All that were seen or asked for, each once.
#[derive(Debug, Default)]
pub(crate) struct Extras(Mutex<Numbered>);

#[derive(Debug, Default)]
struct Numbered {
    all: Vec<Extra>,
    numbers: HashMap<Extra, ExtraNo>,
}

impl Extras {
    pub(crate) fn number(&self, extra: Extra) -> ExtraNo {
        if extra == Extra::default() {
            return 0;
        }
        let mut numbered = self.lock();
        if numbered.all.is_empty() {
            numbered.all.push(Extra::default());
        }
        if let Some(number) = numbered.numbers.get(&extra) {
            return *number;
        }
        let number = ExtraNo::try_from(numbered.all.len()).unwrap_or(ExtraNo::MAX);
        numbered.all.push(extra.clone());
        numbered.numbers.insert(extra, number);
        number
    }

    /// Whether it asks this user for an answer.
    pub(crate) fn asks(&self, number: ExtraNo, user: UserNo) -> bool {
        let numbered = self.lock();
        let extra = usize::try_from(number).ok().and_then(|number| numbered.all.get(number));
        extra.and_then(|extra| extra.instruction.as_ref()).is_some_and(|of| of.assignees.contains(&user))
    }

    #[cfg(test)]
    pub(crate) fn get(&self, number: ExtraNo) -> Extra {
        usize::try_from(number).ok().and_then(|number| self.lock().all.get(number).cloned()).unwrap_or_default()
    }

    /// As far as there are any by now.
    pub(crate) fn all(&self) -> Vec<Extra> {
        self.lock().all.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Numbered> {
        // A push cannot be half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_same_has_the_same_number_and_nothing_has_none() {
        let extras = Extras::default();
        let of = |user| Extra { reactions: vec![(0, vec![user])], ..Extra::default() };
        assert_eq!(extras.number(Extra::default()), 0);
        assert_eq!([of(1), of(2), of(1)].map(|extra| extras.number(extra)), [1, 2, 1]);
        assert_eq!(extras.all(), [Extra::default(), of(1), of(2)]);
        assert!(of(1).has(0, 1) && !of(1).has(0, 2) && !of(1).has(1, 1));
    }
}
