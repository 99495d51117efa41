//! The folder in which the database lies: plain, or on a file system of its own in a file.
//!
//! The latter can be filled up, and copied as a power cut would leave it. It takes root and loop devices.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::Duration;

use super::Shape;
use super::guard::{Guard, run};
use crate::Trouble;

/// Room of the file system. PostgreSQL alone takes some 200 MB with its log.
const CLUSTER_SIZE: u64 = 1536 << 20;
const SINGLE_SIZE: u64 = 768 << 20;

/// What takes up the room.
const BALLAST: &str = "ballast";

#[derive(Debug)]
pub(crate) struct Disk {
    folder: PathBuf,
    image: Option<PathBuf>,
    guard: Arc<Guard>,
    copies: AtomicU32,
}

impl Disk {
    pub(crate) fn make(folder: &Path, own: bool, shape: Shape, guard: &Arc<Guard>) -> Result<Self, Trouble> {
        let data = folder.join("data");
        fs::create_dir_all(&data)?;
        let mut disk = Self { folder: data.clone(), image: None, guard: Arc::clone(guard), copies: AtomicU32::new(0) };
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

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Takes all the room that is left, until it is freed.
    pub(crate) fn fill(&self) -> Result<(), Trouble> {
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

    pub(crate) fn free(&self) {
        // Nothing to free is well.
        drop(fs::remove_file(self.ballast()));
    }

    fn ballast(&self) -> PathBuf {
        self.folder.join(BALLAST)
    }

    /// Copies the file system as it is now, unsynced writes left out, and mounts the copy: what a power cut would leave.
    /// Whoever writes has to be stopped meanwhile.
    pub(crate) fn copy(&self) -> Result<Snapshot, Trouble> {
        let image = self.image.as_ref().ok_or("the database is on no file system of its own")?;
        // The kernel may let go of an earlier one late: each has a name of its own.
        let name = format!("copy-{}", self.copies.fetch_add(1, Ordering::Relaxed));
        let copy = image.with_extension(&name);
        run(Command::new("cp").arg("--sparse=always").arg(image).arg(&copy))?;
        let at = self.folder.with_extension(&name);
        Ok(Snapshot { at, name, image: copy, guard: Arc::clone(&self.guard), mounted: false })
    }

    pub(crate) fn unmount(&mut self) {
        if self.image.take().is_some() {
            unmount(&self.folder);
            self.guard.unmounted("data");
        }
    }
}

/// The copy that a power cut leaves. Gone with the value.
#[derive(Debug)]
pub(crate) struct Snapshot {
    at: PathBuf,
    name: String,
    image: PathBuf,
    guard: Arc<Guard>,
    mounted: bool,
}

impl Snapshot {
    /// Mounts it, which replays the journal of the file system.
    pub(crate) fn mount(&mut self) -> Result<&Path, Trouble> {
        fs::create_dir_all(&self.at)?;
        mount(&self.image, &self.at)?;
        self.mounted = true;
        self.guard.mounted(&self.name, &self.at)?;
        // Of a full disk: whoever comes after the power cut makes room first.
        drop(fs::remove_file(self.at.join(BALLAST)));
        Ok(&self.at)
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        if self.mounted {
            unmount(&self.at);
            self.guard.unmounted(&self.name);
        }
        drop((fs::remove_file(&self.image), fs::remove_dir(&self.at)));
    }
}

/// The file system's own commits come rarely, so that only what was synced is in the file.
fn mount(image: &Path, at: &Path) -> Result<(), Trouble> {
    run(Command::new("mount").args(["-o", "loop,commit=300"]).arg(image).arg(at)).map(drop)
}

/// Whoever still holds it lets go soon, or the kernel waits for them.
fn unmount(at: &Path) {
    for _ in 0..20 {
        if run(Command::new("umount").arg(at)).is_ok() {
            return;
        }
        sleep(Duration::from_millis(50));
    }
    drop(run(Command::new("umount").arg("-l").arg(at)));
}

/// Why this machine cannot have a file system in a file, if it cannot.
pub(crate) fn missing() -> Option<String> {
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
