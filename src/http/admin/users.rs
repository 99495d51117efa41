//! What an admin does to a user: no token of theirs that was made until now is taken any more.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use serde::Serialize;

use crate::actors::db::Order;
use crate::auth::Identity;
use crate::domain::ids::{JournalId, UserId};
use crate::domain::journal::Kind;
use crate::domain::now;
use crate::http::app::App;
use crate::http::problem::Problem;
use crate::protocol::rest::parse_user;
use crate::protocol::time;
use crate::store::note;

/// What the answer and the record of the audit trail say.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Revocation {
    user: UserId,
    /// Tokens that were made before this moment are refused.
    #[serde(serialize_with = "time::serialize")]
    issued_before: DateTime<Utc>,
}

/// `POST /admin/users/{id}/revoke`, for a user that the daemon may not know yet. Tokens say in whole seconds when they were
/// made: those of this second go too, and the answer comes when it is over, so that one that is made after it is taken.
pub(super) async fn revoke(
    id: web::Path<String>,
    app: web::Data<App>,
    admin: web::ReqData<Identity>,
) -> Result<HttpResponse, Problem> {
    let user = parse_user("the user's id", &id)?.id;
    let at = now();
    let revocation = Revocation { user, issued_before: at.trunc_subsecs(0) + TimeDelta::seconds(1) };
    let issued_before = revocation.issued_before;
    let note = note(JournalId::DAEMON, Kind::TokensRevoked, Some(admin.user.id), at, &revocation);
    app.parts.db.order(Order::RevokeTokens { user, issued_before, note }).await?;
    // The actors are on their way to do so.
    app.parts.verifier.revoked().note(user, issued_before);
    log::info!("the tokens of user {user} that were made before {issued_before} are revoked by {}", admin.user.id);
    // No longer than a second, whatever the clock does meanwhile.
    let left = (issued_before - now()).to_std().unwrap_or_default().min(Duration::from_secs(1));
    tokio::time::sleep(left).await;
    Ok(HttpResponse::Ok().json(revocation))
}
