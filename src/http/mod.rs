//! HTTP: the upgrade, the REST calls, health, and on an address of its own the admin surface.
//!
//! Assembled by the composition root. It turns requests into orders and answers into bodies; it decides nothing about
//! channels.

pub mod admin;
pub mod app;
pub mod health;
pub mod origin;
pub mod problem;
pub mod ws;

use actix_web::web::{self, ServiceConfig};

use crate::protocol::error::{ErrorCode, Refusal};
use problem::Problem;

/// Routes of the public address.
pub fn public(config: &mut ServiceConfig) {
    config
        .route("/ws", web::get().to(ws::upgrade))
        .route("/healthz", web::get().to(health::healthz))
        .route("/readyz", web::get().to(health::readyz))
        .default_service(web::to(nothing_here));
}

async fn nothing_here() -> Result<String, Problem> {
    Err(Refusal::new(ErrorCode::NotFound, "there is no such address; the calls are listed in /openapi.json").into())
}

/// Routes of the admin address.
pub fn admin(config: &mut ServiceConfig) {
    admin::configure(config);
}
