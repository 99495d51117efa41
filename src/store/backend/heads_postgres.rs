//! What the rows of a batch's channels become, on PostgreSQL: numbers, and what the trail comes to.
//!
//! Written when all of the batch is stored, as one text without binds, which goes in one message with COMMIT. Used by the
//! append, and by nobody else.

use std::collections::BTreeMap;

use crate::domain::audit::Chain;
use crate::domain::hex::hex;
use crate::domain::ids::ChannelId;
use crate::domain::message::{Append, Stored};
use crate::store::audit::Grown;

#[derive(Debug, Default)]
pub(super) struct Heads(BTreeMap<ChannelId, Grown>);

/// A column, and the element of a list that it is set to.
type Column = (&'static str, fn(&Grown) -> String);

const NUMBERS: [Column; 2] = [("last_seq", |grown| int(grown.last_seq)), ("version", |grown| int(grown.chain.version))];
const TRAIL: [Column; 3] = [
    ("audit_since", |grown| int(grown.chain.since)),
    ("audit_version", |grown| int(grown.chain.version)),
    ("audit_head", |grown| format!("'\\x{}'::bytea", hex(&grown.chain.head.0))),
];

fn int(number: i64) -> String {
    format!("{number}::bigint")
}

impl Heads {
    /// A message was stored; `known` is what the channel's row had before the batch.
    pub(super) fn grow(&mut self, item: &Append, stored: &Stored, known: Option<Chain>) {
        let before = self.0.get(&stored.channel_id).map(|grown| grown.chain).or(known);
        self.0.insert(stored.channel_id, Grown::by(item, stored, before));
    }

    /// What moves all of it.
    pub(super) fn sql(&self) -> String {
        self.update(&[&NUMBERS[..], &TRAIL].concat())
    }

    /// The numbers alone, and what is left then: for a bug on purpose.
    pub(super) fn apart(&self) -> [String; 2] {
        [self.update(&NUMBERS), self.update(&TRAIL)]
    }

    /// Ends in a semicolon; empty where nothing was stored. The channels are found by an array and not by a join, so that
    /// the planner has nothing to weigh.
    fn update(&self, columns: &[Column]) -> String {
        if self.0.is_empty() {
            return String::new();
        }
        let list = |of: &dyn Fn(&ChannelId, &Grown) -> String| {
            self.0.iter().map(|(id, grown)| of(id, grown)).collect::<Vec<_>>().join(",")
        };
        let ids = list(&|id, _| format!("'{id}'"));
        let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        let values: Vec<String> =
            columns.iter().map(|(_, of)| format!("(ARRAY[{}])[at]", list(&|_, grown| of(grown)))).collect();
        format!(
            "UPDATE channels c SET ({}) = (SELECT {} FROM array_position(ARRAY[{ids}]::uuid[], c.id) AS at) \
             WHERE c.id = ANY (ARRAY[{ids}]::uuid[]); ",
            names.join(", "),
            values.join(", "),
        )
    }
}
