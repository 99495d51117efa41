//! The process of a node, and whether its end is one that somebody asked for.
//!
//! Kept by [`super::node`], which starts another one where this has ended. Asks nothing of the process itself.

use std::process::{Child, ExitStatus};

#[derive(Debug)]
pub(super) struct Process {
    pub(super) child: Child,
    serves: bool,
    may_end: bool,
}

impl Process {
    pub(super) fn of(child: Child) -> Self {
        Self { child, serves: false, may_end: false }
    }

    /// It was there for its clients: from here on it stays. Before, it may find no database and give up.
    pub(super) fn serves(&mut self) {
        self.serves = true;
    }

    /// Somebody asks it to end, or for something that it ends of.
    pub(super) fn may_end(&mut self) {
        self.may_end = true;
    }

    /// How it ended, if it did; and, once, that this is wrong.
    pub(super) fn look(&mut self) -> (Option<ExitStatus>, Option<String>) {
        let status = self.child.try_wait().ok().flatten();
        // One that gives up says so by a code; by a signal no program ends of its own will.
        let is_wrong = |status: &ExitStatus| !self.may_end && (self.serves || status.code().is_none());
        let alarm = status.filter(is_wrong).map(|status| format!("has ended without being asked: {status}"));
        self.may_end |= alarm.is_some();
        (status, alarm)
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// A process that ends like this, once it has.
    fn ends(script: &str, happened: impl FnOnce(&mut Process)) -> (Option<i32>, Option<String>, Process) {
        let mut process = Process::of(Command::new("sh").args(["-c", script]).spawn().unwrap());
        happened(&mut process);
        process.child.wait().unwrap();
        let (status, alarm) = process.look();
        (status.unwrap().code(), alarm, process)
    }

    #[test]
    fn an_end_that_nobody_asked_for_is_told_once_with_its_status() {
        for (script, code, says) in [("exit 3", Some(3), "exit status: 3"), ("exit 0", Some(0), "exit status: 0")] {
            let (ended, alarm, mut process) = ends(script, Process::serves);
            assert!(ended == code && alarm.is_some_and(|alarm| alarm.contains(says)), "{script}");
            assert_eq!(process.look().1, None, "it is told already");
        }
        let (ended, alarm, _) = ends("kill -9 $$", |_| ());
        assert!(ended.is_none() && alarm.is_some_and(|alarm| alarm.contains("signal: 9")));
    }

    #[test]
    fn one_that_lives_or_was_asked_or_found_no_database_is_not_told_of() {
        let mut lives = Process::of(Command::new("sleep").arg("60").spawn().unwrap());
        lives.serves();
        assert_eq!(lives.look(), (None, None));
        lives.may_end();
        lives.child.kill().unwrap();
        lives.child.wait().unwrap();
        assert_eq!(lives.look().1, None);
        let asked = |process: &mut Process| {
            process.serves();
            process.may_end();
        };
        assert_eq!(ends("exit 3", asked).1, None);
        assert_eq!(ends("exit 1", |_| ()).1, None);
    }
}
