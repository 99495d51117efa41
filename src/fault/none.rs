//! Without the feature: nothing can be armed, and nothing is left of the places that ask.

use std::any::Any;

use super::{Part, Sabotage};

/// Would panic where the part was told to.
#[inline]
pub const fn point(_: Part) {}

/// Whether the bug is planted: never.
#[inline]
pub const fn planted(_: Sabotage) -> bool {
    false
}

/// Nobody is told anything.
#[inline]
pub fn hear(_: impl Fn(&dyn Any) + Send + Sync + 'static) {}

/// Tells nobody.
#[inline]
pub const fn say(_: &dyn Any) {}

/// Gives the environment back as it came, so that who asks for faults here is told that there are none.
pub fn listen<T>(environment: T) -> std::io::Result<T> {
    Ok(environment)
}
