//! The tree of the actors, each with its own state.

use actix_web::{HttpResponse, web};
use futures_util::future::{join, join_all, join3};
use serde::Serialize;

use super::ask::{Asked, Nothing, Shown, ask};
use super::scrape;
use crate::actors::db::{self, DbState};
use crate::actors::directory::Directory;
use crate::actors::presence::{self, PresenceState};
use crate::actors::registry::{self, RegistryState};
use crate::actors::room::{self, RoomState};
use crate::bus::Bus;
use crate::http::app::App;
use crate::metrics::BusMoment;

/// How many rooms are shown: those with the most sends in flight.
const BUSIEST: usize = 20;

#[derive(Debug, Serialize)]
struct Actors {
    registry: RegistryNode,
    db: DbNode,
    presence: Vital<PresenceSummary>,
    /// Where there are other nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<Cluster>,
}

/// This node among the others.
#[derive(Debug, Serialize)]
struct Cluster {
    node: String,
    others: Vec<String>,
    bus: BusMoment,
}

/// An actor whose end is the daemon's.
#[derive(Debug, Serialize)]
struct Vital<T: Serialize> {
    /// Always 0: it is not started anew, the process is.
    restarts: u64,
    state: Shown<T, Nothing>,
}

#[derive(Debug, Serialize)]
struct RegistryNode {
    #[serde(flatten)]
    own: Vital<RegistryState>,
    rooms: Rooms,
    sessions: Sessions,
}

/// All rooms together.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Rooms {
    number: usize,
    /// Of the rooms that run now.
    restarts: u64,
    in_flight: usize,
    /// Changes that wait for an earlier one.
    waiting: usize,
    unresponsive: usize,
    busiest: Vec<RoomState>,
}

#[derive(Debug, Serialize)]
struct Sessions {
    number: i64,
}

#[derive(Debug, Serialize)]
struct DbNode {
    #[serde(flatten)]
    own: Vital<DbState>,
    /// All changes on their way into the database, wherever they wait.
    waiting: usize,
}

/// Without the users themselves.
#[derive(Debug, Serialize)]
struct PresenceSummary {
    online: usize,
    sessions: usize,
    expired: u64,
}

/// `GET /admin/actors`.
pub(super) async fn actors(app: web::Data<App>) -> HttpResponse {
    let parts = &app.parts;
    let vital = join3(
        ask(&parts.registry, registry::Inspect),
        ask(parts.db.actor(), db::Inspect),
        ask(&parts.presence, presence::Inspect),
    );
    let ((registry, db, presence), rooms) = join(vital, all_rooms(&parts.directory)).await;
    let presence = presence.map(|PresenceState { sessions, online, expired }| PresenceSummary {
        online: online.len(),
        sessions,
        expired,
    });
    let sessions = Sessions { number: parts.metrics.connections.get() };
    HttpResponse::Ok().json(Actors {
        registry: RegistryNode { own: registry.into(), rooms, sessions },
        db: DbNode { own: db.into(), waiting: parts.db.waiting() },
        presence: presence.into(),
        cluster: cluster(&parts.bus),
    })
}

fn cluster(bus: &Bus) -> Option<Cluster> {
    let node = bus.node()?.to_string();
    Some(Cluster { node, others: bus.others().iter().map(ToString::to_string).collect(), bus: scrape::bus(bus) })
}

async fn all_rooms(directory: &Directory) -> Rooms {
    let running = directory.rooms();
    let states = join_all(running.iter().map(|(_, room)| ask(room, room::Inspect))).await;
    let mut rooms = Rooms { number: running.len(), ..Rooms::default() };
    for state in states {
        match state {
            Asked::Answered(state) => {
                rooms.restarts += u64::from(state.restarts);
                rooms.in_flight += state.in_flight;
                rooms.waiting += state.waiting;
                rooms.busiest.push(state);
            }
            Asked::Unresponsive => rooms.unresponsive += 1,
            Asked::Gone => rooms.number -= 1,
        }
    }
    rooms.busiest.sort_unstable_by_key(|state| (std::cmp::Reverse(state.in_flight), state.id));
    rooms.busiest.truncate(BUSIEST);
    rooms
}

impl<T: Serialize> From<Asked<T>> for Vital<T> {
    fn from(asked: Asked<T>) -> Self {
        let state = asked.shown(|| Nothing {}).unwrap_or_else(|| Shown::unresponsive(Nothing {}));
        Self { restarts: 0, state }
    }
}
