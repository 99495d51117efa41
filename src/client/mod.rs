//! x
pub mod backoff;
pub mod cursor;
#[cfg(test)]
mod cursor_tests;
pub mod event;
pub mod frames;
mod held;
mod seen;
