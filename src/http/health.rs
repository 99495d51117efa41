//! Whether the daemon lives and whether it can work.

use std::time::Duration;

use actix_web::{HttpResponse, web};

use super::app::App;

/// The longest that the database may take to answer.
const PING_WITHIN: Duration = Duration::from_secs(2);

/// It answers, so it lives. Looks at nothing else: a database that is away is no reason to restart the daemon.
pub async fn healthz() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("ok\n")
}

/// It can take work: the database answers, and the daemon is not stopping.
pub async fn readyz(app: web::Data<App>) -> HttpResponse {
    let database = matches!(tokio::time::timeout(PING_WITHIN, app.parts.reader.ping()).await, Ok(Ok(())));
    let lines = format!(
        "{} database\n{} accepting\n",
        if database { "ok" } else { "failed" },
        if app.is_draining() { "failed" } else { "ok" }
    );
    let mut response =
        if database && !app.is_draining() { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    response.content_type("text/plain").body(lines)
}
