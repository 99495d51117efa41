//! Where the application's server is told of what happens: for that server alone.

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use uuid::Uuid;

use super::asker::Asker;
use super::openapi::{Reading, Writing};
use super::{Answer, input};
use crate::domain::ids::WebhookId;
use crate::domain::now;
use crate::domain::webhook::{Origin, Webhook};
use crate::http::app::unreadable;
use crate::http::query::Query;
use crate::protocol::error::{ErrorCode, Refusal};
use crate::protocol::webhook::{
    Deliveries, NewWebhook, Replayed, Tested, WebhookBody, WebhookWithSecret, Webhooks, parse_change_body,
    parse_replay_body, parse_secret_body,
};
use crate::protocol::webhook_schema;
use crate::store;
use crate::webhooks::{Hooks, fresh_secret};

/// Who asks, once it is the host's server; and the webhook of the address.
async fn entered(asker: &Asker, request: &HttpRequest) -> Result<Webhook, Refusal> {
    let id = asked(asker, request)?;
    let found = store(asker).find(id).await.map_err(|error| unreadable(&error))?;
    found.ok_or_else(Refusal::no_webhook)
}

fn asked(asker: &Asker, request: &HttpRequest) -> Result<WebhookId, Refusal> {
    asker.host_alone()?;
    input::webhook_id(request)
}

fn hooks(asker: &Asker) -> &Hooks {
    &asker.app.hooks
}

fn store(asker: &Asker) -> &store::Webhooks {
    hooks(asker).store()
}

fn check(asker: &Asker, url: &str) -> Result<(), Refusal> {
    hooks(asker).check(url).map_err(|refused| Refusal::invalid(refused.to_string()))
}

/// What is in the settings is what the next start makes of them again.
fn not_of_the_settings(webhook: &Webhook) -> Result<(), Refusal> {
    match webhook.origin {
        Origin::Api => Ok(()),
        Origin::Settings => {
            Err(Refusal::new(ErrorCode::Conflict, "this webhook is in the daemon's settings: change it there"))
        }
    }
}

/// Lists webhooks.
///
/// For bearers with scope `admin` who act as nobody, like all calls about webhooks.
#[utoipa::path(get, path = "/api/v1/webhooks", operation_id = "listWebhooks", tag = "webhooks",
    responses((status = 200, body = Webhooks), Reading))]
pub(super) async fn list(asker: Asker) -> Answer {
    asker.host_alone()?;
    let found = store(&asker).list().await.map_err(|error| unreadable(&error))?;
    let at = now();
    let webhooks = found.into_iter().map(|webhook| WebhookBody::new(webhook, at)).collect();
    Ok(HttpResponse::Ok().json(Webhooks { webhooks }))
}

/// Makes a webhook.
///
/// It is told of what happens from now on. The answer has its secret, which is told this once.
#[utoipa::path(post, path = "/api/v1/webhooks", operation_id = "createWebhook", tag = "webhooks",
    request_body = webhook_schema::CreateWebhook,
    responses((status = 201, body = WebhookWithSecret), Writing))]
pub(super) async fn create(asker: Asker, request: HttpRequest, payload: Payload) -> Answer {
    asker.host_alone()?;
    let NewWebhook { url, events } = NewWebhook::parse(&input::body(&asker, &request, payload).await?)?;
    check(&asker, &url)?;
    let at = now();
    let new = Webhook {
        id: WebhookId(Uuid::now_v7()),
        url,
        events,
        secret: fresh_secret().ok_or_else(no_chance)?,
        previous: None,
        disabled: None,
        origin: Origin::Api,
        created_at: at,
        paused_until: None,
        failing_since: None,
    };
    let made = store(&asker).create(new).await.map_err(|error| unreadable(&error))?.map_err(Refusal::from)?;
    log::info!("webhook {} is made", made.id);
    Ok(HttpResponse::Created().json(WebhookWithSecret::new(made, at)))
}

fn no_chance() -> Refusal {
    Refusal::unavailable("the system gives no random bytes; try again")
}

/// Shows a webhook.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}", operation_id = "showWebhook", tag = "webhooks",
    params(("id" = String, Path, format = Uuid)),
    responses((status = 200, body = WebhookBody), Reading))]
pub(super) async fn show(asker: Asker, request: HttpRequest) -> Answer {
    let webhook = entered(&asker, &request).await?;
    Ok(HttpResponse::Ok().json(WebhookBody::new(webhook, now())))
}

/// Changes a webhook.
///
/// Its address, its events, and whether it is told at all. What it was not told of before begins now.
#[utoipa::path(patch, path = "/api/v1/webhooks/{id}", operation_id = "changeWebhook", tag = "webhooks",
    params(("id" = String, Path, format = Uuid)),
    request_body = webhook_schema::ChangeWebhook,
    responses((status = 200, body = WebhookBody), Writing))]
