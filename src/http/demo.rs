//! The demo page of `tenfour dev`: two users side by side, signed in.
//!
//! It is there only where the command line has said who they are, which `dev` alone does. It hands out tokens to whoever
//! is on this machine; never to a page from elsewhere.

use std::net::SocketAddr;

use actix_web::guard::{GuardContext, fn_guard};
use actix_web::http::header;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use super::app::{App, is_from_here};
use super::problem::Problem;
use super::{nowhere, only, pages};
use crate::auth::mint;
use crate::config::AuthSettings;
use crate::protocol::error::Refusal;

/// Short enough to see a token renewed in a visit.
const TOKEN_TTL: std::time::Duration = std::time::Duration::from_secs(600);

/// Who the demo's users are, and the key that their tokens are signed with.
#[derive(Debug)]
pub struct Demo {
    pub auth: AuthSettings,
    /// The host's id and the name that others see.
    pub users: Vec<(String, String)>,
    /// The channel that is shown first.
    pub channel: String,
    /// Where the console is.
    pub admin: Option<SocketAddr>,
}

#[derive(Serialize)]
struct Seat<'a> {
    sub: &'a str,
    name: &'a str,
    token: String,
}

#[derive(Serialize)]
struct Seats<'a> {
    channel: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    admin: Option<String>,
    users: Vec<Seat<'a>>,
}

/// Where there is no demo there is nothing of it, whatever the method.
pub(super) fn routes(config: &mut ServiceConfig) {
    let resource = |path| web::resource(path).guard(fn_guard(is_there));
    for path in ["/", "/demo/{file:.+[.].+}"] {
        let own = resource(path).route(web::get().to(page)).route(web::head().to(page));
        config.service(only("GET, HEAD", own));
    }
    config.service(only("GET", resource("/demo/users").route(web::get().to(users))));
}

fn is_there(asked: &GuardContext<'_>) -> bool {
    asked.app_data::<Data<App>>().is_some_and(|app| app.demo.get().is_some())
}

async fn page(request: HttpRequest) -> Result<HttpResponse, Problem> {
    pages::own(&request, "demo")
}

/// Who is there, each with a fresh token.
async fn users(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let demo = app.demo.get().ok_or_else(nowhere)?;
    if !is_from_here(&request) {
        return Err(Refusal::forbidden(
            "the demo is for this machine alone: open it by http://127.0.0.1 or http://localhost",
        )
        .into());
    }
    let mut users = Vec::new();
    for (sub, name) in &demo.users {
        let token = mint(&demo.auth, sub, name, None, TOKEN_TTL);
        users.push(Seat { sub, name, token: token.map_err(|error| Refusal::unavailable(error.to_string()))? });
    }
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(Seats {
        channel: &demo.channel,
        admin: demo.admin.map(|admin| format!("http://{admin}/admin/")),
        users,
    }))
}
