//! Tells of an actor's end, also after a panic, which actix's own supervisor does not notice.

/// Kept in an actor: when the actor is dropped, however that came, the call is made.
pub struct Obituary(Option<Box<dyn FnOnce() + Send>>);

impl Obituary {
    pub fn new(call: impl FnOnce() + Send + 'static) -> Self {
        Self(Some(Box::new(call)))
    }

    /// The end is as planned: nobody has to be told.
    pub fn cancel(&mut self) {
        self.0 = None;
    }
}

impl Drop for Obituary {
    fn drop(&mut self) {
        if let Some(call) = self.0.take() {
            call();
        }
    }
}

impl std::fmt::Debug for Obituary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Obituary")
    }
}

/// For the parts that hold the truth and are there once: whoever waits on the receiver ends the process.
#[derive(Debug, Clone)]
pub struct Vital(tokio::sync::mpsc::UnboundedSender<&'static str>);

impl Vital {
    /// The watch and the end where the name of a part that died comes out.
    pub fn watch() -> (Self, tokio::sync::mpsc::UnboundedReceiver<&'static str>) {
        let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    pub fn obituary(&self, part: &'static str) -> Obituary {
        let sender = self.0.clone();
        Obituary::new(move || {
            // Nobody listens any more while the daemon stops.
            let _ = sender.send(part);
        })
    }
}
