//! A way round the order of things: what is not done yet is told to those who are to hear of it afterwards.

use std::any::Any;

use parking_lot::RwLock;

type Ear = Box<dyn Fn(&dyn Any) + Send + Sync>;

static EARS: RwLock<Vec<Ear>> = RwLock::new(Vec::new());

/// Is told from now on. Must not block.
pub fn hear(ear: impl Fn(&dyn Any) + Send + Sync + 'static) {
    EARS.write().push(Box::new(ear));
}

/// Tells it to all who hear.
pub fn say(what: &dyn Any) {
    EARS.read().iter().for_each(|ear| ear(what));
}
