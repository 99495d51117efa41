//! Where clients and admins come in: sockets that the daemon binds itself, or that the service manager has bound for it.

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use actix_web::web;

use super::StartError;
use super::serve::serve;
use crate::config::Config;
use crate::http;
use crate::http::app::App;
use crate::http::door::Secured;
use crate::limits::lines::Lines;
use crate::socket::Times;
use crate::systemd::Sockets;

/// For so long nobody is to be at the door that was left.
const QUIET: Duration = Duration::from_millis(100);
/// The longest that is waited for it.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Bound, and nobody behind them yet: who connects waits.
pub(super) struct Doors {
    public: Door,
    admin: Option<Door>,
}

struct Door {
    listener: TcpListener,
    /// The socket outlives the daemon.
    is_handed_over: bool,
}

/// With a server behind each.
pub(super) struct Open {
    /// With the ports that were really bound.
    pub(super) addr: SocketAddr,
    pub(super) admin_addr: Option<SocketAddr>,
    servers: Vec<(ServerHandle, bool)>,
}

impl Doors {
    pub(super) fn bind(config: &Config, sockets: Sockets) -> Result<Self, StartError> {
        let admin = config.admin_listen.map(|address| Door::of(sockets.admin, address, "TENFOUR_ADMIN_LISTEN"));
        Ok(Self { public: Door::of(sockets.public, config.listen, "TENFOUR_LISTEN")?, admin: admin.transpose()? })
    }

    /// `lines`: who may open how many connections at each. The public one is made safe by `secured`.
    pub(super) fn open(
        self,
        app: &web::Data<App>,
        lines: (Lines, Lines),
        times: Times,
        secured: Option<&Secured>,
    ) -> Result<Open, StartError> {
        let Door { listener, is_handed_over } = self.public;
        let addr = listener.local_addr()?;
        let mut servers = vec![(serve(listener, app, lines.0, times, secured, http::public)?, is_handed_over)];
        let mut admin_addr = None;
        if let Some(Door { listener, is_handed_over }) = self.admin {
            admin_addr = Some(listener.local_addr()?);
            servers.push((serve(listener, app, lines.1, times, None, http::admin)?, is_handed_over));
        }
        Ok(Open { addr, admin_addr, servers })
    }
}

impl Door {
    fn of(socket: Option<TcpListener>, address: SocketAddr, setting: &'static str) -> Result<Self, StartError> {
        let is_handed_over = socket.is_some();
        let bind = || TcpListener::bind(address).map_err(|error| StartError::Bind { address, setting, error });
        Ok(Self { listener: socket.map_or_else(bind, Ok)?, is_handed_over })
    }
}

impl Open {
    /// Where the sockets go on: who connects from now on waits for the next daemon, and who came in before is answered. The
    /// server does not tell of a connection that no worker has come to yet, so it has to be quiet for a moment; who is still
    /// there after a while only keeps a line.
    pub(super) async fn leave_to_the_next(&self, asks: impl Fn() -> bool) {
        let mut left = false;
        for (server, _) in self.servers.iter().filter(|(_, is_handed_over)| *is_handed_over) {
            server.pause().await;
            left = true;
        }
        let (since, mut busy) = (Instant::now(), Instant::now());
        while left && busy.elapsed() < QUIET && since.elapsed() < ANSWER_WITHIN {
            tokio::time::sleep(LOOK_EVERY).await;
            if asks() {
                busy = Instant::now();
            }
        }
    }

    /// Ends them, whoever still holds a connection.
    pub(super) async fn close(&self) {
        for (server, _) in &self.servers {
            server.stop(false).await;
        }
    }
}
