//! Who tells this process which faults it has: the environment at the start, and a Unix socket from then on.
//!
//! One order a line, one answer each, `ok` or `error: …`: `panic PART`, `stall PART MS`, `plant SABOTAGE`, `heal SABOTAGE`.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::{fs, thread};

use super::{Unknown, armed};

/// Where to listen for orders.
const SOCKET: &str = "TENFOUR_FAULTS";
/// What is planted from the start, separated by commas.
const PLANTED: &str = "TENFOUR_SABOTAGE";

/// Plants what the environment names and listens where it says. Gives back what is not meant for faults.
pub fn listen(
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> io::Result<impl Iterator<Item = (OsString, OsString)>> {
    let (own, rest): (Vec<_>, Vec<_>) =
        environment.into_iter().partition(|(name, value)| (name == SOCKET || name == PLANTED) && !value.is_empty());
    for (name, value) in own {
        if name == SOCKET {
            let path = PathBuf::from(value);
            open(&path).map_err(|error| about(&format!("{SOCKET}: {}", path.display()), &error))?;
        } else {
            let names = value.to_string_lossy().into_owned();
            for name in names.split(',') {
                let planted = name.trim().parse().map(armed::plant);
                planted.map_err(|error: Unknown| about(PLANTED, &io::Error::other(error)))?;
                // Nothing logs yet.
                let _ = writeln!(io::stderr(), "tenfour: warning: this daemon is sabotaged: {}", name.trim());
            }
        }
    }
    Ok(rest.into_iter())
}

fn about(what: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}

fn open(path: &Path) -> io::Result<()> {
    // One that was killed leaves its socket behind. What is none was not ours: then nothing is removed, and the bind fails.
    match fs::symlink_metadata(path) {
        Ok(left) if left.file_type().is_socket() => fs::remove_file(path)?,
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    thread::Builder::new().name("faults".to_owned()).spawn(move || {
        for orders in listener.incoming().map_while(Result::ok) {
            // Each in a thread of its own: who holds a line open keeps nobody out.
            let served = thread::Builder::new().name("faults".to_owned()).spawn(move || serve(&orders));
            if let Err(error) = served {
                log::error!("orders of faults are not heard: {error}");
            }
        }
    })?;
    Ok(())
}

/// Until the peer goes.
fn serve(orders: &UnixStream) {
    let mut answers = orders;
    for order in BufReader::new(orders).lines().map_while(Result::ok) {
        let answer = match obey(&order) {
            Ok(()) => "ok\n".to_owned(),
            Err(error) => format!("error: {error}\n"),
        };
        if answers.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn obey(order: &str) -> Result<(), String> {
    let unknown = |error: Unknown| error.to_string();
    match order.split_ascii_whitespace().collect::<Vec<_>>()[..] {
        ["panic", part] => part.parse().map(armed::panic_at).map_err(unknown),
        ["stall", part, millis] => {
            let part = part.parse().map_err(unknown)?;
            let millis: u32 = millis.parse().map_err(|_| format!("{millis:?} is no number of milliseconds"))?;
            armed::stall_at(part, millis);
            Ok(())
        }
        ["plant", name] => name.parse().map(armed::plant).map_err(unknown),
        ["heal", name] => name.parse().map(armed::heal).map_err(unknown),
        _ => Err("an order is `panic PART`, `stall PART MS`, `plant SABOTAGE` or `heal SABOTAGE`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Sabotage;

    fn variable(name: &str, value: &str) -> (OsString, OsString) {
        (name.into(), value.into())
    }

    #[test]
    fn orders_are_taken_over_the_socket_and_each_is_answered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("faults");
        // Left behind.
        drop(UnixListener::bind(&path).unwrap());
        let rest = listen([variable("A", "b"), variable(SOCKET, path.to_str().unwrap()), variable(PLANTED, "")]);
        assert_eq!(rest.unwrap().collect::<Vec<_>>(), [variable("A", "b"), variable(PLANTED, "")]);
        let idle = UnixStream::connect(&path).unwrap();
        let mut line = UnixStream::connect(&path).unwrap();
        let mut answers = BufReader::new(line.try_clone().unwrap()).lines();
        let mut ask = |order: &str| {
            writeln!(line, "{order}").unwrap();
            answers.next().unwrap().unwrap()
        };
        assert_eq!(ask("plant tombstone_lost"), "ok");
        assert!(armed::planted(Sabotage::TombstoneLost));
        assert_eq!(ask("heal tombstone_lost"), "ok");
        assert!(!armed::planted(Sabotage::TombstoneLost));
        assert_eq!(ask("panic session"), "ok");
        assert!(std::panic::catch_unwind(|| armed::point(crate::fault::Part::Session)).is_err());
        assert_eq!(ask("stall relay 1"), "ok");
        assert_eq!(ask("stall relay soon"), "error: \"soon\" is no number of milliseconds");
        armed::point(crate::fault::Part::Relay);
        assert_eq!(ask("panic kitchen"), "error: there is no part called \"kitchen\"");
        assert_eq!(
            ask("plant a tree"),
            "error: an order is `panic PART`, `stall PART MS`, `plant SABOTAGE` or `heal SABOTAGE`"
        );
        drop(idle);
    }

    #[test]
    fn what_is_planted_from_the_start_is_named_rightly_or_nothing_starts() {
        listen([variable(PLANTED, "no_head_poll, epoch_ignored")]).map(drop).unwrap();
        for sabotage in [Sabotage::NoHeadPoll, Sabotage::EpochIgnored] {
            assert!(armed::planted(sabotage));
            armed::heal(sabotage);
        }
        let wrong = listen([variable(PLANTED, "no_heed_poll")]).map(drop).unwrap_err().to_string();
        assert_eq!(wrong, "TENFOUR_SABOTAGE: there is no sabotage called \"no_heed_poll\"");
    }

    #[test]
    fn what_is_no_socket_is_not_removed() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("precious"), folder.path().join("link"));
        fs::write(&file, "mine").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        for path in [&file, &link] {
            let wrong = listen([variable(SOCKET, path.to_str().unwrap())]).map(drop).unwrap_err();
            assert_eq!(wrong.kind(), ErrorKind::AddrInUse, "{wrong}");
            assert_eq!(fs::read_to_string(path).unwrap(), "mine");
        }
    }

    #[test]
    fn a_socket_that_cannot_be_made_is_told() {
        let wrong = listen([variable(SOCKET, "/nowhere/at/all")]).map(drop).unwrap_err().to_string();
        assert!(wrong.starts_with("TENFOUR_FAULTS: /nowhere/at/all: "), "{wrong}");
    }
}
