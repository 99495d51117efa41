//! Rules of the machine: room, file systems, open files and clocks.

use std::path::{Path, PathBuf};

use super::finding::{Finding, fine, problem, warning};
use crate::auth;

/// A file system whose free part is below either is full soon.
const LITTLE: u64 = 1 << 30;
const LITTLE_OF_IT: u64 = 10;
/// Below that nothing can be kept for long.
const NOTHING: u64 = 64 << 20;
/// By how much clocks may differ: from what tokens are given on they are refused.
const SKEW_WARNS: i64 = 2_000;
const SKEW_WRONG: i64 = auth::LEEWAY as i64 * 1_000;
/// What a session may take, for a moment two.
const FILES_OF_A_SESSION: u64 = 2;
/// With room for fewer the start warns.
const FEW_SESSIONS: u64 = 1000;
/// On which locks and what was written cannot be relied on.
const OF_A_NETWORK: [&str; 13] = [
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "9p",
    "ceph",
    "glusterfs",
    "lustre",
    "afs",
    "fuse.sshfs",
    "fuse.glusterfs",
    "fuse.s3fs",
];

/// Whose clock differs from this machine's, and by how much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Skew {
    pub(super) whose: &'static str,
    pub(super) millis: i64,
}

pub(super) fn clock(skew: &Skew) -> Finding {
    let Skew { whose, millis } = skew;
    let away = millis.abs();
    if away < SKEW_WARNS {
        return fine("clock", format!("{whose} is within {} s of this machine's", away / 1000 + 1));
    }
    let text = format!("{whose} is {} s {}", away / 1000, if *millis > 0 { "ahead" } else { "behind" });
    let advice = "have all machines keep their time by NTP (timedatectl set-ntp true; chronyc tracking)";
    if away < SKEW_WRONG { warning("clock", text, advice) } else { problem("clock", text, advice) }
}

/// A folder that the daemon writes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Folder {
    pub(super) path: PathBuf,
    /// What is in it.
    pub(super) what: &'static str,
    pub(super) is_writable: bool,
    /// Of its file system, in bytes.
    pub(super) free: u64,
    pub(super) total: u64,
    /// The kind of that.
    pub(super) kind: Option<String>,
    /// A database keeps its promises only on a disk of this machine.
    pub(super) needs_local: bool,
}

pub(super) fn folder(folder: &Folder) -> Vec<Finding> {
    let Folder { path, what, is_writable, free, total, kind, needs_local } = folder;
    let (at, mut findings) = (path.display(), Vec::new());
    if !is_writable {
        findings.push(problem(
            "disk",
            format!("{at}, for {what}, may not be written by this user"),
            "chown it to the daemon's user, and run `tenfour doctor` as that user (sudo -u tenfour)",
        ));
    }
    if let Some(kind) = kind.as_deref().filter(|kind| *needs_local && OF_A_NETWORK.contains(kind)) {
        findings.push(warning(
            "disk",
            format!("{at}, for {what}, is on a file system of the network ({kind})"),
            "move it to a disk of this machine, or use PostgreSQL",
        ));
    }
    let room = format!("{} of {} left in {at}, for {what}", size(*free), size(*total));
    if *free < NOTHING {
        findings.push(problem("disk", room, "make room, or move it: what cannot be written is not acknowledged"));
    } else if *free < LITTLE && *free < total / LITTLE_OF_IT {
        findings.push(warning(
            "disk",
            room,
            "make room before it is full; retention_days keeps messages for so long only",
        ));
    } else {
        findings.push(fine("disk", room));
    }
    findings
}

fn size(bytes: u64) -> String {
    if bytes < 10 << 30 { format!("{} MiB", bytes >> 20) } else { format!("{} GiB", bytes >> 30) }
}

/// The kind of the file system at a path, by what `/proc/self/mountinfo` says: of the longest place that leads to it.
pub(super) fn file_system_of(path: &Path, mounts: &str) -> Option<String> {
    let of_line = |line: &str| {
        let (place, kind) = line.split_once(" - ")?;
        // A space is written as \040.
        let place = place.split(' ').nth(4)?.replace("\\040", " ");
        Some((PathBuf::from(place), kind.split(' ').next()?.to_owned()))
    };
    let leads = mounts.lines().filter_map(of_line).filter(|(place, _)| path.starts_with(place));
    // Of two at one place the later one lies above.
    leads.max_by_key(|(place, _)| place.components().count()).map(|(_, kind)| kind)
}

/// How many files may be open, in the daemon that runs or, where none is found, in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Files {
    /// None: no limit, or none that is told.
    pub(super) most: Option<u64>,
    pub(super) of_the_daemon: bool,
}

/// `sessions`: how many one client's address may have.
pub(super) fn files(files: Files, sessions: usize) -> Finding {
    let Some(most) = files.most else { return fine("open files", "no limit") };
    let whose =
        if files.of_the_daemon { "the daemon that runs" } else { "this shell, and no daemon that could be asked" };
    let room = most.saturating_sub(most / 10) / FILES_OF_A_SESSION;
    let text = format!("{most} for {whose}: about {room} sockets");
    let wanted = FEW_SESSIONS.max(u64::try_from(sessions).unwrap_or(u64::MAX));
    if room >= wanted {
        return fine("open files", text);
    }
    let advice = "LimitNOFILE=65536 in the unit, as that of dist/ has it, or `ulimit -n 65536` before the start";
    warning("open files", format!("{text}, and {wanted} may come"), advice)
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
