//! What panics in this process, by thread, so that a daemon's panic fails the test which runs it.

#![allow(unreachable_pub, reason = "targets include it as a module of their own")]

use std::sync::{Mutex, Once, PoisonError};

/// What panicked, and the name of its thread.
static PANICS: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

pub fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let thread = std::thread::current().name().unwrap_or_default().to_owned();
            PANICS.lock().unwrap_or_else(PoisonError::into_inner).push((thread, panic.to_string()));
            before(panic);
        }));
    });
}

/// Panics of a system's threads and of those that cannot be told apart.
pub fn of(system: &str) -> Vec<String> {
    let panics = PANICS.lock().unwrap_or_else(PoisonError::into_inner);
    let is_ours = |thread: &str| thread.starts_with(system) || thread == "store";
    panics.iter().filter(|(thread, _)| is_ours(thread)).map(|(thread, panic)| format!("{thread}: {panic}")).collect()
}
