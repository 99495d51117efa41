//! Each anomaly in a small history that has it, and the same history without it; then random ones.

mod flaws;
mod in_time;
mod messages;
mod property;
mod record;
mod rest;
mod sim;
mod sim_kept;
mod sim_reads;
mod sim_record;
mod sim_server;
mod sim_surfaces;
mod story;
mod streams;
mod surfaces;