pub(super) async fn change(asker: Asker, request: HttpRequest, payload: Payload) -> Answer {
    let webhook = entered(&asker, &request).await?;
    let change = parse_change_body(&input::body(&asker, &request, payload).await?)?;
    if change.url.is_some() || change.events.is_some() {
        not_of_the_settings(&webhook)?;
    }
    if let Some(url) = &change.url {
        check(&asker, url)?;
    }
    let changed = store(&asker).change(webhook.id, change).await.map_err(|error| unreadable(&error))?;
    Ok(HttpResponse::Ok().json(WebhookBody::new(changed.map_err(Refusal::from)?, now())))
}

/// Removes a webhook.
#[utoipa::path(delete, path = "/api/v1/webhooks/{id}", operation_id = "removeWebhook", tag = "webhooks",
    params(("id" = String, Path, format = Uuid)),
    responses((status = 204, description = "removed"), Writing))]
pub(super) async fn remove(asker: Asker, request: HttpRequest) -> Answer {
    let webhook = entered(&asker, &request).await?;
    not_of_the_settings(&webhook)?;
    store(&asker).remove(webhook.id).await.map_err(|error| unreadable(&error))?.map_err(Refusal::from)?;
    log::info!("webhook {} is removed", webhook.id);
    Ok(HttpResponse::NoContent().finish())
}

/// Gives a webhook a new secret.
///
/// The one before signs too for a while, so that the receiver may take either meanwhile.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/secret", operation_id = "rotateWebhookSecret", tag = "webhooks",
    params(("id" = String, Path, format = Uuid)),
    request_body = webhook_schema::RotateSecret,
    responses((status = 200, body = WebhookWithSecret), Writing))]
pub(super) async fn rotate(asker: Asker, request: HttpRequest, payload: Payload) -> Answer {
    let webhook = entered(&asker, &request).await?;
    not_of_the_settings(&webhook)?;
    let overlap = parse_secret_body(&input::body(&asker, &request, payload).await?)?;
    let (at, secret) = (now(), fresh_secret().ok_or_else(no_chance)?);
    let rotated = store(&asker).rotate(webhook.id, secret, at + overlap).await.map_err(|error| unreadable(&error))?;
    Ok(HttpResponse::Ok().json(WebhookWithSecret::new(rotated.map_err(Refusal::from)?, at)))
}

/// Posts a test event.
///
/// Once, also to a webhook that is disabled. The answer says how that went.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/test", operation_id = "testWebhook", tag = "webhooks",
    params(("id" = String, Path, format = Uuid)),
    responses((status = 200, body = Tested), Writing))]
pub(super) async fn test(asker: Asker, request: HttpRequest) -> Answer {
    let id = asked(&asker, &request)?;
    let tested = hooks(&asker).test(id).await.map_err(|error| unreadable(&error))?;
    Ok(HttpResponse::Ok().json(tested.ok_or_else(Refusal::no_webhook)?))
}

/// Has a webhook told again.
///
/// All of a channel from a version on, all that happened since a time, or what was given up. What is told again has the same
/// `webhook-id`.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/replay", operation_id = "replayWebhook", tag = "webhooks",
    params(("id" = String, Path, format = Uuid)),
    request_body = webhook_schema::Replay,
    responses((status = 200, body = Replayed), Writing))]
pub(super) async fn replay(asker: Asker, request: HttpRequest, payload: Payload) -> Answer {
    let id = asked(&asker, &request)?;
    let what = parse_replay_body(&input::body(&asker, &request, payload).await?)?;
    let done = store(&asker).rewind(id, what).await.map_err(|error| unreadable(&error))?;
    let replayed = done.map_err(Refusal::from)?;
    log::info!("webhook {id} is told again of {replayed} channels, users or events");
    Ok(HttpResponse::Ok().json(Replayed { replayed }))
}

/// Shows what of a webhook fails.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}/deliveries", operation_id = "listDeliveries", tag = "webhooks",
    params(
        ("id" = String, Path, format = Uuid),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "of each list; 50 where it is missing"),
    ),
    responses((status = 200, body = Deliveries), Reading))]
pub(super) async fn deliveries(asker: Asker, request: HttpRequest) -> Answer {
    let webhook = entered(&asker, &request).await?;
    let limit = i64::try_from(Query::of(&request)?.limit()?).unwrap_or(i64::MAX);
    let (failing, failed) = store(&asker).troubles(webhook.id, limit).await.map_err(|error| unreadable(&error))?;
    Ok(HttpResponse::Ok().json(Deliveries::new(failing, failed)))
}
