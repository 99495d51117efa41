//! Who is there, as the nodes share it in Redis: one lease a session, changed by scripts, by Redis's clock.
//!
//! Used by the presence actor, and by whoever has to learn of users of whom this node knows nothing. A script touches the
//! keys of one user, or of one channel, or of the cluster, each in one slot. Whatever decides is read from the leases,
//! whose seals are checked here; the keys `online:{channel}` and `user:{user}:alive` follow from them, for others to read.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use redis::{FromRedisValue, ParsingError, Pipeline, Value, from_redis_value};

use super::sealed::{Lease, prefix};
use crate::cluster::{Key, Link, LinkError, NodeId};
use crate::domain::ids::{ChannelId, SessionId, UserId};

const PUT: &str = include_str!("scripts/put.lua");
const BEAT: &str = include_str!("scripts/beat.lua");
const MARK: &str = include_str!("scripts/mark.lua");

/// How long a node counts as there after a beat.
const NODE_LASTS: Duration = Duration::from_secs(5);
/// Without any node's beat for so long the leases may have ended while nobody could renew them.
const GAP: Duration = Duration::from_secs(10);
/// Users of one look at whose leases have ended.
pub const EXPIRED_AT_ONCE: usize = 200;
/// Users of one round trip.
const AT_ONCE: usize = 500;
/// A lease that has just ended is left to whoever tells of it.
const GRACE_MS: i64 = 5000;
/// A number further ahead of the time was not given by a script.
const FAR_AHEAD_US: i64 = 60_000_000;

/// Shared; all clones are the same.
#[derive(Debug, Clone)]
pub struct Leases {
    link: Link,
    key: Key,
    node: NodeId,
    clock: Arc<Mutex<Option<Clock>>>,
    /// Held while leases are written: two writes at once, on two connections, may overtake each other.
    writing: Arc<tokio::sync::Mutex<()>>,
}

/// What Redis's clock showed, and when that was here.
#[derive(Debug, Clone, Copy)]
struct Clock {
    micros: i64,
    at: Instant,
}

/// All sessions of a user on this node, each with how long it is to count yet.
#[derive(Debug, Clone)]
pub struct Own {
    pub user: UserId,
    pub sessions: Vec<(SessionId, Duration)>,
    /// False: this node says nothing about the user, and only has what has ended removed.
    pub here: bool,
}

/// What became of a user's leases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    pub user: UserId,
    /// Orders the changes of this user.
    pub number: i64,
    /// Whether there was any lease before, also one that had ended without anybody having noticed, and whether there is now.
    pub before: bool,
    pub after: bool,
    /// Whether another node has one now.
    pub elsewhere: bool,
}

/// How a user is, by the leases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    pub user: UserId,
    pub number: i64,
    pub elsewhere: bool,
}

/// How the cluster is.
#[derive(Debug, Clone)]
pub struct Beat {
    /// Names the time since which some node has been connected without a gap.
    pub era: String,
    /// How long that is.
    pub era_age: Duration,
    pub nodes: Vec<NodeId>,
    /// Users of whom a lease ended.
    pub expired: Vec<UserId>,
}

/// What a key of the cluster follows from.
#[derive(Debug, Clone, Copy)]
pub struct MarkOnline {
    pub channel: ChannelId,
    pub user: UserId,
    pub number: i64,
    pub online: bool,
}

/// What was read or written, and in which era ([`Beat::era`]) that was: an answer of another one than the last beat's says
/// nothing about who is not there.
#[derive(Debug, Clone)]
pub struct InEra<T> {
    pub era: Option<String>,
    pub found: T,
}

type PutAnswer = (String, String, Vec<String>, Vec<String>);

impl Leases {
    pub fn new(link: Link, key: Key, node: NodeId) -> Self {
        Self { link, key, node, clock: Arc::default(), writing: Arc::default() }
    }

    /// Whether Redis answered last time.
    pub fn is_up(&self) -> bool {
        self.link.is_up()
    }

