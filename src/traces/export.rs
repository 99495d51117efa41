//! Hands spans to the collector, some at a time. One that is away or slow costs spans and holds nobody up.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Tracer;

/// Spans of one request, and how long it is gathered for it.
const AT_ONCE: usize = 512;
const GATHER: Duration = Duration::from_secs(1);
/// How long the collector may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// How often it is said that it takes nothing.
const COMPLAIN_EVERY: Duration = Duration::from_secs(60);

pub(super) struct Exporter(SpanExporter);

impl Exporter {
    pub(super) fn new(endpoint: &str) -> Result<Self, String> {
        let builder = SpanExporter::builder().with_http().with_protocol(Protocol::HttpBinary);
        let endpoint = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
        let mut exporter =
            builder.with_endpoint(endpoint).with_timeout(ANSWER_WITHIN).build().map_err(|error| error.to_string())?;
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        exporter.set_resource(&Resource::builder_empty().with_service_name("tenfour").with_attribute(version).build());
        Ok(Self(exporter))
    }
}

/// Until the runtime ends.
pub(super) async fn run(mut queue: mpsc::Receiver<SpanData>, Exporter(exporter): Exporter, tracer: Tracer) {
    let mut complained: Option<Instant> = None;
    loop {
        let mut batch = Vec::new();
        if queue.recv_many(&mut batch, AT_ONCE).await == 0 {
            return;
        }
        let gathered = Instant::now() + GATHER;
        while batch.len() < AT_ONCE {
            let left = AT_ONCE - batch.len();
            tokio::select! {
                more = queue.recv_many(&mut batch, left) => if more == 0 { break },
                () = tokio::time::sleep_until(gathered) => break,
                () = tracer.0.hurry.notified() => break,
            }
        }
        let count = batch.len();
        let outcome = tokio::time::timeout(ANSWER_WITHIN, exporter.export(batch)).await;
        let problem = match outcome {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some(format!("no answer within {} s", ANSWER_WITHIN.as_secs())),
        };
        tracer.told(count, problem.is_none());
        if let Some(problem) = problem
            && complained.is_none_or(|at| at.elapsed() >= COMPLAIN_EVERY)
        {
            log::warn!("{count} spans were dropped, since the collector does not take them: {problem}");
            complained = Some(Instant::now());
        }
    }
}
