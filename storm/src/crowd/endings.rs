//! What the host application's server asks each node for when all is at rest, past every line.
//!
//! Reads alone. Where a node does not answer, the run was not carried through.

use std::net::SocketAddr;

use super::World;
use super::rest::{Messages, Rest};
use crate::Trouble;
use crate::endings::{Endings, OpenList};
use crate::history::UserNo;

/// Users whose own lists are read.
const USERS: u16 = 6;
const PAGE: usize = 200;

pub(crate) async fn read(world: &World, rest: &Rest) -> Result<Endings, Trouble> {
    let mut endings = Endings::default();
    for (node, address) in (0..).zip(world.direct.iter().copied()) {
        for overdue in [false, true] {
            for user in std::iter::once(None).chain((0..USERS).map(Some)) {
                endings.lists.push(open(world, rest, (node, address), user, overdue).await?);
            }
        }
    }
    Ok(endings)
}

async fn open(
    world: &World,
    rest: &Rest,
    (node, address): (u8, SocketAddr),
    user: Option<UserNo>,
    overdue: bool,
) -> Result<OpenList, Trouble> {
    let state = if overdue { "overdue" } else { "open" };
    let id = user.and_then(|user| world.user_ids.get(usize::from(user)));
    let whose = id.map_or_else(String::new, |id| format!("&userId={id}"));
    let mut messages = Vec::new();
    loop {
        let before = messages.last().map_or_else(String::new, |last| format!("&before={last}"));
        let path = format!("/instructions?state={state}&limit={PAGE}{whose}{before}");
        let page: Messages = rest.get(address, &path).await?;
        let more = page.has_more && !page.messages.is_empty();
        messages.extend(page.messages.iter().map(|message| message.id.0));
        if !more {
            return Ok(OpenList { node, user, overdue, messages });
        }
    }
}
