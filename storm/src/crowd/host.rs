//! The host application's server: adds and removes members, erases users, sends one message over two nodes at once, and reads
//! everything when all is over.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::rest::{Reply, Rest};
use super::{Person, Phase, World, translate};
use crate::Trouble;
use crate::endings::FinalLog;
use crate::history::{Answer, Ask, ChannelNo, UserNo, What, hash};

pub(crate) struct Host {
    me: Person,
    rest: Rest,
}

impl Host {
    pub(crate) fn new(me: Person, rest: Rest) -> Self {
        Self { me, rest }
    }

    fn node(&mut self) -> (u8, SocketAddr) {
        let at = self.me.dice.usize(..self.me.world.nodes.len());
        (u8::try_from(at).unwrap_or(u8::MAX), self.me.world.nodes[at])
    }

    /// Adds who is not there and removes who is, one after the other.
    pub(crate) async fn change_members(mut self, floating: Vec<(ChannelNo, UserNo)>, members: Vec<Vec<UserNo>>) {
        let mut inside: BTreeSet<(ChannelNo, UserNo)> =
            floating.iter().copied().filter(|(channel, user)| members[usize::from(*channel)].contains(user)).collect();
        while self.me.world.phase() == Phase::Storm {
            sleep(Duration::from_millis(self.me.dice.u64(100..900))).await;
            let Some(&pair) = self.me.dice.choice(&floating) else { return };
            let (channel, user) = pair;
            let world = std::sync::Arc::clone(&self.me.world);
            let (id, who) = (world.channel_ids[usize::from(channel)], world.user_ids[usize::from(user)]);
            let op = world.next_op();
            let (_, node) = self.node();
            let reply = if inside.contains(&pair) {
                self.me.note(0, What::Asked { op, ask: Ask::Remove { channel, user } });
                self.rest.call(Method::DELETE, node, &format!("/channels/{id}/members/{who}"), None, None).await
            } else {
                self.me.note(0, What::Asked { op, ask: Ask::Add { channel, user } });
                let body = json!({"userIds": [who.to_string()]});
                self.rest.call(Method::POST, node, &format!("/channels/{id}/members"), Some(body), None).await
            };
            match &reply {
                // Of unknown outcome: the other one is asked for next, which settles it.
                Reply::Done(_) | Reply::Unknown | Reply::Refused { retryable: false, .. } => {
                    if !inside.remove(&pair) {
                        inside.insert(pair);
                    }
                }
                Reply::Refused { .. } => (),
            }
            self.answered(op, &reply);
        }
    }

    /// Sends one message under one `clientId` over two nodes in the same moment.
    pub(crate) async fn send_twice(mut self) {
        while self.me.world.phase() == Phase::Storm {
            sleep(Duration::from_millis(self.me.dice.u64(100..1500))).await;
            let Some(channel) = self.me.some_channel() else { return };
            let (client_id, content) = (Uuid::from_u128(self.me.dice.u128(..)), self.me.some_content());
            let nodes = [self.node(), self.node()];
            let ops = nodes.map(|_| self.me.world.next_op());
            for (op, (node, _)) in ops.into_iter().zip(nodes) {
                let ask = Ask::Send { channel, client_id, content: hash(&content), extra: 0, node: Some(node) };
                self.me.note(0, What::Asked { op, ask });
            }
            // Each answer is written down when it comes: the other node may take longer.
            let one =
                async |at: usize| self.answered(ops[at], &self.post(nodes[at].1, channel, client_id, &content).await);
            tokio::join!(one(0), one(1));
        }
    }

    /// Erases what somebody said, in each channel that is not held, and once more when all is healed, since what takes so many steps
    /// is seldom answered in a storm. They go on as if nothing had happened.
    pub(crate) async fn erase(mut self) {
        let mut phase = self.me.world.phase.clone();
        loop {
            let pause = Duration::from_millis(self.me.dice.u64(3_000..9_000));
            // Either way it is time.
            drop(timeout(pause, phase.wait_for(|phase| *phase != Phase::Storm)).await);
            let is_last = self.me.world.phase() != Phase::Storm;
            // Nothing comes to rest meanwhile.
            self.me.world.owed.fetch_add(1, Ordering::Relaxed);
            self.erase_somebody().await;
            self.me.world.owed.fetch_sub(1, Ordering::Relaxed);
            if is_last {
                return;
            }
        }
    }

    async fn erase_somebody(&mut self) {
        let world = std::sync::Arc::clone(&self.me.world);
        let at = self.me.dice.usize(..world.user_ids.len());
        let Ok(user) = UserNo::try_from(at) else { return };
        let (op, (_, node)) = (world.next_op(), self.node());
        world.samples.erased(user);
        self.me.note(0, What::Asked { op, ask: Ask::Erase { user } });
        let reply = self.rest.call(Method::DELETE, node, &format!("/users/{}", world.user_ids[at]), None, None).await;
        self.answered(op, &reply);
    }

    async fn post(&self, node: SocketAddr, channel: ChannelNo, client_id: Uuid, content: &str) -> Reply {
        let world = &self.me.world;
        let path = format!("/channels/{}/messages", world.channel_ids[usize::from(channel)]);
        let body = json!({"clientId": client_id, "content": content});
        self.rest.call(Method::POST, node, &path, Some(body), Some(world.user_ids[usize::from(self.me.user)])).await
    }

    fn answered(&self, op: u32, reply: &Reply) {
        let answer = match reply {
            Reply::Done(body) => done(body),
            Reply::Refused { code, retryable } => Answer::Refused { code: code.clone(), retryable: *retryable },
            Reply::Unknown => Answer::Unknown,
        };
        self.me.note(0, What::Answered { op, answer });
    }
}

/// A message, a channel, or nothing.
fn done(body: &Value) -> Answer {
    let message = body["id"].as_str().and_then(|id| id.parse::<Uuid>().ok());
    match (message, body["seq"].as_i64(), body["version"].as_i64()) {
        // The body is the message as it is now, whose version a later change may have moved: it is not told.
        (Some(message), Some(seq), Some(_)) => Answer::Acked { message, seq, version: 0, duplicate: true },
        (_, _, version) => Answer::Done { version },
    }
}

/// Everything that is stored, as each node has it.
pub(crate) async fn read_all(world: &World, rest: &Rest) -> Result<Vec<FinalLog>, Trouble> {
    let mut finals = Vec::new();
    for (node, address) in world.direct.iter().enumerate() {
        for (channel, id) in world.channel_ids.iter().enumerate() {
            let held =
                translate::held(&world.places, &rest.channel(*address, *id).await?).ok_or("a channel of the scene")?;
            let messages = rest.whole(*address, *id).await?;
            finals.push(FinalLog {
                node: u8::try_from(node)?,
                channel: ChannelNo::try_from(channel)?,
                messages: messages.iter().filter_map(|message| translate::copy(&world.places, message)).collect(),
                held,
            });
        }
    }
    Ok(finals)
}
