//! The store's promises, each kept on SQLite in memory, on a SQLite file and on PostgreSQL.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "that is how a test fails")]

mod append;
mod attachments;
mod audit;
mod commits;
mod evidence;
mod instructions;
mod keys;
mod kit;
mod members;
mod migrations;
mod nodes;
mod opening;
mod outage;
mod plans;
#[path = "../support/postgres.rs"]
mod postgres;
mod prepared;
#[path = "../support/proxy.rs"]
mod proxy;
#[path = "../support/queries.rs"]
mod queries;
mod reactions;
mod reading;
mod received;
mod retention;
mod revisions;
mod search;
mod sync;
mod webhooks;
mod webhooks_shared;
