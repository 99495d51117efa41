//! tenfour, a chat daemon that runs beside an existing application.

pub mod config;
pub mod domain;
pub mod http;
pub mod limits;
pub mod protocol;
pub mod socket;
