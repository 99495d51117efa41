//! The certificate of a daemon that runs: from its settings, and anew when its files change.
//!
//! Whatever is wrong with a new one, the old one stays, and the log says what is wrong, once.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;

use crate::config::TlsSettings;
use crate::http::door::Secured;
use crate::metrics::Metrics;
use crate::tls::{Content, Facts, Files, Pair, PairError, Tls};

/// Who renews certificates writes files, and tells nobody.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Cheap to clone; all clones are the same one.
#[derive(Debug, Clone)]
pub(super) struct Certificate(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    tls: Tls,
    looked: Mutex<Looked>,
}

/// Where it was looked last, and what was there.
#[derive(Debug)]
struct Looked {
    files: Files,
    content: Option<Content>,
    /// What was wrong with that.
    complaint: Option<String>,
}

/// One that could be shown.
pub(super) struct Other {
    files: Files,
    content: Content,
    pair: Pair,
}

pub(super) fn files(settings: &TlsSettings) -> Files {
    Files { certificate: settings.certificate.clone(), key: settings.key.clone() }
}

impl Certificate {
    /// One that has ended is shown all the same, since there is no other; who runs the daemon is told.
    pub(super) fn of(settings: Option<&TlsSettings>) -> Result<Option<Self>, PairError> {
        let Some(settings) = settings else { return Ok(None) };
        let files = files(settings);
        let content = files.content()?;
        let pair = files.pair(&content)?;
        let now = Utc::now();
        if pair.facts.ends <= now {
            log::error!("{}; clients will refuse it", files.ended(&pair.facts));
        } else if pair.facts.begins > now {
            log::warn!("the certificate in {} begins on {} only", files.certificate.display(), pair.facts.begins);
        }
        let looked = Looked { files, content: Some(content), complaint: None };
        Ok(Some(Self(Arc::new(Shared { tls: Tls::new(pair), looked: Mutex::new(looked) }))))
    }

    /// What these settings name, if it is good; none where it is what is shown. That one may have ended, which is no reason to
    /// refuse what else was changed.
    pub(super) fn other(&self, settings: &TlsSettings) -> Result<Option<Other>, PairError> {
        let files = files(settings);
        let content = files.content()?;
        let looked = self.0.looked.lock();
        if looked.files == files && looked.content.as_ref() == Some(&content) {
            return Ok(None);
        }
        drop(looked);
        let pair = files.good(&content, Utc::now())?;
        Ok(Some(Other { files, content, pair }))
    }

    pub(super) fn tls(&self) -> Tls {
        self.0.tls.clone()
    }

    /// For the doors; and looks after the files from then on, as long as the system runs.
    pub(super) fn secured(&self, metrics: &Arc<Metrics>) -> Secured {
        tell(metrics, &self.0.tls.facts());
        let (certificate, told) = (self.clone(), Arc::clone(metrics));
        actix::spawn(async move {
            loop {
                tokio::time::sleep(LOOK_EVERY).await;
                let looking = certificate.clone();
                // Files of a network may take their time.
                let looked = tokio::task::spawn_blocking(move || looking.look(Utc::now())).await;
                if let Err(error) = looked {
                    log::error!("the certificate could not be looked at: {error}");
                }
                tell(&told, &certificate.0.tls.facts());
            }
        });
        Secured { tls: self.tls(), failed: metrics.handshakes_failed.clone() }
    }

    pub(super) fn show(&self, other: Other, metrics: &Metrics) {
        let Other { files, content, pair } = other;
        let mut looked = self.0.looked.lock();
        self.take(pair);
        *looked = Looked { files, content: Some(content), complaint: None };
        drop(looked);
        tell(metrics, &self.0.tls.facts());
    }

    /// Looks whether the files hold something else than last time, and shows it if it is good.
    fn look(&self, now: DateTime<Utc>) {
        let mut looked = self.0.looked.lock();
        let found = looked.files.content();
        if let Ok(content) = &found
            && looked.content.as_ref() == Some(content)
        {
            return;
        }
        match found.and_then(|content| Ok((looked.files.good(&content, now)?, content))) {
            Ok((pair, content)) => {
                self.take(pair);
                (looked.content, looked.complaint) = (Some(content), None);
            }
            // Half of it may be written. What stays wrong is said once.
            Err(error) => {
                let complaint = error.to_string();
                if looked.complaint.as_ref() != Some(&complaint) {
                    log::error!("the new certificate is refused, and the old one stays: {complaint}");
                }
                looked.complaint = Some(complaint);
            }
        }
    }

    fn take(&self, pair: Pair) {
        let facts = &pair.facts;
        log::info!("the certificate shown from now on is of {}, until {}", facts.names.join(", "), facts.ends);
        self.0.tls.replace(pair);
    }
}

fn tell(metrics: &Metrics, facts: &Facts) {
    metrics.certificate_ends.set(facts.ends.timestamp());
}

#[cfg(test)]
#[path = "certificate_tests.rs"]
mod tests;
