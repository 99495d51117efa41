//! Typing and read marks, which may be lost, but neither stay for ever nor go back.

use std::time::{Duration, Instant};

use chrono::DateTime;

use super::world::{News, World};
use crate::actors::room::receipts::{Due, Receipt};
use crate::domain::ids::UserId;

#[derive(Clone, Copy)]
pub(super) enum Notice {
    Typed(UserId),
    Stopped(UserId),
    Read(UserId, i64),
}

impl World {
    /// Somebody types, or has read.
    pub(super) fn say(&mut self) {
        let live: Vec<usize> = (0..self.sessions.len()).filter(|at| self.sessions[*at].live).collect();
        let Some(at) = self.pick(live.len()).map(|at| live[at]) else { return };
        let (node, user) = (self.sessions[at].node, self.sessions[at].handle.user);
        if self.rng.bool() {
            self.notice(node, Notice::Typed(user), true);
        } else if let Some(seq) = self.store.read(user, &mut self.rng) {
            self.totals.marks += 1;
            self.commit(&News::Notice(Notice::Read(user, seq)), node, None);
        }
    }

    /// A room hears of it. `own`: on its node.
    pub(super) fn notice(&mut self, node: usize, notice: Notice, own: bool) {
        let now = self.now;
        let room = &mut self.nodes[node].room;
        match notice {
            Notice::Typed(user) if !room.roster.has(user) => {}
            Notice::Typed(user) if own => {
                if room.typing.typed(user, now) {
                    self.totals.typed += 1;
                    room.emit_typing(user, "");
                    self.spread(node, notice);
                }
            }
            Notice::Typed(user) => {
                if room.typing.typed_elsewhere(user, now) {
                    room.emit_typing(user, "");
                }
            }
            Notice::Stopped(user) => room.stop_typing(user),
            Notice::Read(user, seq) => {
                let receipt = Receipt { seq, at: DateTime::UNIX_EPOCH, session: None };
                match room.receipts.moved(user, receipt, now) {
                    Due::Now => room.emit_receipts(now),
                    Due::After(wait) => self.nodes[node].flush = Some(now + wait),
                    Due::Waits => {}
                }
            }
        }
    }

    /// To the other nodes alone.
    fn spread(&mut self, from: usize, notice: Notice) {
        self.commit(&News::Notice(notice), from, None);
        if let Some(at) = self.pool.iter().rposition(|delivery| delivery.node == from && delivery.own) {
            self.pool.swap_remove(at);
        }
    }

    pub(super) fn pass_time(&mut self) {
        self.now += Duration::from_millis(self.rng.u64(..600));
        let now: Instant = self.now;
        for node in 0..self.nodes.len() {
            for user in self.nodes[node].room.typing.expired(now) {
                self.nodes[node].room.emit_typing_stopped(user);
                self.spread(node, Notice::Stopped(user));
            }
            if self.nodes[node].flush.take_if(|at| *at <= now).is_some() {
                self.nodes[node].room.emit_receipts(now);
            }
        }
    }
}
