//! What a measurement came to: figures that are shown as a table and written as JSON, out of one list, with the unit in
//! the name.

use serde_json::{Map, Value, json};

use super::fleet::Moment;
use super::histogram::Histogram;
use super::sequence::{Findings, Violation};
use crate::svg::Plot;

/// One number. None is "not known here", such as what a daemon on another machine uses.
#[derive(Debug, Clone)]
pub struct Figure {
    /// In JSON: ends with its unit.
    pub key: &'static str,
    pub label: &'static str,
    pub unit: &'static str,
    pub value: Option<f64>,
}

/// How times are spread.
#[derive(Debug, Clone)]
pub struct Latency {
    pub key: &'static str,
    pub label: &'static str,
    pub times: Histogram,
}

/// Several figures for each of several cases.
#[derive(Debug, Clone)]
pub struct Rows {
    pub key: &'static str,
    /// In JSON and in words.
    pub columns: Vec<(&'static str, &'static str)>,
    pub rows: Vec<Vec<Option<f64>>>,
}

/// What this side did: whether the figures are the daemon's at all.
#[derive(Debug, Clone, Default)]
pub struct Generator {
    pub threads: usize,
    /// Of one processor, by the busiest thread.
    pub busiest: Option<f64>,
    pub cpus: Option<f64>,
    /// How late messages with a time of their own went out.
    pub lateness: Option<Histogram>,
    pub is_bottleneck: bool,
}

#[derive(Debug, Clone)]
pub struct Report {
    pub scenario: &'static str,
    pub url: String,
    pub is_own: bool,
    pub options: Map<String, Value>,
    pub figures: Vec<Figure>,
    pub latencies: Vec<Latency>,
    pub rows: Vec<Rows>,
    pub daemon: Vec<Figure>,
    pub generator: Generator,
    /// What was checked meanwhile; empty where there was nothing to check.
    pub verified: &'static str,
    pub findings: Findings,
    pub refused: std::collections::BTreeMap<String, u64>,
    pub warnings: Vec<String>,
    pub moments: Vec<Moment>,
    /// By the names of their files.
    pub plots: Vec<(&'static str, Plot)>,
}

/// What is told of a latency.
pub const QUANTILES: [(&str, f64); 5] =
    [("p50_ms", 0.5), ("p90_ms", 0.9), ("p99_ms", 0.99), ("p99_9_ms", 0.999), ("p99_99_ms", 0.9999)];

impl Report {
    pub(crate) fn new(scenario: &'static str) -> Self {
        Self {
            scenario,
            url: String::new(),
            is_own: false,
            options: Map::new(),
            figures: Vec::new(),
            latencies: Vec::new(),
            rows: Vec::new(),
            daemon: Vec::new(),
            generator: Generator::default(),
            verified: "",
            findings: Findings::default(),
            refused: std::collections::BTreeMap::new(),
            warnings: Vec::new(),
            moments: Vec::new(),
            plots: Vec::new(),
        }
    }

    pub(crate) fn figure(
        &mut self,
        key: &'static str,
        label: &'static str,
        unit: &'static str,
        value: impl Into<Option<f64>>,
    ) {
        self.figures.push(Figure { key, label, unit, value: value.into() });
    }

    pub(crate) fn latency(&mut self, key: &'static str, label: &'static str, times: Histogram) {
        self.latencies.push(Latency { key, label, times });
    }

    /// Whether the daemon did all that it promises.
    pub fn is_right(&self) -> bool {
        self.findings.total() == 0
    }

    pub fn to_json(&self) -> Value {
        let mut results: Map<String, Value> = figures(&self.figures);
        for latency in &self.latencies {
            results.insert(format!("{}_latency", latency.key), spread(&latency.times));
        }
        for Rows { key, columns, rows } in &self.rows {
            let row = |row: &Vec<Option<f64>>| -> Value {
                columns
                    .iter()
                    .zip(row)
                    .map(|((key, _), value)| ((*key).to_owned(), number(*value)))
                    .collect::<Map<_, _>>()
                    .into()
            };
            results.insert((*key).to_owned(), rows.iter().map(row).collect());
        }
        let mut verification: Map<String, Value> =
            Violation::ALL.iter().map(|v| (v.name().to_owned(), self.findings.count(*v).into())).collect();
        verification.insert("violations".to_owned(), self.findings.total().into());
        verification.insert("examples".to_owned(), self.findings.examples.clone().into());
        json!({
            "tenfour": env!("CARGO_PKG_VERSION"),
            "scenario": self.scenario,
            "url": self.url,
            "own_daemon": self.is_own,
            "options": self.options,
            "results": results,
            "daemon": figures(&self.daemon),
            "generator": {
                "threads": self.generator.threads,
                "busiest_thread_cpu_share": number(self.generator.busiest),
                "cpus_used": number(self.generator.cpus),
                "send_lateness": self.generator.lateness.as_ref().map(spread),
                "bottleneck": self.generator.is_bottleneck,
            },
            "verification": verification,
            "refused": self.refused,
            "warnings": self.warnings,
            "over_time": self.moments.iter().map(second).collect::<Value>(),
        })
    }
}

fn figures(figures: &[Figure]) -> Map<String, Value> {
    figures.iter().map(|figure| (figure.key.to_owned(), number(figure.value))).collect()
}

/// Short enough to read, exact enough to compare.
fn number(value: Option<f64>) -> Value {
    value.filter(|value| value.is_finite()).map_or(Value::Null, |value| ((value * 1000.0).round() / 1000.0).into())
}

fn spread(times: &Histogram) -> Value {
    let mut spread = Map::from_iter([("count".to_owned(), times.count().into())]);
    spread.insert("min_ms".to_owned(), number(times.least_ms()));
    spread.insert("mean_ms".to_owned(), number(times.mean_ms()));
    for (key, share) in QUANTILES {
        spread.insert(key.to_owned(), number(times.quantile_ms(share)));
    }
    spread.insert("max_ms".to_owned(), number(times.most_ms()));
    spread.into()
}

fn second(moment: &Moment) -> Value {
    json!({
        "at_seconds": number(Some(moment.at.as_secs_f64())),
        "sent_per_second": number(Some(moment.sent_per_second)),
        "delivered_per_second": number(Some(moment.delivered_per_second)),
        "ack_p99_ms": number(moment.ack_p99_ms),
        "delivery_p99_ms": number(moment.delivery_p99_ms),
    })
}