    /// Makes this node's leases of these users what they are to be, in the order of the calls.
    pub async fn put(&self, users: Vec<Own>) -> Result<InEra<Vec<Outcome>>, LinkError> {
        let _writing = self.writing.lock().await;
        let mut outcomes = Vec::with_capacity(users.len());
        let mut eras = Vec::new();
        for some in users.chunks(AT_ONCE) {
            let now_ms = self.now_ms().await?;
            let mut commands = redis::pipe();
            for own in some {
                self.add_put(&mut commands, own, now_ms);
            }
            let (answers, era) = self.call_in_era::<PutAnswer>(commands).await?;
            eras.push(era);
            for (own, (now, number, before, after)) in some.iter().zip(answers) {
                self.tick(&now);
                outcomes.push(self.outcome(own.user, &number, &before, &after));
            }
        }
        let mut ends = redis::pipe();
        for (outcome, until) in &outcomes {
            // Looked at when the longest lease may have ended: by then it has been renewed, or the user is gone.
            if outcome.after {
                ends.cmd("ZADD").arg(self.cluster_key("ends")).arg(*until).arg(outcome.user.to_string()).ignore();
            } else {
                ends.cmd("ZREM").arg(self.cluster_key("ends")).arg(outcome.user.to_string()).ignore();
            }
        }
        if !outcomes.is_empty() {
            // Written again with the next renewal.
            if let Err(error) = self.link.call::<()>(ends).await {
                log::debug!("when leases end could not be written: {error}");
            }
        }
        Ok(InEra { era: only(&eras), found: outcomes.into_iter().map(|(outcome, _)| outcome).collect() })
    }

    fn add_put(&self, commands: &mut Pipeline, own: &Own, now_ms: i64) {
        let script = commands.cmd("EVAL").arg(PUT).arg(2).arg(leases_key(&self.key, own.user)).arg(alive_key(own.user));
        if !own.here {
            script.arg("");
            return;
        }
        script.arg(prefix(self.node));
        for (session, left) in &own.sessions {
            let left = i64::try_from(left.as_millis()).unwrap_or(i64::MAX / 2);
            let lease = Lease { node: self.node, session: *session, ends_ms: now_ms.saturating_add(left) };
            let (field, value) = lease.seal(&self.key, own.user);
            script.arg(field).arg(value);
        }
    }

    /// With when the longest lease ends.
    fn outcome(&self, user: UserId, number: &str, before: &[String], after: &[String]) -> (Outcome, i64) {
        let open = |held: &[String]| -> Vec<Lease> {
            let (pairs, _) = held.as_chunks::<2>();
            pairs.iter().filter_map(|[field, value]| Lease::open(&self.key, user, field, value)).collect()
        };
        let after = open(after);
        let ends = after.iter().map(|lease| lease.ends_ms).max().unwrap_or_default();
        let outcome = Outcome {
            user,
            number: number.parse().unwrap_or_default(),
            before: !open(before).is_empty(),
            after: !after.is_empty(),
            elsewhere: after.iter().any(|lease| lease.node != self.node),
        };
        (outcome, ends)
    }

    /// How these users are on the other nodes.
    pub async fn look(&self, users: Vec<UserId>) -> Result<InEra<Vec<Seen>>, LinkError> {
        let mut found = Vec::with_capacity(users.len());
        let mut eras = Vec::new();
        for some in users.chunks(AT_ONCE) {
            let now_ms = self.now_ms().await?;
            let mut commands = redis::pipe();
            for user in some {
                commands.cmd("HGETALL").arg(leases_key(&self.key, *user));
            }
            let (answers, era) = self.call_in_era::<Vec<(String, String)>>(commands).await?;
            eras.push(era);
            found.extend(some.iter().zip(answers).map(|(user, held)| self.seen(*user, &held, now_ms)));
        }
        Ok(InEra { era: only(&eras), found })
    }

    fn seen(&self, user: UserId, held: &[(String, String)], now_ms: i64) -> Seen {
        let number = held.iter().find(|(field, _)| field == "number").and_then(|(_, number)| number.parse().ok());
        let number = number.filter(|number| *number <= now_ms.saturating_mul(1000).saturating_add(FAR_AHEAD_US));
        let elsewhere = held
            .iter()
            .filter_map(|(field, value)| Lease::open(&self.key, user, field, value))
            .any(|lease| lease.node != self.node && lease.ends_ms + GRACE_MS > now_ms);
        // Without one, Redis has lost it: then what was read is as new as the read, give or take the way.
        let number = number.unwrap_or_else(|| now_ms.saturating_sub(1000).saturating_mul(1000));
        Seen { user, number, elsewhere }
    }

