//! tenfour, a chat daemon that runs beside an existing application.

pub mod cli {
    pub mod chat;
}
pub mod client;
pub mod domain;
pub mod protocol;
pub mod socket;
