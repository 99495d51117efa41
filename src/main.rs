//! `tenfour`: hands the arguments to the command line.

use std::process::ExitCode;

/// Bursts of small frames from several threads are what the system's allocator is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    tenfour::cli::run(std::env::args_os())
}