    /// Says that this node is there, and asks how the cluster is.
    pub async fn beat(&self) -> Result<Beat, LinkError> {
        let mut commands = redis::pipe();
        commands
            .cmd("EVAL")
            .arg(BEAT)
            .arg(3)
            .arg(["since", "nodes", "ends"].map(|name| self.cluster_key(name)).as_slice())
            .arg(self.node.to_string())
            .arg(millis(NODE_LASTS))
            .arg(millis(GAP))
            .arg(EXPIRED_AT_ONCE);
        let ((now, era, nodes, expired),): ((String, String, Vec<String>, Vec<String>),) =
            self.link.call(commands).await?;
        let now_ms = self.tick(&now) / 1000;
        let age = now_ms.saturating_sub(era.parse().unwrap_or(now_ms));
        Ok(Beat {
            era,
            era_age: Duration::from_millis(u64::try_from(age).unwrap_or_default()),
            nodes: nodes.iter().filter_map(|node| node.parse().ok()).collect(),
            expired: expired.iter().filter_map(|user| user.parse().ok()).collect(),
        })
    }

    /// Has the channels' sets follow.
    pub async fn mark(&self, marks: Vec<MarkOnline>) -> Result<(), LinkError> {
        for some in marks.chunks(AT_ONCE) {
            let mut commands = redis::pipe();
            for MarkOnline { channel, user, number, online } in some {
                commands
                    .cmd("EVAL")
                    .arg(MARK)
                    .arg(2)
                    .arg(format!("online:{channel}"))
                    .arg(format!("{{online:{channel}}}:numbers"))
                    .arg(user.to_string())
                    .arg(*number)
                    .arg(u8::from(*online))
                    .ignore();
            }
            self.link.call::<()>(commands).await?;
        }
        Ok(())
    }

    /// Runs commands, and says in which era.
    async fn call_in_era<T: FromRedisValue>(
        &self,
        mut commands: Pipeline,
    ) -> Result<(Vec<T>, Option<String>), LinkError> {
        commands.cmd("GET").arg(self.cluster_key("since"));
        let mut answers: Vec<Value> = self.link.call(commands).await?;
        let unreadable = |error: ParsingError| LinkError::Failed(error.to_string());
        let era = answers.pop().map(from_redis_value).transpose().map_err(unreadable)?.flatten();
        let answers = answers.into_iter().map(from_redis_value).collect::<Result<_, _>>().map_err(unreadable)?;
        Ok((answers, era))
    }

    /// Redis's time by its last answer.
    async fn now_ms(&self) -> Result<i64, LinkError> {
        let known = *self.clock.lock();
        if let Some(clock) = known {
            let since = i64::try_from(clock.at.elapsed().as_millis()).unwrap_or_default();
            return Ok(clock.micros / 1000 + since);
        }
        let mut commands = redis::pipe();
        commands.cmd("TIME");
        let ((seconds, micros),): ((i64, i64),) = self.link.call(commands).await?;
        let micros = seconds * 1_000_000 + micros;
        *self.clock.lock() = Some(Clock { micros, at: Instant::now() });
        Ok(micros / 1000)
    }

    /// Notes what an answer says the time is, in microseconds.
    fn tick(&self, now: &str) -> i64 {
        let micros = now.parse().unwrap_or_default();
        if micros > 0 {
            *self.clock.lock() = Some(Clock { micros, at: Instant::now() });
        }
        micros
    }

    fn cluster_key(&self, name: &str) -> String {
        format!("{{tenfour:{}}}:{name}", self.key.name())
    }
}

/// The era of all answers, where they have one.
fn only(eras: &[Option<String>]) -> Option<String> {
    let first = eras.first().cloned().flatten();
    first.filter(|first| eras.iter().all(|era| era.as_ref() == Some(first)))
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn alive_key(user: UserId) -> String {
    format!("user:{user}:alive")
}

/// In the slot of the user's alive key, since its tag is that one's whole name.
fn leases_key(key: &Key, user: UserId) -> String {
    format!("{{{}}}:leases:{}", alive_key(user), key.name())
}
