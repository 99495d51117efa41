//! Reads a database's whole trail and judges it, channel by channel.

use std::collections::BTreeSet;

use super::finding::{Finding, Place};
use super::heads::Claims;
use super::journal::JournalJudge;
use super::judge::Judge;
use crate::domain::ids::{ChannelId, JournalId};
use crate::store::{Reader, StoreError};

/// How many messages are read at a time.
const PAGE: i64 = 1_000;

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    pub findings: Vec<Finding>,
    pub channels: usize,
    pub entries: i64,
    /// Of all journals.
    pub records: i64,
    /// Channels whose trail does not go back to their beginning, and from which version on it does: they are older than
    /// the trail.
    pub younger: Vec<(ChannelId, i64)>,
    /// Channels of which nothing was written yet, for the same reason.
    pub without: Vec<ChannelId>,
}

/// A daemon may be at work on it meanwhile: each channel is judged up to where it was when its turn came.
pub async fn verify(reader: &Reader, claims: &Claims) -> Result<Report, StoreError> {
    let mut report = Report::default();
    let mut journals: BTreeSet<JournalId> = reader.journals().await?.into_iter().map(|journal| journal.id).collect();
    let mut channels: BTreeSet<ChannelId> = reader.audited_channels().await?.into_iter().collect();
    channels.extend(claims.by_channel.keys());
    journals.extend(claims.by_journal.keys().copied().chain([JournalId::DAEMON]));
    journals.extend(channels.iter().map(|id| JournalId::of(*id)));
    for id in channels {
        let judged = channel(reader, id, claims, &mut report).await;
        report.note_unreadable(Place::Channel(id), judged)?;
    }
    for id in journals {
        let judged = journal(reader, id, claims, &mut report).await;
        report.note_unreadable(Place::Journal(id), judged)?;
    }
    Ok(report)
}

/// The same of one channel and its journal.
pub async fn verify_one(reader: &Reader, id: ChannelId) -> Result<Report, StoreError> {
    let (mut report, claims) = (Report::default(), Claims::default());
    let judged = channel(reader, id, &claims, &mut report).await;
    report.note_unreadable(Place::Channel(id), judged)?;
    let judged = journal(reader, JournalId::of(id), &claims, &mut report).await;
    report.note_unreadable(Place::Journal(JournalId::of(id)), judged)?;
    Ok(report)
}

impl Report {
    /// A row that is none, which the daemon never writes, is a finding.
    fn note_unreadable(&mut self, place: Place, judged: Result<(), StoreError>) -> Result<(), StoreError> {
        if let Err(StoreError::Internal(what)) = judged {
            let text = format!("what is kept of it cannot be read: {what}");
            self.findings.push(Finding { place, number: None, text });
            return Ok(());
        }
        judged
    }
}

async fn journal(reader: &Reader, id: JournalId, claims: &Claims, report: &mut Report) -> Result<(), StoreError> {
    let trail = reader.journal_trail(id).await?;
    let mut judge = JournalJudge::new(trail, claims.by_journal.get(&id).map_or(&[], Vec::as_slice));
    // Also those that a changed row gave a number that none has.
    let mut number = i64::MIN;
    loop {
        let page = reader.records(id, number, PAGE).await?;
        for record in &page {
            judge.record(record);
        }
        let Some(last) = page.last().filter(|last| last.number < judge.until()) else { break };
        number = last.number;
    }
    report.records += judge.until();
    report.findings.extend(judge.finish());
    Ok(())
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
    // Read last: what was erased while it was judged is told there.
    let verdict = judge.finish(latest, &reader.erasures(id).await?);
    report.findings.extend(verdict.findings);
    report.entries += verdict.entries;
    report.younger.extend(verdict.since.map(|since| (id, since + 1)));
    Ok(())
}
