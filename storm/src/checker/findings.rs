//! Collects what is wrong, no more of each kind than a person reads.
//!
//! Filled by the scans. All are counted; the text of a finding is made only for the ones that are kept.

use std::collections::BTreeMap;

use super::{Anomaly, Finding};
use crate::history::{ChannelNo, Micros};

/// So many of each kind are told in full.
const KEPT: u64 = 20;

#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) kept: Vec<Finding>,
    pub(super) counts: BTreeMap<Anomaly, u64>,
}

impl Findings {
    /// `tell` says what it is, and shows it.
    pub(super) fn add(
        &mut self,
        anomaly: Anomaly,
        channel: Option<ChannelNo>,
        at: Micros,
        tell: impl FnOnce() -> (String, Vec<String>),
    ) {
        let count = self.counts.entry(anomaly).or_default();
        *count += 1;
        if *count <= KEPT {
            let (what, evidence) = tell();
            self.kept.push(Finding { anomaly, channel, at, what, evidence });
        }
    }
}
