//! tenfour, a chat daemon that runs beside an existing application.

pub mod auth;
pub mod cli;
pub mod config;
pub mod domain;
pub mod http;
pub mod limits;
pub mod protocol;
pub mod socket;
pub mod store;
