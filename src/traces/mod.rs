//! What becomes of a send, as OpenTelemetry has it: `accept`, from the frame to its answer, and within that `commit`, the
//! transaction, and `deliver`, the way into all outboxes.
//!
//! Begun by sessions and REST calls, carried along with who asked, told to a collector by a task of its own. Without a collector
//! nothing is made. Never waits: what does not fit is dropped and counted. Never says what a message holds, nor a token.

mod export;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc};

use crate::domain::ids::{ChannelId, SessionId};
use crate::metrics::Metrics;
use export::Exporter;

/// Spans that wait for the collector.
const MAX_WAITING: usize = 4096;
/// Others of the same transaction that a span is linked to.
const MAX_LINKS: usize = 16;
/// How often it is looked whether all is told, at the end.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Begins traces. Shared; all clones are the same.
#[derive(Debug, Clone)]
pub struct Tracer(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Of so many sends one is followed: from 0 to 1.
    ratio: f64,
    queue: mpsc::Sender<SpanData>,
    /// Told, and not yet taken by the collector.
    waiting: AtomicUsize,
    hurry: Notify,
    scope: InstrumentationScope,
    metrics: Arc<Metrics>,
}

/// One send that is followed: its `accept`, which ends when this is told what came of it.
#[derive(Debug)]
pub struct Trace {
    tracer: Tracer,
    context: SpanContext,
    /// What the caller does; invalid: nothing is known of that.
    parent: SpanId,
    began: SystemTime,
    sender: Sender,
    ended: bool,
}

/// By what a send came in, under the name that the log has for it.
#[derive(Debug, Clone)]
pub enum Sender {
    Session(SessionId),
    /// None where nobody has named it.
    Request(Option<Arc<str>>),
}

/// What the caller says of the trace that its request is a part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remote {
    trace: TraceId,
    span: SpanId,
    sampled: bool,
}

impl Remote {
    /// The parts of a `traceparent`, in hexadecimal digits.
    pub fn new(trace: &str, span: &str, flags: &str) -> Option<Self> {
        let flags = u8::from_str_radix(flags, 16).ok()?;
        let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
        Some(Self { trace, span, sampled: flags & 1 == 1 })
    }
}

/// Why there are no traces.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("spans cannot be sent to {endpoint}: {problem}")]
pub struct NoTraces {
    pub endpoint: String,
    pub problem: String,
}

impl Tracer {
    /// `endpoint`: a collector's OTLP over HTTP, without `/v1/traces`.
    pub fn start(endpoint: &str, ratio: f64, metrics: Arc<Metrics>, runtime: &Handle) -> Result<Self, NoTraces> {
        let exporter =
            Exporter::new(endpoint).map_err(|problem| NoTraces { endpoint: endpoint.to_owned(), problem })?;
        let (tracer, queue) = Self::new(ratio, metrics);
        runtime.spawn(export::run(queue, exporter, tracer.clone()));
        Ok(tracer)
    }

    fn new(ratio: f64, metrics: Arc<Metrics>) -> (Self, mpsc::Receiver<SpanData>) {
        let (sender, queue) = mpsc::channel(MAX_WAITING);
        let scope = InstrumentationScope::builder("tenfour").with_version(env!("CARGO_PKG_VERSION")).build();
        let shared =
            Shared { ratio, queue: sender, waiting: AtomicUsize::new(0), hurry: Notify::new(), scope, metrics };
        (Self(Arc::new(shared)), queue)
    }

    /// A send comes in. Whether it is followed is the caller's to say, where that follows it itself.
    pub fn begin(&self, sender: Sender, remote: Option<Remote>) -> Option<Box<Trace>> {
        if !remote.map_or_else(|| fastrand::f64() < self.0.ratio, |remote| remote.sampled) {
            return None;
        }
        let trace =
            remote.map_or_else(|| TraceId::from_bytes(fastrand::u128(1..).to_be_bytes()), |remote| remote.trace);
        Some(Box::new(Trace {
            tracer: self.clone(),
            context: context(trace),
            parent: remote.map_or(SpanId::INVALID, |remote| remote.span),
            began: SystemTime::now(),
            sender,
            ended: false,
        }))
    }

