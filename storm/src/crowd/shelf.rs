//! Files: uploaded over REST beside what a client does, and waiting here to be named in a send.
//!
//! Now and then one stays for another send, which is to be refused: a file is in one message.

use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

use super::Person;
use super::rest::Reply;
use crate::history::{Answer, Ask, What, hash_bytes};

/// The largest file, in bytes.
const LARGEST: usize = 32 << 10;
/// That wait at most.
const WAITING: usize = 4;

#[derive(Debug, Clone, Default)]
pub(super) struct Shelf(Arc<Mutex<Vec<Uuid>>>);

impl Shelf {
    /// Most sends name what is there.
    pub(super) fn take(&self, dice: &mut fastrand::Rng) -> Vec<Uuid> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if dice.u8(..8) == 0 { waiting.clone() } else { std::mem::take(&mut waiting) }
    }

    pub(super) fn upload(&self, me: &mut Person) {
        let shelf = Arc::clone(&self.0);
        if shelf.lock().unwrap_or_else(PoisonError::into_inner).len() >= WAITING {
            return;
        }
        let world = Arc::clone(&me.world);
        let node = world.nodes[me.dice.usize(..world.nodes.len())];
        let length = me.dice.usize(1..LARGEST);
        let bytes: Vec<u8> = std::iter::repeat_with(|| me.dice.u8(..)).take(length).collect();
        let (op, no, user) = (world.next_op(), me.no, world.user_ids[usize::from(me.user)]);
        let mut dice = me.dice.fork();
        me.note(0, What::Asked { op, ask: Ask::Upload { bytes: hash_bytes(&bytes) } });
        tokio::spawn(async move {
            let answer = match world.rest.upload(node, bytes, user).await {
                Reply::Done(body) => match body["id"].as_str().and_then(|id| id.parse().ok()) {
                    Some(file) => {
                        world.samples.file(&mut dice, file);
                        shelf.lock().unwrap_or_else(PoisonError::into_inner).push(file);
                        Answer::Uploaded { file }
                    }
                    None => Answer::Unknown,
                },
                Reply::Refused { code, retryable } => Answer::Refused { code, retryable },
                Reply::Unknown => Answer::Unknown,
            };
            world.recorder.note(no, 0, What::Answered { op, answer });
        });
    }
}
