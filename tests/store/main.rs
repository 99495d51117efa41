//! The store's promises, each kept on SQLite in memory, on a SQLite file and on PostgreSQL.

mod append;
mod kit;
mod members;
mod migrations;
mod opening;
mod outage;
mod plans;
#[path = "../support/postgres.rs"]
mod postgres;
mod reading;
mod sync;
