//! Reads a database's whole trail and judges it, channel by channel.

use std::collections::BTreeSet;

use super::heads::Claims;
use super::judge::{Finding, Judge};
use crate::domain::ids::ChannelId;
use crate::store::{Reader, StoreError};

/// How many messages are read at a time.
const PAGE: i64 = 1_000;

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    pub findings: Vec<Finding>,
    pub channels: usize,
    pub entries: i64,
    /// Channels whose trail does not go back to their beginning, and from which version on it does: they are older than
    /// the trail.
    pub younger: Vec<(ChannelId, i64)>,
    /// Channels of which nothing was written yet, for the same reason.
    pub without: Vec<ChannelId>,
}

/// A daemon may be at work on it meanwhile: each channel is judged up to where it was when its turn came.
pub async fn verify(reader: &Reader, claims: &Claims) -> Result<Report, StoreError> {
    let mut report = Report::default();
    let mut channels: BTreeSet<ChannelId> = reader.audited_channels().await?.into_iter().collect();
    channels.extend(claims.by_channel.keys());
    for id in channels {
        match channel(reader, id, claims, &mut report).await {
            // A row that is none, which the daemon never writes.
            Err(StoreError::Internal(what)) => {
                let text = format!("what is kept of it cannot be read: {what}");
                report.findings.push(Finding { channel: id, version: None, text });
            }
            other => other?,
        }
    }
    Ok(report)
}

async fn channel(reader: &Reader, id: ChannelId, claims: &Claims, report: &mut Report) -> Result<(), StoreError> {
    let trail = reader.trail(id).await?;
    let version = trail.channel.as_ref().map_or(0, |channel| channel.version);
    let mut judge = Judge::new(&trail, claims.by_channel.get(&id).map_or(&[], Vec::as_slice));
    report.channels += 1;
    if judge.until().is_none() && version > 0 {
        report.without.push(id);
    }
    let mut seq = 0;
    while let Some(until) = judge.until() {
        let page = reader.message_trails(id, seq, PAGE).await?;
        for message in &page {
            judge.message(message);
        }
        let Some(last) = page.last().filter(|last| last.first_version <= until) else { break };
        seq = last.seq;
    }
    let latest = reader.heads(vec![id]).await?.first().map_or(0, |(_, version)| *version);
    let verdict = judge.finish(latest);
    report.findings.extend(verdict.findings);
    report.entries += verdict.entries;
    report.younger.extend(verdict.since.map(|since| (id, since + 1)));
    Ok(())
}
