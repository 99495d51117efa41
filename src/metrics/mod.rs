//! What the daemon counts and times, in Prometheus' form. Shared by all parts; none of them reads it back.

mod process;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

pub use process::{max_fds, open_fds};

/// One label: why something happened.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Reason {
    pub reason: String,
}

/// One label: which release runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Version {
    version: &'static str,
}

/// One label: what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Outcome {
    pub result: &'static str,
}

/// One label: what kind of thing it was.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Kind {
    pub kind: String,
}

/// All of them.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// What has no prefix.
    system: Registry,
    pub connections: Gauge,
    /// TCP connections that were ended at once.
    pub lines_refused: Counter,
    /// Of traces, which no collector took.
    pub spans_dropped: Counter,
    pub connections_opened: Counter,
    pub connections_closed: Family<Reason, Counter>,
    pub auth_failures: Family<Reason, Counter>,
    pub frames_in: Family<Kind, Counter>,
    pub errors_out: Family<Reason, Counter>,
    pub messages_stored: Counter,
    pub messages_deduplicated: Counter,
    pub deliveries: Counter,
    pub syncs: Counter,
    pub rooms: Gauge,
    pub room_restarts: Counter,
    pub rate_limited: Counter,
    pub db_queue: Gauge,
    pub db_retries: Counter,
    pub batch_size: Histogram,
    /// From the acceptance of a send to its commit.
    pub persist: Histogram,
    /// From the acceptance of a send to the moment when its frames lie in all outboxes.
    pub delivery: Histogram,
    pub webhooks: WebhookMetrics,
    /// When the certificate that is shown ends, in seconds since 1970; 0 without TLS.
    pub certificate_ends: Gauge,
    pub handshakes_failed: Counter,
    uptime: Gauge<f64, AtomicU64>,
    users_online: Gauge,
    lines: Gauge,
    outbox_bytes: Gauge<f64, AtomicU64>,
    bus: BusMetrics,
}

/// How an event is counted that was given up.
const SET_ASIDE: &str = "set_aside";

/// What the application is told of.
#[derive(Debug)]
pub struct WebhookMetrics {
    deliveries: Family<Outcome, Counter>,
    duration: Histogram,
    /// Channels and users that this node has to look at or works on.
    pub depth: Gauge,
    /// Of all nodes: channels and users whose next event fails, and since when the first of them does, in seconds.
    pub failing: Gauge,
    pub oldest: Gauge,
    pub disabled: Gauge,
}

/// What goes between nodes. Nothing, while there is one.
#[derive(Debug, Default)]
struct BusMetrics {
    published: Counter,
    dropped: Counter,
    received: Counter,
    refused: Counter,
    connected: Counter,
    redis_up: Gauge,
    nodes: Gauge,
}

/// What is asked for only when somebody reads the metrics.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    pub uptime: Duration,
    pub users_online: usize,
    /// TCP connections on the public address.
    pub lines: usize,
    /// None: whoever knows does not answer.
    pub outbox_bytes: Option<usize>,
    pub bus: BusMoment,
}

/// How the bus has done since the start, and how it is.
#[derive(Debug, Clone, Copy, Default, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BusMoment {
    pub published: u64,
    pub dropped: u64,
    pub received: u64,
    pub refused: u64,
    pub connected: u64,
    pub redis_up: bool,
    pub nodes: usize,
}

