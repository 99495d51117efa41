//! What comes to a bare client over its connection: put on record as it came, and taken into account.
//!
//! Called by [`super::bare`] for each frame. Never sends.

use std::sync::atomic::Ordering;
use std::time::Instant;

use tenfour::client::frames::ServerFrame;

use super::bare::{Bare, HOLD_BACK, Line};
use super::translate;
use crate::history::{Answer, ClientNo, Frame, What};

impl Bare {
    pub(super) fn came(&mut self, line: &mut Line, text: &str) {
        let world = std::sync::Arc::clone(&self.me.world);
        let Some(frame) = frame(text) else {
            return world.alarms.raise(no_frame(self.me.no, text));
        };
        match frame {
            ServerFrame::Ack(ack) => {
                let Some((op, owed)) = line.sends.take(ack.client_id.0) else { return };
                world.owed.fetch_sub(1, Ordering::Relaxed);
                let (message, seq, version, duplicate) = (ack.server_id.0, ack.seq, ack.version, ack.duplicate);
                let answer = Answer::Acked { message, seq, version, duplicate };
                self.me.note(line.no, What::Answered { op, answer });
                if !duplicate {
                    self.cursors.moved(owed.channel, version, version);
                }
                if !self.mine.contains(&(owed.channel, message)) {
                    self.mine.push_back((owed.channel, message));
                    if self.mine.len() > 50 {
                        self.mine.pop_front();
                    }
                }
                self.stored.add(owed);
            }
            ServerFrame::Error(error) => {
                let answer = Answer::Refused { code: error.refused.code.clone(), retryable: error.refused.retryable };
                if let Some((op, owed)) = error.client_id.and_then(|id| line.sends.take(id.0)) {
                    self.me.note(line.no, What::Answered { op, answer });
                    if error.refused.retryable {
                        line.not_before = Instant::now() + HOLD_BACK;
                        self.queue.push_back(owed);
                    } else {
                        world.owed.fetch_sub(1, Ordering::Relaxed);
                    }
                } else if let Some(op) = error.reference.and_then(|it| line.others.remove(&it)) {
                    self.me.note(line.no, What::Answered { op, answer });
                } else if line.syncing.is_some_and(|(op, _)| error.reference == Some(op.into()))
                    && let Some((op, _)) = line.syncing.take()
                {
                    self.me.note(line.no, What::Answered { op, answer });
                    line.not_before = Instant::now() + HOLD_BACK;
                }
            }
            ServerFrame::Ok(reply) => {
                if let Some(op) = reply.reference.and_then(|it| line.others.remove(&it)) {
                    self.me.note(line.no, What::Answered { op, answer: Answer::Done { version: None } });
                }
            }
            ServerFrame::Sync(page) => {
                let Some((op, forged)) = line.syncing else { return };
                let Some(answer) = translate::page(&world.places, &page) else { return };
                if let (Answer::Page { channel, version, reset, .. }, false) = (&answer, forged) {
                    self.cursors.page(*channel, *version, *reset);
                }
                self.me.note(line.no, What::Answered { op, answer });
            }
            ServerFrame::SyncComplete(_) => {
                if let Some((op, _)) = line.syncing.take() {
                    self.me.note(line.no, What::Answered { op, answer: Answer::Complete });
                }
            }
            frame => {
                if let Some(frame) = translate::frame(&world.places, &frame) {
                    self.cursors.frame(&frame);
                    match &frame {
                        Frame::Message { copy, .. } => {
                            self.heads.insert(copy.channel, copy.seq);
                            self.heard.came(&world, self.me.user, copy);
                            if copy.sender == self.me.user {
                                line.sends.show(copy.client_id);
                            }
                        }
                        // Of a page or of a removal: it means the same.
                        Frame::ChannelRemoved { channel } => self.removed(*channel),
                        _ => (),
                    }
                    self.me.note(line.no, What::Came { frame });
                }
            }
        }
    }
}

/// What a node sends, if it is one of the frames that there are.
pub(super) fn frame(text: &str) -> Option<ServerFrame> {
    serde_json::from_str(text).ok().filter(|frame| *frame != ServerFrame::Other)
}

pub(super) fn no_frame(client: ClientNo, text: &str) -> String {
    format!("client {client} was sent what is no frame: {text:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_frame_of_a_server_is_known() {
        assert!(matches!(frame(r#"{"type":"ok","ref":7}"#), Some(ServerFrame::Ok(_))));
        for text in ["", "{", r#"{"type":"ack"}"#, r#"{"type":"weather","ref":7}"#] {
            assert_eq!(frame(text), None, "{text}");
        }
    }
}
