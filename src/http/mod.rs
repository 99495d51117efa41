//! HTTP: the upgrade, the REST calls, health, and on an address of its own the admin surface.
//!
//! Assembled by the composition root. It turns requests into orders and answers into bodies; it decides nothing about
//! channels.

mod access_log;
pub mod admin;
mod api;
pub mod app;
pub mod demo;
mod disposition;
pub mod door;
pub mod files;
pub mod health;
pub mod origin;
mod pages;
pub mod problem;
pub mod query;
mod range;
pub mod takeover;
pub mod trace;
pub mod ws;

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, Resource};

use crate::protocol::error::{ErrorCode, Refusal};
use problem::Problem;

/// Routes of the public address.
pub fn public(config: &mut ServiceConfig) {
    config
        .service(only("GET", web::resource("/ws").route(web::get().to(ws::upgrade))))
        .service(only(
            "GET, HEAD",
            web::resource("/healthz").route(web::get().to(health::healthz)).route(web::head().to(health::healthz)),
        ))
        .service(only(
            "GET, HEAD",
            web::resource("/livez").route(web::get().to(health::livez)).route(web::head().to(health::healthz)),
        ))
        .service(only(
            "GET, HEAD",
            web::resource("/readyz").route(web::get().to(health::readyz)).route(web::head().to(health::readyz)),
        ))
        .service(only(
            "GET, HEAD",
            web::resource("/sdk/{file}").route(web::get().to(pages::sdk)).route(web::head().to(pages::sdk)),
        ))
        .configure(api::routes)
        .configure(demo::routes)
        .default_service(web::to(nothing_here));
}

/// Answers 405 to all methods that a resource has no route for; `allow` names those it has.
fn only(allow: &'static str, resource: Resource) -> Resource {
    resource.default_service(web::to(move || async move { Err::<HttpResponse, _>(Problem::wrong_method(allow)) }))
}

async fn nothing_here() -> Result<String, Problem> {
    Err(nowhere())
}

fn nowhere() -> Problem {
    Refusal::new(ErrorCode::NotFound, "there is no such address; the calls are listed in /openapi.json").into()
}

/// Routes of the admin address.
pub fn admin(config: &mut ServiceConfig) {
    admin::configure(config);
}