const SECONDS: [f64; 13] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];
const SECONDS_OF_OTHERS: [f64; 9] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0];
const BATCHES: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("tenfour");
        let mut metrics = Self {
            registry: Registry::default(),
            system: Registry::default(),
            connections: Gauge::default(),
            lines_refused: Counter::default(),
            spans_dropped: Counter::default(),
            connections_opened: Counter::default(),
            connections_closed: Family::default(),
            auth_failures: Family::default(),
            frames_in: Family::default(),
            errors_out: Family::default(),
            messages_stored: Counter::default(),
            messages_deduplicated: Counter::default(),
            deliveries: Counter::default(),
            syncs: Counter::default(),
            rooms: Gauge::default(),
            room_restarts: Counter::default(),
            rate_limited: Counter::default(),
            db_queue: Gauge::default(),
            db_retries: Counter::default(),
            batch_size: Histogram::new(BATCHES),
            persist: Histogram::new(SECONDS),
            delivery: Histogram::new(SECONDS),
            webhooks: WebhookMetrics::new(),
            certificate_ends: Gauge::default(),
            handshakes_failed: Counter::default(),
            uptime: Gauge::default(),
            users_online: Gauge::default(),
            lines: Gauge::default(),
            outbox_bytes: Gauge::default(),
            bus: BusMetrics::default(),
        };
        let build = Family::<Version, Gauge>::default();
        build.get_or_create(&Version { version: env!("CARGO_PKG_VERSION") }).set(1);
        registry.register("build_info", "The version, as a label of a constant 1", build);
        registry.register("connections", "Open WebSocket connections", metrics.connections.clone());
        registry.register("open_lines", "Open TCP connections on the public address", metrics.lines.clone());
        registry.register(
            "lines_refused",
            "TCP connections ended at once, over a limit",
            metrics.lines_refused.clone(),
        );
        registry.register(
            "spans_dropped",
            "Spans of traces that the collector did not take",
            metrics.spans_dropped.clone(),
        );
        registry.register("connections_opened", "WebSocket connections opened", metrics.connections_opened.clone());
        registry.register(
            "connections_closed",
            "WebSocket connections closed, by the close code",
            metrics.connections_closed.clone(),
        );
        registry.register("auth_failures", "Refused tokens, by the check that failed", metrics.auth_failures.clone());
        registry.register("frames_received", "Frames from clients, by type", metrics.frames_in.clone());
        registry.register("errors_sent", "Error answers, by code", metrics.errors_out.clone());
        registry.register("messages_stored", "Messages stored", metrics.messages_stored.clone());
        registry.register(
            "messages_deduplicated",
            "Sends that were stored before and got the first one's ack",
            metrics.messages_deduplicated.clone(),
        );
        registry.register("deliveries", "Message frames handed to sessions", metrics.deliveries.clone());
        registry.register("sync_requests", "Syncs answered", metrics.syncs.clone());
        registry.register("rooms", "Rooms that run", metrics.rooms.clone());
        registry.register("room_restarts", "Rooms started anew after a panic", metrics.room_restarts.clone());
        registry.register("rate_limited", "Frames over a user's rate", metrics.rate_limited.clone());
        registry.register("db_queue", "Changes that wait for the database", metrics.db_queue.clone());
        registry.register("db_retries", "Batches tried again after an error", metrics.db_retries.clone());
        registry.register("append_batch_size", "Sends of one transaction", metrics.batch_size.clone());
        registry.register(
            "message_persist_duration_seconds",
            "From the acceptance of a send to its commit",
            metrics.persist.clone(),
        );
        registry.register(
            "message_delivery_duration_seconds",
            "From the acceptance of a send to its frames lying in all outboxes",
            metrics.delivery.clone(),
        );
        registry.register("uptime_seconds", "Since the start", metrics.uptime.clone());
        registry.register("users_online", "Users with a session on this node", metrics.users_online.clone());
        registry.register("outbox_bytes", "Bytes that wait for the sessions' peers", metrics.outbox_bytes.clone());
        metrics.webhooks.register(&mut registry);
        registry.register(
            "tls_certificate_expiry_timestamp_seconds",
            "When the certificate of the public address ends, as Unix time; 0 without TLS",
            metrics.certificate_ends.clone(),
        );
        registry.register(
            "tls_handshakes_failed",
            "Connections that came to no TLS, requests in the clear among them",
            metrics.handshakes_failed.clone(),
        );
        metrics.bus.register(&mut registry);
        metrics.registry = registry;
        metrics.system.register_collector(Box::new(process::Process));
        metrics
    }

    /// The text that Prometheus reads, in the form of `OpenMetrics`.
    pub fn render(&self, moment: Moment) -> String {
        self.uptime.set(moment.uptime.as_secs_f64());
        self.users_online.set(i64::try_from(moment.users_online).unwrap_or(i64::MAX));
        self.lines.set(i64::try_from(moment.lines).unwrap_or(i64::MAX));
        #[expect(clippy::cast_precision_loss, reason = "exact up to 8 PiB")]
        self.outbox_bytes.set(moment.outbox_bytes.map_or(f64::NAN, |bytes| bytes as f64));
        self.bus.set(moment.bus);
        let mut out = String::new();
        let written =
            text::encode_registry(&mut out, &self.registry).and_then(|()| text::encode(&mut out, &self.system));
        if let Err(error) = written {
            log::error!("the metrics could not be written: {error}");
        }
        out
    }

    pub fn auth_failure(&self, reason: &str) {
        self.auth_failures.get_or_create(&Reason { reason: reason.to_owned() }).inc();
    }

    pub fn closed(&self, code: u16) {
        self.connections_closed.get_or_create(&Reason { reason: code.to_string() }).inc();
    }

    pub fn frame(&self, kind: &str) {
        self.frames_in.get_or_create(&Kind { kind: kind.to_owned() }).inc();
    }

    pub fn error(&self, code: &str) {
        self.errors_out.get_or_create(&Reason { reason: code.to_owned() }).inc();
    }
}

