//! Where ids have their places in a scene, and what hangs on messages its numbers.
//!
//! Used by the crowd, to write down in short what it sees.

use std::collections::HashMap;

use tenfour::domain::ids::{ChannelId, UserId};

use crate::extras::Extras;
use crate::history::{ChannelNo, UserNo};

#[derive(Debug, Default)]
pub(crate) struct Places {
    pub users: HashMap<UserId, UserNo>,
    pub channels: HashMap<ChannelId, ChannelNo>,
    pub extras: Extras,
}
