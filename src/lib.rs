//! tenfour, a chat daemon that runs beside an existing application.

pub mod cli;
pub mod config;
pub mod daemon;
pub mod depot;

pub mod http;

pub mod actors;

pub mod audit;
pub mod auth;
pub mod bus;
pub mod ephemeral;
pub mod limits;
pub mod metrics;
pub mod protocol;
pub mod socket;
pub mod store;
pub mod webhooks;

pub mod cluster;

pub mod live;
pub mod logging;
pub mod systemd;
pub mod tls;
pub mod traces;

pub mod domain;

pub mod fault;

pub mod client;

pub mod bench;
pub mod doctor;
pub mod svg;