impl WebhookMetrics {
    fn new() -> Self {
        Self {
            deliveries: Family::default(),
            duration: Histogram::new(SECONDS_OF_OTHERS),
            depth: Gauge::default(),
            failing: Gauge::default(),
            oldest: Gauge::default(),
            disabled: Gauge::default(),
        }
    }

    fn register(&self, registry: &mut Registry) {
        let named = "Events posted to webhooks, by what came of it";
        // There from the start: what begins with the first one that was set aside shows no increase.
        for result in ["delivered", "failed", SET_ASIDE] {
            drop(self.deliveries.get_or_create(&Outcome { result }));
        }
        registry.register("webhook_deliveries", named, self.deliveries.clone());
        let named = "How long webhooks took to answer";
        registry.register("webhook_delivery_duration_seconds", named, self.duration.clone());
        let named = "Channels and users of which this node has to tell webhooks";
        registry.register("webhook_queue_depth", named, self.depth.clone());
        let named = "Channels and users, each for each webhook, whose next event fails";
        registry.register("webhook_failing", named, self.failing.clone());
        let named = "How long the first of those has failed";
        registry.register("webhook_failing_oldest_seconds", named, self.oldest.clone());
        registry.register("webhooks_disabled", "Webhooks that are disabled", self.disabled.clone());
    }

    /// One that was posted, and answered or not.
    pub fn posted(&self, delivered: bool, took: Duration) {
        self.counted(if delivered { "delivered" } else { "failed" });
        self.duration.observe(took.as_secs_f64());
    }

    /// One that is not tried again by itself.
    pub fn set_aside(&self) {
        self.counted(SET_ASIDE);
    }

    fn counted(&self, result: &'static str) {
        self.deliveries.get_or_create(&Outcome { result }).inc();
    }
}

impl BusMetrics {
    fn register(&self, registry: &mut Registry) {
        registry.register("bus_published", "Events told to other nodes", self.published.clone());
        registry.register(
            "bus_dropped",
            "Events not told to other nodes, since Redis was away or slow",
            self.dropped.clone(),
        );
        registry.register("bus_received", "Events heard from other nodes", self.received.clone());
        registry.register(
            "bus_refused",
            "What no node of this cluster sealed, or was heard before",
            self.refused.clone(),
        );
        registry.register(
            "bus_connections",
            "Subscriptions to Redis made, the first among them",
            self.connected.clone(),
        );
        registry.register("redis_up", "Whether Redis answered last time; 1 where none is set", self.redis_up.clone());
        registry.register("nodes", "Nodes that are there, this one among them", self.nodes.clone());
    }

    /// The bus counts by itself.
    fn set(&self, moment: BusMoment) {
        for (counter, count) in [
            (&self.published, moment.published),
            (&self.dropped, moment.dropped),
            (&self.received, moment.received),
            (&self.refused, moment.refused),
            (&self.connected, moment.connected),
        ] {
            counter.inner().store(count, Ordering::Relaxed);
        }
        self.redis_up.set(moment.redis_up.into());
        self.nodes.set(i64::try_from(moment.nodes).unwrap_or(i64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_has_names_of_ours_with_help_and_units() {
        let metrics = Metrics::new();
        metrics.messages_stored.inc();
        metrics.persist.observe(0.002);
        metrics.closed(4413);
        let bus = BusMoment { dropped: 5, redis_up: true, nodes: 2, ..BusMoment::default() };
        let moment = Moment { uptime: Duration::from_secs(1), users_online: 2, lines: 3, outbox_bytes: None, bus };
        let text = metrics.render(moment);
        for line in [
            "tenfour_messages_stored_total 1",
            "tenfour_message_persist_duration_seconds_bucket{le=\"0.0025\"} 1",
            "tenfour_connections_closed_total{reason=\"4413\"} 1",
            "# HELP tenfour_connections Open WebSocket connections.",
            "tenfour_users_online 2",
            "tenfour_open_lines 3",
            "tenfour_outbox_bytes NaN",
            "tenfour_bus_dropped_total 5",
            "tenfour_redis_up 1",
            "tenfour_nodes 2",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
    }
}
