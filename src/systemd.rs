//! The service manager: what it is told of this daemon, and the sockets that it has bound for it.
//!
//! Used by the command line. Speaks systemd's protocol, which others speak too; where nobody listens nothing is said. Telling
//! never waits: a manager that hangs holds up nothing here.

use std::io;
use std::net::TcpListener;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

use listenfd::ListenFd;
use sd_notify::NotifyState;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// What may wait for the manager to be told: more than any sequence of events here has.
const WAITING: usize = 32;
const SETTLE_WITHIN: Duration = Duration::from_millis(500);
/// The names that a socket may have (`FileDescriptorName=`).
const PUBLIC: &str = "public";
const ADMIN: &str = "admin";

/// Who started this process and wants to know how it is.
#[derive(Debug, Clone)]
pub struct Manager {
    tell: Option<SyncSender<Word>>,
}

#[derive(Debug)]
enum Word {
    Ready(String),
    Status(String),
    Alive,
    Reloading,
    Stopping(Duration),
    Patience(Duration),
    /// Asks to be told when all before it was said.
    Settle(oneshot::Sender<()>),
}

impl Manager {
    /// `wanted`: the environment names a socket on which somebody listens.
    pub fn new(wanted: bool) -> io::Result<Self> {
        if !wanted {
            return Ok(Self { tell: None });
        }
        let (tell, told) = sync_channel::<Word>(WAITING);
        thread::Builder::new().name("service manager".to_owned()).spawn(move || {
            let mut complained = false;
            // Until the daemon ends.
            for word in told {
                if let Word::Settle(settled) = word {
                    // Who asked may have given up.
                    let _ = settled.send(());
                    continue;
                }
                let sent = word.send();
                if let Err(error) = &sent
                    && !complained
                {
                    log::warn!("the service manager cannot be told how it goes: {error}");
                }
                complained = sent.is_err();
            }
        })?;
        Ok(Self { tell: Some(tell) })
    }

    /// Whether anybody listens.
    pub fn is_there(&self) -> bool {
        self.tell.is_some()
    }

    /// It serves; also after a reload.
    pub fn ready(&self, status: &str) {
        self.say(Word::Ready(status.to_owned()));
    }

    /// One line for people.
    pub fn status(&self, status: &str) {
        self.say(Word::Status(status.to_owned()));
    }

    /// Feeds the watchdog.
    pub fn alive(&self) {
        self.say(Word::Alive);
    }

    /// The settings are being read anew; [`Self::ready`] ends it.
    pub fn reloading(&self) {
        self.say(Word::Reloading);
    }

    /// It stops, and will be gone by then.
    pub fn stopping(&self, within: Duration) {
        self.say(Word::Stopping(within));
    }

    /// What is under way takes longer: not to be given up before then.
    pub fn patience(&self, more: Duration) {
        self.say(Word::Patience(more));
    }

    /// Waits until all of it was said, or a moment at most: the process is about to end.
    pub async fn settle(&self) {
        let (settled, settles) = oneshot::channel();
        self.say(Word::Settle(settled));
        let _ = timeout(SETTLE_WITHIN, settles).await;
    }

    fn say(&self, word: Word) {
        let Some(tell) = &self.tell else { return };
        match tell.try_send(word) {
            Ok(()) => {}
            // It hangs; the newest is not worth more than what waits.
            Err(TrySendError::Full(word)) => log::debug!("the service manager takes nothing, so {word:?} is not said"),
            Err(TrySendError::Disconnected(_)) => log::debug!("nobody tells the service manager any more"),
        }
    }
}

impl Word {
    fn send(&self) -> io::Result<()> {
        match self {
            Self::Ready(status) => sd_notify::notify(&[NotifyState::Ready, NotifyState::Status(status)]),
            Self::Status(status) => sd_notify::notify(&[NotifyState::Status(status)]),
            Self::Alive => sd_notify::notify(&[NotifyState::Watchdog]),
            Self::Reloading => sd_notify::notify(&[NotifyState::Reloading, NotifyState::monotonic_usec_now()?]),
            Self::Stopping(within) => sd_notify::notify(&[
                NotifyState::Stopping,
                NotifyState::Status("stopping"),
                NotifyState::ExtendTimeoutUsec(micros(*within)),
            ]),
            Self::Settle(_) => Ok(()),
            Self::Patience(more) => sd_notify::notify(&[NotifyState::ExtendTimeoutUsec(micros(*more))]),
        }
    }
}

fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

/// How long the manager waits for a sign of life before it kills; none where it does not.
pub fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled().filter(|time| !time.is_zero())
}

/// What the manager has bound.
#[derive(Debug, Default)]
pub struct Sockets {
    pub public: Option<TcpListener>,
    pub admin: Option<TcpListener>,
}

/// Why the manager's sockets cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    #[error("the sockets of the service manager (LISTEN_FDS) cannot be taken: {0}")]
    Unusable(#[from] io::Error),
    #[error(
        "the service manager hands over two sockets that would be the {0} one: name one public, the other admin (FileDescriptorName=)"
    )]
    Twice(&'static str),
    #[error(
        "the service manager hands over {0} sockets; the daemon takes one that is named public and one that is named admin"
    )]
    TooMany(usize),
}

/// Takes them, once a process and before there is any other thread.
pub fn sockets() -> Result<Sockets, SocketError> {
    // It knows the names, and whether they are meant for this process; the other makes listeners of them.
    let named: Vec<String> = sd_notify::listen_fds_with_names()?.map(|(_, name)| name).collect();
    if named.is_empty() {
        return Ok(Sockets::default());
    }
    let mut sockets = Sockets::default();
    let mut taken = ListenFd::from_env();
    for (index, use_) in uses(&named)?.into_iter().enumerate() {
        let listener = taken.take_tcp_listener(index)?;
        match use_ {
            Use::Public => sockets.public = listener,
            Use::Admin => sockets.admin = listener,
        }
    }
    Ok(sockets)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Public,
    Admin,
}

/// What is not called the admin one is the public one, since whoever has one socket does not name it.
fn uses(names: &[String]) -> Result<Vec<Use>, SocketError> {
    if names.len() > 2 {
        return Err(SocketError::TooMany(names.len()));
    }
    let uses: Vec<Use> = names.iter().map(|name| if name == ADMIN { Use::Admin } else { Use::Public }).collect();
    match uses.as_slice() {
        [Use::Public, Use::Public] => Err(SocketError::Twice(PUBLIC)),
        [Use::Admin, Use::Admin] => Err(SocketError::Twice(ADMIN)),
        _ => Ok(uses),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_go_by_their_names() {
        let of = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            uses(&names).map_err(|error| error.to_string())
        };
        assert_eq!(of(&["public", "admin"]), Ok(vec![Use::Public, Use::Admin]));
        assert_eq!(of(&["admin", "public"]), Ok(vec![Use::Admin, Use::Public]));
        for alone in ["unknown", "tenfour.socket", "public"] {
            assert_eq!(of(&[alone]), Ok(vec![Use::Public]));
        }
        assert_eq!(of(&["admin"]), Ok(vec![Use::Admin]));
        assert!(of(&["public", "other"]).unwrap_err().contains("FileDescriptorName"));
        assert!(of(&["admin", "admin"]).unwrap_err().contains("admin one"));
        assert!(of(&["public", "admin", "public"]).unwrap_err().contains("3 sockets"));
    }

    #[tokio::test]
    async fn where_nobody_listens_nothing_is_said() {
        let manager = Manager::new(false).unwrap();
        assert!(!manager.is_there());
        manager.ready("ready");
        manager.settle().await;
    }
}
