//! The shortest question to an actor: whether it comes to its messages at all.

use actix::{Context, Handler, Message};

use super::db::Db;
use super::presence::Presence;
use super::registry::Registry;

/// Answered by who is not stuck, whatever waits for the database.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Ping;

impl Handler<Ping> for Db {
    type Result = ();

    fn handle(&mut self, _: Ping, _: &mut Context<Self>) {}
}

impl Handler<Ping> for Presence {
    type Result = ();

    fn handle(&mut self, _: Ping, _: &mut Context<Self>) {}
}

impl Handler<Ping> for Registry {
    type Result = ();

    fn handle(&mut self, _: Ping, _: &mut Context<Self>) {}
}
