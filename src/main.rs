//! The `tenfour` command.

fn main() {}
