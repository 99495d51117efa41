//! Ends what a run has started, also when the run itself is killed.
//!
//! A shell waits for the end of its input, which comes with the end of this process however that ends. It then kills
//! the processes whose numbers lie in a folder, and unmounts what was mounted.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use crate::Trouble;

const SCRIPT: &str = r#"
trap '' INT TERM HUP
cat >/dev/null
for file in "$1"/pids/*; do [ -e "$file" ] && kill -9 "$(cat "$file")" 2>/dev/null; done
sleep 0.5
for file in "$1"/mounts/*; do [ -e "$file" ] && umount -l "$(cat "$file")" 2>/dev/null; done
exit 0
"#;

#[derive(Debug)]
pub(crate) struct Guard {
    folder: PathBuf,
    shell: Child,
    input: Option<ChildStdin>,
}

impl Guard {
    pub(crate) fn start(folder: &Path) -> Result<Self, Trouble> {
        for part in ["pids", "mounts"] {
            fs::create_dir_all(folder.join(part))?;
        }
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT, "sh"])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let input = shell.stdin.take();
        Ok(Self { folder: folder.to_owned(), shell, input })
    }

    /// Ends that process with the run. A later one of the same name takes its place.
    pub(crate) fn watch(&self, name: &str, pid: u32) -> Result<(), Trouble> {
        Ok(fs::write(self.folder.join("pids").join(name), pid.to_string())?)
    }

    pub(crate) fn forget(&self, name: &str) {
        // It may never have been watched.
        drop(fs::remove_file(self.folder.join("pids").join(name)));
    }

    pub(crate) fn mounted(&self, name: &str, at: &Path) -> Result<(), Trouble> {
        Ok(fs::write(self.folder.join("mounts").join(name), at.display().to_string())?)
    }

    pub(crate) fn unmounted(&self, name: &str) {
        drop(fs::remove_file(self.folder.join("mounts").join(name)));
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.input.take());
        drop(self.shell.wait());
    }
}

/// Runs a command to its end; its output is part of the error.
pub(crate) fn run(command: &mut Command) -> Result<String, Trouble> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{command:?} ended with {}: {}", output.status, said.trim()).into())
}

/// Sends a signal, such as `STOP`. A process that is gone is no error.
pub(crate) fn signal(name: &str, pids: &[u32]) {
    if pids.is_empty() {
        return;
    }
    let pids = pids.iter().map(u32::to_string);
    drop(Command::new("kill").arg(format!("-{name}")).args(pids).stderr(Stdio::null()).status());
}

/// A process and all below it.
pub(crate) fn family(pid: u32) -> Vec<u32> {
    let mut all = vec![pid];
    let mut next = 0;
    while let Some(&parent) = all.get(next) {
        let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
        all.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        next += 1;
    }
    all
}

/// Is there such a process, and is it no zombie?
pub(crate) fn alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}
