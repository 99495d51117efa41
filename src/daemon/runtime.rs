//! The threads for what no actor waits for.

use tokio::runtime::{Handle, Runtime};

/// The threads of the store and of what goes between nodes, apart from the actors': neither waits for the other.
pub(super) struct Background {
    pub(super) handle: Handle,
    runtime: Option<Runtime>,
}

impl Background {
    pub(super) fn new() -> std::io::Result<Self> {
        let builder = &mut tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(2).thread_name("background").enable_all().build()?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }
}

/// A runtime may not be waited for within another one.
impl Drop for Background {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
