//! What an operator types: a command against a database, and what came of it.

use std::process::{Output, Stdio};

use crate::process::command;

/// Runs it to its end, with nothing in the environment but the database.
pub(crate) fn tenfour(database: &str, arguments: &[&str]) -> Output {
    let mut command = command(database, &[]);
    command.env_remove("TENFOUR_JWT_SECRET").stdout(Stdio::piped()).stderr(Stdio::piped());
    command.args(arguments).output().unwrap()
}

/// What it printed; it has to have succeeded.
pub(crate) fn done(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The reason, in the words of the standard error; it has to have failed.
pub(crate) fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}
