//! The folder in which the database lies: plain, or on a file system of its own in a file.
//!
//! The latter can be filled up, and copied as a power cut would leave it. It takes root and loop devices.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use super::Shape;
use super::guard::{Guard, run};
use crate::Trouble;

/// Room of the file system. PostgreSQL alone takes some 200 MB with its log.
const CLUSTER_SIZE: u64 = 1536 << 20;
const SINGLE_SIZE: u64 = 768 << 20;

#[derive(Debug)]
pub struct Disk {
    folder: PathBuf,
    image: Option<PathBuf>,
    guard: Arc<Guard>,
}

impl Disk {
    pub fn make(folder: &Path, own: bool, shape: Shape, guard: &Arc<Guard>) -> Result<Self, Trouble> {
        let data = folder.join("data");
        fs::create_dir_all(&data)?;
        let mut disk = Self { folder: data.clone(), image: None, guard: Arc::clone(guard) };
        if own {
            let image = folder.join("disk.img");
            let size = if shape == Shape::Cluster { CLUSTER_SIZE } else { SINGLE_SIZE };
            File::create(&image)?.set_len(size)?;
            run(Command::new("mkfs.ext4").args(["-q", "-E", "lazy_itable_init=0,lazy_journal_init=0"]).arg(&image))?;
            mount(&image, &data)?;
            guard.mounted("data", &data)?;
            disk.image = Some(image);
        }
        run(Command::new("chmod").arg("777").arg(&data))?;
        Ok(disk)
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Can it be filled up and copied?
    pub fn is_own(&self) -> bool {
        self.image.is_some()
    }

    /// Takes all the room that is left, until it is freed.
    pub fn fill(&self) -> Result<(), Trouble> {
        let mut ballast = File::create(self.ballast())?;
        let mut piece = vec![0_u8; 1 << 20];
        loop {
            match ballast.write(&piece) {
                Ok(0) => break,
                Ok(_) => (),
                Err(_) if piece.len() > 4096 => piece.truncate(piece.len() / 2),
                Err(_) => break,
            }
        }
        // What cannot be written is what was wanted.
        drop(ballast.sync_all());
        Ok(())
    }

    pub fn free(&self) {
        // Nothing to free is well.
        drop(fs::remove_file(self.ballast()));
    }

    fn ballast(&self) -> PathBuf {
        self.folder.join("ballast")
    }

    /// Copies the file system as it is now, unsynced writes left out, and mounts the copy: what a power cut would leave.
    /// Whoever writes has to be stopped meanwhile.
    pub fn copy(&self) -> Result<Snapshot, Trouble> {
        let image = self.image.as_ref().ok_or("the database is on no file system of its own")?;
        let copy = image.with_extension("copy");
        run(Command::new("cp").arg("--sparse=always").arg(image).arg(&copy))?;
        Ok(Snapshot {
            at: self.folder.with_extension("copy"),
            image: copy,
            guard: Arc::clone(&self.guard),
            mounted: false,
        })
    }

    pub fn unmount(&mut self) {
        if self.image.take().is_some() {
            drop(run(Command::new("umount").arg("-l").arg(&self.folder)));
            self.guard.unmounted("data");
        }
    }
}

/// The copy that a power cut leaves. Gone with the value.
#[derive(Debug)]
pub struct Snapshot {
    at: PathBuf,
    image: PathBuf,
    guard: Arc<Guard>,
    mounted: bool,
}

impl Snapshot {
    /// Mounts it, which replays the journal of the file system.
    pub fn mount(&mut self) -> Result<&Path, Trouble> {
        fs::create_dir_all(&self.at)?;
        mount(&self.image, &self.at)?;
        self.mounted = true;
        self.guard.mounted("copy", &self.at)?;
        Ok(&self.at)
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        if self.mounted {
            drop(run(Command::new("umount").arg("-l").arg(&self.at)));
            self.guard.unmounted("copy");
        }
        drop(fs::remove_file(&self.image));
    }
}

/// The file system's own commits come rarely, so that only what was synced is in the file.
fn mount(image: &Path, at: &Path) -> Result<(), Trouble> {
    run(Command::new("mount").args(["-o", "loop,commit=300"]).arg(image).arg(at)).map(drop)
}

/// Why this machine cannot have a file system in a file, if it cannot.
pub fn missing() -> Option<String> {
    let folder = std::env::temp_dir().join(format!("tenfour-storm-probe-{}", std::process::id()));
    let image = folder.join("probe.img");
    let at = folder.join("at");
    let tried = (|| {
        fs::create_dir_all(&at)?;
        File::create(&image)?.set_len(8 << 20)?;
        run(Command::new("mkfs.ext4").arg("-q").arg(&image))?;
        mount(&image, &at)?;
        run(Command::new("umount").arg(&at)).map(drop)
    })();
    drop(fs::remove_dir_all(&folder));
    tried.err().map(|error: Trouble| error.to_string())
}
