//! A backup in the place of the database: judged by its list first, then swapped in under another epoch. What was there is moved aside.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use super::backup::{ATTACHMENTS, DATABASE, KEYS, MANIFEST, Manifest, beside, copy_file, copy_folder, settle, sums};
use super::{failed, file};
use crate::cli::Failure;
use crate::cli::flags::SettingFlags;
use crate::config::{AttachmentPlace, Config};
use crate::domain::now;
use crate::store::{Care, DatabaseUrl, Settings};

#[derive(Debug, Args)]
pub(in crate::cli) struct Restore {
    /// A folder that `tenfour db backup` made.
    folder: PathBuf,
    #[command(flatten)]
    pub(super) flags: SettingFlags,
}

pub(super) async fn run(config: &Config, settings: &Settings, options: &Restore) -> Result<String, Failure> {
    let (database, folder) = (file(settings)?, &options.folder);
    let manifest = judged(folder)?;
    let draft = beside(&database, "restoring");
    let copied = copy_file(&folder.join(DATABASE), &draft);
    copied.map_err(|error| failed(format!("cannot write {}: {error}", draft.display())))?;
    // Before it is in its place: no client may ever meet it under its old name.
    let restored = Settings { url: DatabaseUrl::SqliteFile(draft.clone()), ..settings.clone() };
    let mut care = Care::open(&restored).await.map_err(failed)?;
    care.renew_epoch().await.map_err(failed)?;
    care.is_alone().await.map_err(failed)?;
    drop(care);
    let aside = set_aside(settings, &database).await?;
    let placed = fs::rename(&draft, &database).and_then(|()| match database.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => settle(parent),
        _ => Ok(()),
    });
    placed.map_err(|error| failed(format!("cannot write {}: {error}", database.display())))?;
    let filled = missing_keys(folder, &database).and_then(|()| match config.attachment_place() {
        AttachmentPlace::Folder(to) if folder.join(ATTACHMENTS).is_dir() => copy_folder(&folder.join(ATTACHMENTS), &to),
        _ => Ok(()),
    });
    filled.map_err(|error| failed(format!("the database is restored, and not all that belongs to it: {error}")))?;
    let aside = aside.map(|path| format!("; what was there is {}", path.display())).unwrap_or_default();
    Ok(format!("{} messages of {} are restored{aside}", manifest.messages, manifest.made_at.to_rfc3339()))
}

/// Whether it is what was written.
fn judged(folder: &Path) -> Result<Manifest, Failure> {
    let path = folder.join(MANIFEST);
    let unread = |error: &dyn ToString| {
        failed(format!("{} is no backup: {}: {}", folder.display(), MANIFEST, error.to_string()))
    };
    let text = fs::read_to_string(&path).map_err(|error| unread(&error))?;
    let manifest: Manifest = serde_json::from_str(&text).map_err(|error| unread(&error))?;
    let found = sums(folder, folder).map_err(failed)?;
    for (name, sum) in &manifest.files {
        match found.get(name) {
            None => return Err(failed(format!("{name} is missing in {}", folder.display()))),
            Some(other) if other != sum => {
                return Err(failed(format!("{name} in {} is not what was backed up", folder.display())));
            }
            Some(_) => {}
        }
    }
    if !manifest.files.contains_key(DATABASE) {
        return Err(failed(format!("{} holds no {DATABASE}", folder.display())));
    }
    Ok(manifest)
}

/// Moves what is there out of the way, once nobody is at work on it.
async fn set_aside(settings: &Settings, database: &Path) -> Result<Option<PathBuf>, Failure> {
    if !database.exists() {
        return Ok(None);
    }
    let mut care = Care::open(settings).await.map_err(failed)?;
    if !care.is_alone().await.map_err(failed)? {
        return Err(failed(format!("{} is open in another process: stop the daemon first", database.display())));
    }
    drop(care);
    let aside = beside(database, &format!("before-{}", now().format("%Y%m%dT%H%M%S%.6fZ")));
    fs::rename(database, &aside)
        .map_err(|error| failed(format!("cannot move {} aside: {error}", database.display())))?;
    Ok(Some(aside))
}

/// A key that is there is in use, and stays.
fn missing_keys(folder: &Path, database: &Path) -> std::io::Result<()> {
    for key in KEYS {
        let (from, to) = (folder.join(key), beside(database, key));
        if from.is_file() && !to.exists() {
            copy_file(&from, &to)?;
        }
    }
    Ok(())
}
