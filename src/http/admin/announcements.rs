//! What an admin has to say to all who are connected, on whatever node; and until it expires to who connects later.

use actix_web::web::{self, Bytes};
use actix_web::{HttpResponse, http::StatusCode};
use serde_json::json;

use crate::actors::db::Order;
use crate::auth::Identity;
use crate::domain::now;
use crate::http::app::{App, unreadable};
use crate::http::problem::Problem;
use crate::protocol::announcement::{AnnouncementBody, parse_announcement};

/// `POST /admin/announcements`. One that expires takes the place of the one before it.
pub(super) async fn make(
    body: Bytes,
    app: web::Data<App>,
    admin: web::ReqData<Identity>,
) -> Result<HttpResponse, Problem> {
    let announcement = parse_announcement(&body, now())?;
    let made = AnnouncementBody::from(&announcement);
    log::info!("announcement {} is made by the admin {}", made.id, admin.user.id);
    app.parts.db.order(Order::Announce { announcement }).await?;
    Ok(HttpResponse::build(StatusCode::CREATED).json(made))
}

/// `GET /admin/announcements`: the one that holds, or null.
pub(super) async fn show(app: web::Data<App>) -> Result<HttpResponse, Problem> {
    let current = app.parts.reader.announcement().await.map_err(|error| unreadable(&error))?;
    let current = current.filter(|announcement| announcement.holds(now()));
    Ok(HttpResponse::Ok().json(json!({"announcement": current.as_ref().map(AnnouncementBody::from)})))
}

/// `DELETE /admin/announcements`: who connects from now on is told nothing. Who was told was told.
pub(super) async fn withdraw(app: web::Data<App>, admin: web::ReqData<Identity>) -> Result<HttpResponse, Problem> {
    app.parts.db.order(Order::WithdrawAnnouncement).await?;
    log::info!("what was announced is withdrawn by the admin {}", admin.user.id);
    Ok(HttpResponse::NoContent().finish())
}