    /// Waits so long for what is on its way.
    pub async fn flush(&self, within: Duration) {
        let told = async {
            while self.0.waiting.load(Ordering::Acquire) > 0 {
                self.0.hurry.notify_one();
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        // What is not told by then is lost.
        let _ = tokio::time::timeout(within, told).await;
    }

    fn tell(&self, span: SpanData) {
        self.0.waiting.fetch_add(1, Ordering::AcqRel);
        if self.0.queue.try_send(span).is_err() {
            self.told(1, false);
        }
    }

    /// So many wait no longer.
    fn told(&self, count: usize, delivered: bool) {
        self.0.waiting.fetch_sub(count, Ordering::AcqRel);
        if !delivered {
            self.0.metrics.spans_dropped.inc_by(count as u64);
        }
    }
}

impl Trace {
    /// Its transaction, with others, is done.
    pub fn committed(&self, began: SystemTime, channel: ChannelId, seq: i64, batch: usize, others: &[SpanContext]) {
        let attributes = vec![
            of_channel(channel),
            of_seq(seq),
            KeyValue::new("tenfour.batch.size", i64::try_from(batch).unwrap_or(i64::MAX)),
        ];
        let others = others.iter().filter(|other| other.span_id() != self.context.span_id());
        let mut links = SpanLinks::default();
        links.links = others.take(MAX_LINKS).map(|other| Link::with_context(other.clone())).collect();
        self.child("commit", SpanKind::Client, began, attributes, links);
    }

    /// It lies in so many outboxes.
    pub fn delivered(&self, began: SystemTime, channel: ChannelId, seq: i64, sessions: usize) {
        let sessions = KeyValue::new("tenfour.sessions", i64::try_from(sessions).unwrap_or(i64::MAX));
        let attributes = vec![of_channel(channel), of_seq(seq), sessions];
        self.child("deliver", SpanKind::Internal, began, attributes, SpanLinks::default());
    }

    /// Who asked has the answer: it is stored.
    pub fn acknowledged(mut self, channel: ChannelId, seq: i64, duplicate: bool) {
        let attributes = vec![of_channel(channel), of_seq(seq), KeyValue::new("tenfour.duplicate", duplicate)];
        self.end(attributes, Status::Ok);
    }

    /// Who asked has the answer: `code` says why not.
    pub fn refused(mut self, code: &'static str) {
        self.end(vec![KeyValue::new("error.type", code)], Status::error(code));
    }

    /// For links.
    pub fn context(&self) -> SpanContext {
        self.context.clone()
    }

    fn child(&self, name: &'static str, kind: SpanKind, began: SystemTime, with: Vec<KeyValue>, links: SpanLinks) {
        let (context, parent) = (context(self.context.trace_id()), self.context.span_id());
        self.tracer.tell(self.span(name, kind, (context, parent, false), began, with, links, Status::Unset));
    }

    fn end(&mut self, mut attributes: Vec<KeyValue>, status: Status) {
        self.ended = true;
        attributes.extend(match &self.sender {
            Sender::Session(session) => Some(KeyValue::new("tenfour.session.id", session.to_string())),
            Sender::Request(request) => request.as_ref().map(|id| KeyValue::new("tenfour.request.id", id.to_string())),
        });
        let place = (self.context.clone(), self.parent, self.parent != SpanId::INVALID);
        let links = SpanLinks::default();
        self.tracer.tell(self.span("accept", SpanKind::Server, place, self.began, attributes, links, status));
    }

    #[expect(clippy::too_many_arguments, reason = "a span has that many parts")]
    fn span(
        &self,
        name: &'static str,
        kind: SpanKind,
        (span_context, parent_span_id, parent_span_is_remote): (SpanContext, SpanId, bool),
        began: SystemTime,
        attributes: Vec<KeyValue>,
        links: SpanLinks,
        status: Status,
    ) -> SpanData {
        SpanData {
            span_context,
            parent_span_id,
            parent_span_is_remote,
            span_kind: kind,
            name: name.into(),
            start_time: began,
            end_time: SystemTime::now(),
            attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links,
            status,
            instrumentation_scope: self.tracer.0.scope.clone(),
        }
    }
}

/// Nobody told it what came of it, nor who asked.
impl Drop for Trace {
    fn drop(&mut self) {
        if !self.ended {
            self.end(Vec::new(), Status::error("unanswered"));
        }
    }
}

fn context(trace: TraceId) -> SpanContext {
    let span = SpanId::from_bytes(fastrand::u64(1..).to_be_bytes());
    SpanContext::new(trace, span, TraceFlags::SAMPLED, false, TraceState::NONE)
}

fn of_channel(channel: ChannelId) -> KeyValue {
    KeyValue::new("tenfour.channel.id", channel.to_string())
}

fn of_seq(seq: i64) -> KeyValue {
    KeyValue::new("tenfour.message.seq", seq)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tracer(ratio: f64) -> (Tracer, mpsc::Receiver<SpanData>) {
        Tracer::new(ratio, Arc::new(Metrics::new()))
    }

    #[test]
    fn as_many_are_followed_as_was_asked_for_and_those_that_the_caller_follows() {
        let followed =
            |ratio| (0..10_000).filter(|_| tracer(ratio).0.begin(Sender::Request(None), None).is_some()).count();
        assert_eq!((followed(0.0), followed(1.0)), (0, 10_000));
        let tenth = followed(0.1);
        assert!((700..1_300).contains(&tenth), "{tenth}");
        let remote = |flags| Remote::new("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", flags).unwrap();
        assert!(tracer(1.0).0.begin(Sender::Request(None), Some(remote("00"))).is_none());
        let trace = tracer(0.0).0.begin(Sender::Request(None), Some(remote("01"))).unwrap();
        assert_eq!(trace.context().trace_id(), remote("01").trace);
        assert_eq!(trace.parent, remote("01").span);
    }

    #[test]
    fn what_does_not_fit_is_dropped_and_counted() {
        let (tracer, mut queue) = tracer(1.0);
        for _ in 0..MAX_WAITING + 3 {
            tracer.begin(Sender::Request(None), None).unwrap().refused("conflict");
        }
        assert_eq!(tracer.0.metrics.spans_dropped.get(), 3);
        assert_eq!(tracer.0.waiting.load(Ordering::Relaxed), MAX_WAITING);
        assert!(queue.try_recv().is_ok());
    }
}
