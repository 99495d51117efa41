//! Why a daemon does not start, or does not take other settings: told in one line by whoever wanted it.

use std::net::SocketAddr;

use crate::audit::export::ExportError;
use crate::auth::SetupError;
use crate::cluster::InvalidUrl as InvalidRedisUrl;
use crate::depot::DepotError;
use crate::store::{InvalidUrl, OpenError, StoreError};
use crate::tls::PairError;
use crate::traces::NoTraces;

/// Why the daemon does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("{0}")]
    Store(#[from] OpenError),
    #[error("{0}")]
    Url(#[from] InvalidUrl),
    #[error("{0}")]
    Redis(#[from] InvalidRedisUrl),
    #[error("the database was opened, but does not answer: {0}")]
    Epoch(#[from] StoreError),
    #[error("{0}")]
    Depot(#[from] DepotError),
    #[error("{0}")]
    Auth(#[from] SetupError),
    #[error("{0}")]
    Tls(#[from] PairError),
    #[error("the key of the audit trail, {0}")]
    AuditKey(String),
    #[error("{0}")]
    AuditHeads(#[from] ExportError),
    #[error("{0}")]
    Traces(#[from] NoTraces),
    #[error("no events can be posted to webhooks: {0}")]
    Webhooks(String),
    #[error("cannot listen on {address} ({setting}): {error}")]
    Bind { address: SocketAddr, setting: &'static str, error: std::io::Error },
    #[error("cannot start: {0}")]
    Io(#[from] std::io::Error),
}

/// Why other settings are not taken.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    #[error("{0}")]
    Auth(#[from] SetupError),
    #[error("{0}")]
    Tls(#[from] PairError),
}
