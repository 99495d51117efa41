//! `tenfour`: hands the arguments to the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    tenfour::cli::run(std::env::args_os())
}
