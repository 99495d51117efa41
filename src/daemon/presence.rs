//! Starts the presence actor, and has what it learns of who comes and goes taken down.

use actix::{Actor, Addr, ArbiterHandle};
use tokio::runtime::Handle;

use crate::actors::directory::Directory;
use crate::actors::obituary::Vital;
use crate::actors::presence::{Presence, Recorder, SharedParts};
use crate::config::Timing;
use crate::ephemeral::Online;

/// What it is made of.
pub(super) struct Parts {
    pub(super) online: Online,
    pub(super) directory: Directory,
    /// With other nodes.
    pub(super) shared: Option<SharedParts>,
    pub(super) recorder: Recorder,
}

pub(super) fn start(
    parts: Parts,
    timing: Timing,
    vital: &Vital,
    arbiter: &ArbiterHandle,
    runtime: &Handle,
) -> Addr<Presence> {
    let Parts { online, directory, shared, recorder } = parts;
    let (timeout, obituary, noted) = (timing.heartbeat_timeout, vital.obituary("the presence actor"), recorder.clone());
    let presence = Presence::start_in_arbiter(arbiter, move |_| {
        Presence::new(timeout, online, directory, shared, noted, obituary)
    });
    recorder.keep(&presence, timeout, runtime);
    presence
}
