//! Storing what was sent: a batch in one transaction, tried again where another node was in the way, and split where
//! one row would fail its neighbours.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::backend::Tx;
use super::error::StoreError;
use super::jobs::{Database, pause};
use super::planted;
use crate::domain::message::{Append, Appended};
use crate::fault::{self, Sabotage};

/// How often, and for how long at most, one transaction is tried again.
const ATTEMPTS: u32 = 5;
const PATIENCE: Duration = Duration::from_secs(2);

/// Outcomes in the order given.
pub(super) async fn append(db: &Database, batch: Vec<Append>) -> Result<Vec<Appended>, StoreError> {
    if batch.is_empty() {
        return Ok(Vec::new());
    }
    let batch: Arc<[Append]> = batch.into();
    let mut outcomes = Vec::with_capacity(batch.len());
    let mut rest: Vec<Range<usize>> = std::iter::once(0..batch.len()).collect();
    while let Some(range) = rest.pop() {
        match store(db, &batch, range.clone()).await {
            Ok(stored) => outcomes.extend(stored),
            Err(StoreError::Internal(reason)) if range.len() == 1 && is_of_a_row(&reason) => {
                let id = batch.get(range.start).map(|item| item.message.id);
                log::warn!("message {id:?} was refused by the database: {reason}");
                outcomes.push(Appended::Rejected);
            }
            Err(StoreError::Internal(reason)) if is_of_a_row(&reason) => {
                let middle = range.start + range.len() / 2;
                rest.push(middle..range.end);
                rest.push(range.start..middle);
            }
            Err(error) if outcomes.is_empty() => return Err(error),
            // A part of the batch is stored.
            Err(_) => return Err(StoreError::UnknownOutcome),
        }
    }
    Ok(outcomes)
}

/// One transaction, a few times.
async fn store(db: &Database, batch: &Arc<[Append]>, range: Range<usize>) -> Result<Vec<Appended>, StoreError> {
    let start = Instant::now();
    let mut attempt = 0;
    loop {
        let (all, some) = (Arc::clone(batch), range.clone());
        let stored = db
            .attempt(Tx::Batch, move |conn| {
                Box::pin(async move { conn.append(&all, some).await.map_err(StoreError::from) })
            })
            .await;
        if fault::planted(Sabotage::SequenceInsteadOfLock) {
            planted::burn(&batch[range.clone()], &stored);
        }
        match stored {
            Err(StoreError::Busy) if attempt < ATTEMPTS && start.elapsed() < PATIENCE => {
                attempt += 1;
                pause(attempt).await;
            }
            other => return other,
        }
    }
}

/// Whether an error speaks of what a row holds (PostgreSQL's classes 22 and 23; diesel shows their English texts only).
/// Anything else fails every row alike, and no row is to blame for it.
fn is_of_a_row(reason: &str) -> bool {
    const TEXTS: [&str; 8] = [
        "invalid byte sequence",
        "invalid input syntax",
        "out of range",
        "value too long",
        "violates",
        "unsupported Unicode",
        "has no equivalent in encoding",
        "index row size",
    ];
    TEXTS.iter().any(|text| reason.contains(text))
}
