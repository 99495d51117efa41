//! Starts what tells a collector what becomes of sends, where there is one.

use std::sync::Arc;

use tokio::runtime::Handle;

use crate::config::TraceSettings;
use crate::metrics::Metrics;
use crate::traces::{NoTraces, Tracer};

pub(super) fn start(
    settings: &TraceSettings,
    metrics: &Arc<Metrics>,
    runtime: &Handle,
) -> Result<Option<Tracer>, NoTraces> {
    let start = |endpoint: &String| Tracer::start(endpoint, settings.ratio, Arc::clone(metrics), runtime);
    settings.endpoint.as_ref().map(start).transpose()
}
