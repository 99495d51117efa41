//! A folder that holds what a daemon on SQLite needs to be set up anew: the database, its keys, its attachments, and a list of them.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use clap::Args;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{failed, file};
use crate::cli::Failure;
use crate::cli::flags::SettingFlags;
use crate::config::{AttachmentPlace, Config};
use crate::domain::hex::hex;
use crate::domain::now;
use crate::store::{Care, Settings};

#[derive(Debug, Args)]
pub(in crate::cli) struct Backup {
    /// Where to: a folder that is not there yet.
    folder: PathBuf,
    /// Leave the keys out, which the daemon keeps beside the database: who has them can sign tokens.
    #[arg(long)]
    without_keys: bool,
    #[command(flatten)]
    pub(super) flags: SettingFlags,
}

/// The list, as `backup.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    pub(super) version: String,
    pub(super) made_at: DateTime<Utc>,
    pub(super) schema: String,
    pub(super) messages: i64,
    /// SHA-256 by name.
    pub(super) files: BTreeMap<String, String>,
}

pub(super) const MANIFEST: &str = "backup.json";
pub(super) const DATABASE: &str = "tenfour.db";
pub(super) const ATTACHMENTS: &str = "attachments";
/// What lies beside a database under its name with these ends.
pub(super) const KEYS: [&str; 2] = ["jwt-secret", "audit-key"];

pub(super) async fn run(config: &Config, settings: &Settings, options: &Backup) -> Result<String, Failure> {
    let database = file(settings)?;
    let folder = &options.folder;
    let mut care = Care::open(settings).await.map_err(failed)?;
    let state = care.state().await.map_err(failed)?;
    let Some(contents) = state.contents else {
        return Err(failed("the schema is not that of this release: tenfour db migrate"));
    };
    let made = DirBuilder::new().mode(0o700).create(folder);
    made.map_err(|error| failed(format!("cannot make the folder {}: {error}", folder.display())))?;
    let copy = folder.join(DATABASE);
    care.copy_to(&copy).await.map_err(|error| failed(format!("the copy could not be written: {error}")))?;
    let written = settle(&copy).and_then(|()| {
        if !options.without_keys {
            for key in KEYS {
                let from = beside(&database, key);
                if from.is_file() {
                    copy_file(&from, &folder.join(key))?;
                }
            }
        }
        // After the database: each file that it names is there, unless it was deleted meanwhile.
        if let AttachmentPlace::Folder(from) = config.attachment_place()
            && from.is_dir()
        {
            copy_folder(&from, &folder.join(ATTACHMENTS))?;
        }
        let manifest = Manifest {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            made_at: now(),
            schema: state.schema.unwrap_or_default(),
            messages: contents.messages,
            files: sums(folder, folder)?,
        };
        let text = serde_json::to_string_pretty(&manifest).map_err(io::Error::other)?;
        fs::write(folder.join(MANIFEST), text)?;
        settle(&folder.join(MANIFEST))?;
        settle(folder)
    });
    written.map_err(|error| failed(format!("{} is not whole: {error}; delete it", folder.display())))?;
    let elsewhere = match config.attachment_place() {
        AttachmentPlace::S3 { .. } => "; the attachments are in their own store and are not in it",
        _ => "",
    };
    Ok(format!("{} messages are kept in {}{elsewhere}", contents.messages, folder.display()))
}

/// `tenfour.db` has its secret in `tenfour.db.jwt-secret`.
pub(super) fn beside(database: &Path, what: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".");
    name.push(what);
    name.into()
}

/// It is on the disk when this returns.
pub(super) fn settle(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

pub(super) fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from, to)?;
    settle(to)
}

/// With the folders in it. What is deleted meanwhile is left out.
pub(super) fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).recursive(true).create(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy_folder(&from, &to)?;
        } else if !to.exists() {
            match copy_file(&from, &to) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                done => done?,
            }
        }
    }
    settle(to)
}

/// Of each file in it, by its path within `top`.
pub(super) fn sums(folder: &Path, top: &Path) -> io::Result<BTreeMap<String, String>> {
    let mut sums = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            sums.extend(self::sums(&path, top)?);
        } else if let Some(name) = path.strip_prefix(top).ok().and_then(Path::to_str).filter(|name| *name != MANIFEST) {
            sums.insert(name.to_owned(), sum(&path)?);
        }
    }
    Ok(sums)
}

fn sum(path: &Path) -> io::Result<String> {
    let (mut file, mut hash, mut part) = (File::open(path)?, Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut part)? {
            0 => return Ok(hex(&hash.finalize())),
            length => hash.update(part.get(..length).unwrap_or_default()),
        }
    }
}
