//! The store: users, channels, members and messages in SQLite or PostgreSQL, through diesel.
//!
//! [`open`] gives a [`Writer`], which the database actor owns, and a [`Reader`], which anybody may clone. Every call
//! runs on the runtime that `open` was given, to its end, whatever becomes of the caller. Nothing here knows actix,
//! sockets or JSON of the wire; nothing outside of `backend` and `sql_types` names a database.
//!
//! Every change of a channel (a message, an edit, a deletion, members, roles, a name) is decided and numbered while
//! the channel's row is locked, and the number is the order in which all will see it.

mod announced;
mod append;
mod attachments;
mod audit;
mod backend;
mod care;
mod channels;
mod cluster_key;
mod epoch;
mod error;
mod health;
mod index;
mod indexer;
mod instructed;
mod instructions;
mod jobs;
mod journal;
mod kept;
mod lists;
mod members;
mod messages;
mod meta;
mod page;
mod planted;
mod posted;
mod reactions;
mod reader;
mod received;
mod retention;
mod revisions;
mod revoked;
mod schema;
mod search;
mod settings;
mod sql_types;
mod sync;
mod trail;
mod unread;
mod users;
mod webhooks;
mod whole;
mod writer;

use tokio::runtime::Handle;

pub(crate) use planted::cut;

pub use attachments::{Held, Lost, NewUpload, Uploaded};
pub use backend::transfer::{Counts, TransferError, transfer};
pub use care::{Care, Contents, State};
pub use error::{OpenError, StoreError};
pub use health::{Health, LOOKED_AT, PostgresHealth, SqliteHealth};
pub use indexer::Indexer;
pub use jobs::{Job, pause};
pub use journal::note;
pub use posted::{Listener, Posted};
pub use reader::Reader;
pub use settings::{DatabaseUrl, InvalidUrl, PostgresUrl, Settings, Timeouts};
pub use webhooks::{Ask, Extent, Noted, Page, Webhooks, new_worker};
pub use writer::{NewGroup, Writer};

use backend::{Conn, Manager, Tx};
use jobs::{Database, Turn};
use writer::MembersToAdd;

/// The limit of a content, for what posts by SQL.
const MAX_CONTENT_BYTES: &str = "max_content_bytes";

/// Opens the database, made and migrated where that is needed.
pub async fn open(settings: Settings, runtime: Handle) -> Result<(Writer, Reader), OpenError> {
    let on = runtime.clone();
    runtime
        .spawn(open_on(settings, on))
        .await
        .unwrap_or_else(|error| Err(StoreError::Internal(error.to_string()).into()))
}

async fn open_on(settings: Settings, runtime: Handle) -> Result<(Writer, Reader), OpenError> {
    let manager = Manager::new(&settings);
    manager.prepare().await?;
    let connections = manager.connections(settings.read_connections);
    let pool = |size, turn| Database::new(manager.clone(), size, turn, settings.timeouts, runtime.clone());
    // Whoever writes is answered in time; a thousand sessions that come at once may read one after the other.
    let writes = pool(connections.write, Turn::Counts);
    let reads =
        if connections.shared { writes.clone() } else { pool(connections.read, Turn::Within(settings.timeouts.turn)) };
    let content_bytes = settings.content_bytes;
    writes.run(Tx::Write, move |conn| Box::pin(own(conn, content_bytes))).await?;
    if let Some(note) = writes.note() {
        note.check(&writes).await?;
    }
    Ok((Writer::new(writes, connections.batches), Reader::new(reads)))
}

/// What a database is given once and keeps, whichever node opens it first; and what its own functions are to hold.
async fn own(conn: &mut Conn, content_bytes: Option<usize>) -> Result<(), StoreError> {
    if let Some(most) = content_bytes {
        meta::put(conn, MAX_CONTENT_BYTES, &most.to_string()).await?;
    }
    epoch::ensure(conn).await?;
    cluster_key::ensure(conn).await
}
