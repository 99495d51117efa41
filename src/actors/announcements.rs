//! The announcement that who connects is told, as this node knows it. Written by the registry, read by sessions that have just
//! joined.

use parking_lot::RwLock;

use crate::domain::announcement::Announcement;
use crate::domain::now;

/// See the module's text.
#[derive(Debug, Default)]
pub struct Announcements(RwLock<Option<Announcement>>);

impl Announcements {
    pub fn set(&self, announcement: Option<Announcement>) {
        *self.0.write() = announcement;
    }

    /// What holds now.
    pub fn current(&self) -> Option<Announcement> {
        self.0.read().clone().filter(|announcement| announcement.holds(now()))
    }
}
