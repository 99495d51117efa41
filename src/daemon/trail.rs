//! The key of the audit trail: heads are signed with it and carried away, and evidence is sealed.

use std::path::Path;
use std::sync::Arc;

use super::StartError;
use crate::audit::SigningKey;
use crate::audit::export::Exporter;
use crate::config::{self, Config};
use crate::store::Reader;

/// Carries heads of the audit trail away while the system runs, where that was asked for.
pub(super) fn exporter(config: &Config, reader: &Reader) -> Result<Option<Arc<Exporter>>, StartError> {
    let (Some(folder), Some(key)) = (&config.audit.heads, &config.audit.key) else { return Ok(None) };
    let key = audit_key(key)?;
    log::info!("heads of the audit trail go to {}, signed by {}", folder.display(), key.public());
    let exporter = Arc::new(Exporter::new(reader.clone(), key, folder)?);
    actix::spawn(Arc::clone(&exporter).run());
    Ok(Some(exporter))
}

fn audit_key(path: &Path) -> Result<SigningKey, StartError> {
    let failed = |error: &dyn std::error::Error| StartError::AuditKey(format!("{}: {error}", path.display()));
    let text = config::random_at(path).map_err(|error| failed(&error))?;
    SigningKey::of(&text).map_err(|error| failed(&error))
}

/// By which evidence is sealed: the key of the audit trail, where there is one.
pub(super) fn seal(config: &Config) -> Result<Option<Arc<SigningKey>>, StartError> {
    let path = config.audit.key.as_deref().filter(|path| path.is_file());
    path.map(|path| audit_key(path).map(Arc::new)).transpose()
}
