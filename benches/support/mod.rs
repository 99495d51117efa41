//! What the benchmarks share: servers as processes of their own, what such a process used, and tables.

#![allow(dead_code, reason = "not every benchmark uses all of it")]

pub(crate) mod arguments;
pub(crate) mod daemon;
pub(crate) mod postgres;
pub(crate) mod process;
pub(crate) mod table;
pub(crate) mod websocket;

/// The program's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
