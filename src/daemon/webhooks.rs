//! What tells the host application's server of what happens, and takes down who comes and goes for it.

use std::sync::Arc;

use parking_lot::RwLock;
use tokio::runtime::Handle;

use super::StartError;
use crate::actors::presence::Recorder;
use crate::config::Config;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::store::{Reader, Writer};
use crate::webhooks::Hooks;

/// Before anything is stored by this daemon, so that nothing of it goes unnoted.
pub(super) async fn begin(
    config: &Config,
    writer: &Writer,
    reader: &Reader,
    (metrics, live): (&Arc<Metrics>, &Live),
    epoch: &Arc<RwLock<String>>,
    runtime: &Handle,
) -> Result<(Hooks, Recorder), StartError> {
    let store = writer.webhooks(reader);
    let recorder = Recorder::new(store.clone());
    let hooks = Hooks::new(&config.webhooks, store, (Arc::clone(metrics), live.clone()), Arc::clone(epoch), runtime);
    let hooks = hooks.map_err(StartError::Webhooks)?;
    hooks.begin(config.webhooks.own.as_ref()).await?;
    Ok((hooks, recorder))
}
