//! What happens on this node, told as it happens to whoever listens at the moment.
//!
//! Whoever does something tells it ([`Live::tell`]); the admin surface listens. While nobody listens that costs the look at a number. Never
//! waits for a listener: one that is slow loses events and is told how many. Never has what messages say.

mod event;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::sync::mpsc;

pub use event::{Event, KINDS, What};

use crate::domain::ids::{ChannelId, UserId};
use crate::domain::now;

/// Who may listen at a time.
pub const MAX_LISTENERS: usize = 16;
/// Events that wait for one of them.
const MAX_WAITING: usize = 1024;

/// Shared; all clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Live(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// How many of `state` there are, for who only wants to know whether there is any.
    count: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    listeners: Vec<Listener>,
    next: u64,
    /// The daemon stops.
    ended: bool,
}

#[derive(Debug)]
struct Listener {
    id: u64,
    wanted: Wanted,
    sender: mpsc::Sender<Arc<Event>>,
    lost: Arc<AtomicU64>,
}

/// Which events are listened for; of nothing: all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Names of [`KINDS`].
    pub kinds: BTreeSet<&'static str>,
    pub user: Option<UserId>,
    pub channel: Option<ChannelId>,
}

/// Why nobody more may listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    #[error("{MAX_LISTENERS} listen to this node already; end one of those")]
    Listeners,
    #[error("the daemon is stopping")]
    Ended,
}

/// Events as they come. Dropped, it listens no more.
#[derive(Debug)]
pub struct Listening {
    live: Live,
    id: u64,
    receiver: mpsc::Receiver<Arc<Event>>,
    lost: Arc<AtomicU64>,
}

/// What a listener hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    Event(Arc<Event>),
    /// So many were not told, since too many waited.
    Lost(u64),
}

impl Live {
    /// Tells who listens; `what` is made only if anybody does.
    pub fn tell(&self, what: impl FnOnce() -> What) {
        if self.0.count.load(Ordering::Relaxed) == 0 {
            return;
        }
        let event = Arc::new(Event { at: now(), what: what() });
        for listener in &self.0.state.lock().listeners {
            if listener.wanted.has(&event.what) && listener.sender.try_send(Arc::clone(&event)).is_err() {
                listener.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    pub fn listen(&self, wanted: Wanted) -> Result<Listening, Full> {
        let (sender, receiver) = mpsc::channel(MAX_WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        let mut state = self.0.state.lock();
        if state.ended {
            return Err(Full::Ended);
        }
        if state.listeners.len() >= MAX_LISTENERS {
            return Err(Full::Listeners);
        }
        state.next += 1;
        let id = state.next;
        state.listeners.push(Listener { id, wanted, sender, lost: Arc::clone(&lost) });
        self.0.count.store(state.listeners.len(), Ordering::Relaxed);
        Ok(Listening { live: self.clone(), id, receiver, lost })
    }

    /// Nobody is told anything more.
    pub fn end(&self) {
        self.keep(|_| false, true);
    }

    fn keep(&self, kept: impl Fn(&Listener) -> bool, ends: bool) {
        let mut state = self.0.state.lock();
        state.ended |= ends;
        state.listeners.retain(kept);
        self.0.count.store(state.listeners.len(), Ordering::Relaxed);
    }
}

impl Listening {
    /// None: the daemon stops.
    pub async fn next(&mut self) -> Option<Told> {
        match self.lost.swap(0, Ordering::Relaxed) {
            0 => self.receiver.recv().await.map(Told::Event),
            lost => Some(Told::Lost(lost)),
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.live.keep(|listener| listener.id != self.id, false);
    }
}

impl Wanted {
    fn has(&self, what: &What) -> bool {
        (self.kinds.is_empty() || self.kinds.contains(what.kind()))
            && self.user.is_none_or(|user| what.is_of(user))
            && self.channel.is_none_or(|channel| what.channel() == Some(channel))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use uuid::Uuid;

    use super::*;

    fn revoked(n: u128) -> What {
        What::TokensRevoked { user: UserId(Uuid::from_u128(n)) }
    }

    fn told(listening: &mut Listening) -> Option<What> {
        match listening.next().now_or_never()?? {
            Told::Event(event) => Some(event.what.clone()),
            Told::Lost(_) => None,
        }
    }

    #[test]
    fn nothing_is_made_while_nobody_listens() {
        let live = Live::default();
        let nobody = || panic!("made for nobody");
        live.tell(nobody);
        drop(live.listen(Wanted::default()).unwrap());
        live.tell(nobody);
        let mut listening = live.listen(Wanted::default()).unwrap();
        live.tell(|| revoked(1));
        live.end();
        live.tell(nobody);
        assert_eq!(told(&mut listening), Some(revoked(1)));
        assert_eq!(listening.next().now_or_never(), Some(None));
        assert_eq!(live.listen(Wanted::default()).err(), Some(Full::Ended));
    }

    #[test]
    fn who_is_slow_is_told_how_much_they_lost_and_holds_up_nobody() {
        let live = Live::default();
        let (mut slow, mut quick) = (live.listen(Wanted::default()).unwrap(), live.listen(Wanted::default()).unwrap());
        for n in 0..MAX_WAITING as u128 + 5 {
            live.tell(|| revoked(n));
            assert_eq!(told(&mut quick), Some(revoked(n)));
        }
        assert_eq!(slow.next().now_or_never(), Some(Some(Told::Lost(5))));
        assert_eq!(told(&mut slow), Some(revoked(0)));
        let others: Vec<_> = (2..MAX_LISTENERS).map(|_| live.listen(Wanted::default()).unwrap()).collect();
        assert_eq!(live.listen(Wanted::default()).err(), Some(Full::Listeners));
        drop(others);
        assert!(live.listen(Wanted::default()).is_ok());
    }

    #[test]
    fn who_wants_some_is_told_those_alone() {
        let (user, channel) = (UserId(Uuid::from_u128(1)), ChannelId(Uuid::from_u128(2)));
        let created = What::ChannelCreated { channel, users: vec![user] };
        let wants =
            |kinds: &[&'static str], user, channel| Wanted { kinds: kinds.iter().copied().collect(), user, channel };
        for (wanted, has) in [
            (wants(&[], None, None), true),
            (wants(&["channel.created"], Some(user), Some(channel)), true),
            (wants(&["channel.changed"], None, None), false),
            (wants(&[], Some(UserId(Uuid::from_u128(3))), None), false),
            (wants(&[], None, Some(ChannelId(Uuid::from_u128(3)))), false),
        ] {
            assert_eq!(wanted.has(&created), has, "{wanted:?}");
        }
        assert!(!wants(&[], None, Some(channel)).has(&revoked(1)));
    }
}
