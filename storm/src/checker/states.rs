//! The states in which messages were shown, each once however often it was.
//!
//! Used by whatever looks at what hangs on messages. Judges nothing.

use uuid::Uuid;

use super::index::{IdSet, NOWHERE};
use crate::extras::ExtraNo;
use crate::history::{Answer, Copy, Frame, Handed, History, What};

/// What hung on messages that were not deleted: each state that anybody was shown, with the place of the first record that does,
/// then those of the final logs, which are at [`NOWHERE`].
pub(super) fn shown(history: &History) -> Vec<(u32, &Copy)> {
    let in_records = (0..)
        .zip(&history.records)
        .flat_map(|(place, record)| copies(&record.what).iter().map(move |copy| (place, copy)));
    let in_the_end = history.finals.iter().flat_map(|log| &log.messages).map(|copy| (NOWHERE, copy));
    let mut seen: IdSet<(Uuid, Number)> = IdSet::default();
    let is_new = |(_, copy): &(u32, &Copy)| !copy.deleted && seen.insert((copy.id, Number(copy.extra)));
    in_records.chain(in_the_end).filter(is_new).collect()
}

/// A number in a set whose hash takes the bits of ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number(pub(super) ExtraNo);

impl std::hash::Hash for Number {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        let [high, low] = [self.0 >> 16, self.0 & 0xffff].map(|half| u16::try_from(half).unwrap_or_default());
        state.write_u16(high);
        state.write_u16(low);
    }
}

/// The messages that a record shows.
pub(super) fn copies(what: &What) -> &[Copy] {
    match what {
        What::Came {
            frame: Frame::Message { copy, .. } | Frame::Updated { copy, .. } | Frame::Deleted { copy, .. },
        }
        | What::Handed { event: Handed::Message { copy } | Handed::Updated { copy } | Handed::Deleted { copy } } => {
            std::slice::from_ref(copy)
        }
        What::Answered { answer: Answer::Page { messages, .. }, .. } => messages,
        _ => &[],
    }
}
