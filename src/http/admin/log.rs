//! What the node that is asked logs: shown, and changed until the settings are read again.

use actix_web::HttpResponse;
use actix_web::web::{self, Bytes};
use serde::Serialize;

use crate::auth::Identity;
use crate::config::log_filter;
use crate::http::problem::Problem;
use crate::logging;
use crate::protocol::error::Refusal;
use crate::protocol::rest::parse_log_body;

/// The longest filter, in bytes.
const MAX_FILTER: usize = 1_000;

#[derive(Serialize)]
struct Shown {
    /// Null: whoever started the daemon has another log.
    filter: Option<String>,
}

/// `GET /admin/log`.
pub(super) async fn show() -> HttpResponse {
    HttpResponse::Ok().json(Shown { filter: logging::filter() })
}

/// `PUT /admin/log` `{"filter":"info,tenfour::store=debug"}`. SIGHUP and a restart bring back what is set.
pub(super) async fn set(body: Bytes, admin: web::ReqData<Identity>) -> Result<HttpResponse, Problem> {
    let filter = parse_log_body(&body)?;
    if filter.len() > MAX_FILTER {
        let text = format!("filter is {} bytes long; the limit is {MAX_FILTER}", filter.len());
        return Err(Refusal::invalid(text).into());
    }
    log_filter(&filter).map_err(|problem| Refusal::invalid(format!("filter {problem}")))?;
    // Before it may be too much to be said.
    log::warn!("from now on the log is {filter}, as the admin {} has it", admin.user.id);
    if !logging::set_filter(&filter) {
        return Err(Refusal::unavailable("this daemon's log is not its own to change").into());
    }
    Ok(HttpResponse::Ok().json(Shown { filter: logging::filter() }))
}
