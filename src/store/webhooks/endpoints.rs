//! The table of webhooks.

use std::sync::Once;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::domain::change::Denied;
use crate::domain::ids::WebhookId;
use crate::domain::webhook::{Events, MAX_WEBHOOKS, Origin, SigningSecret, UNFINISHED, Webhook, WebhookChange};
use crate::store::backend::{Conn, with_conn};
use crate::store::error::{Failure, StoreError};
use crate::store::schema::webhooks;
use crate::store::sql_types::At;

pub(super) const ACTIVE: &str = "active";
const DISABLED: &str = "disabled";
/// Why one is disabled that somebody has switched off.
const BY_HAND: &str = "switched off";

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = webhooks)]
struct Row {
    id: WebhookId,
    url: String,
    events: Option<String>,
    secret: String,
    previous_secret: Option<String>,
    previous_until: Option<At>,
    state: String,
    reason: Option<String>,
    origin: String,
    created_at: At,
    paused_until: Option<At>,
    failing_since: Option<At>,
}

impl Row {
    fn webhook(self) -> Result<Webhook, StoreError> {
        let damaged = |_| StoreError::Internal(format!("the secret of webhook {} is none", self.id));
        let previous = self.previous_secret.as_deref().map(str::parse::<SigningSecret>).transpose().map_err(damaged)?;
        Ok(Webhook {
            secret: self.secret.parse().map_err(damaged)?,
            previous: previous.zip(self.previous_until.map(|at| at.0)),
            id: self.id,
            url: self.url,
            events: Events::of_text(self.events.as_deref()),
            disabled: (self.state != ACTIVE).then(|| self.reason.unwrap_or_default()),
            origin: if self.origin == Origin::Settings.as_str() { Origin::Settings } else { Origin::Api },
            created_at: self.created_at.0,
            paused_until: self.paused_until.map(|at| at.0),
            failing_since: self.failing_since.map(|at| at.0),
        })
    }
}

/// Said once, since they are asked for every few seconds.
static DAMAGED: Once = Once::new();

/// The oldest first, without those that are damaged.
pub(super) async fn list(conn: &mut Conn) -> Result<Vec<Webhook>, StoreError> {
    let query = webhooks::table.order((webhooks::created_at, webhooks::id));
    let rows: Vec<Row> = with_conn!(conn, |c| query.select(Row::as_select()).load(c).await)?;
    let readable = |row: Row| match row.webhook() {
        Ok(webhook) => Some(webhook),
        // The others are told all the same.
        Err(error) => {
            DAMAGED.call_once(|| log::error!("{error}: nothing is told there; delete its row and make it anew"));
            None
        }
    };
    Ok(rows.into_iter().filter_map(readable).collect())
}

pub(super) async fn find(conn: &mut Conn, id: WebhookId) -> Result<Option<Webhook>, StoreError> {
    let query = webhooks::table.find(id);
    let row: Option<Row> = with_conn!(conn, |c| query.select(Row::as_select()).first(c).await).optional()?;
    row.map(Row::webhook).transpose()
}

pub(super) async fn is_there(conn: &mut Conn, id: WebhookId) -> QueryResult<bool> {
    let query = webhooks::table.find(id).select(webhooks::id);
    let row: Option<WebhookId> = with_conn!(conn, |c| query.first(c).await).optional()?;
    Ok(row.is_some())
}

/// The ids of all.
pub(super) async fn ids(conn: &mut Conn) -> QueryResult<Vec<WebhookId>> {
    let query = webhooks::table.select(webhooks::id);
    with_conn!(conn, |c| query.load(c).await)
}

/// The ids of those that are told.
pub(super) async fn told(conn: &mut Conn) -> QueryResult<Vec<WebhookId>> {
    let query = webhooks::table.filter(webhooks::state.eq(ACTIVE)).select(webhooks::id);
    with_conn!(conn, |c| query.load(c).await)
}

/// Disabled, until it was put to the present everywhere.
pub(super) async fn insert(conn: &mut Conn, new: Webhook) -> Result<Webhook, Failure> {
    if new.origin == Origin::Api {
        let query = webhooks::table.filter(webhooks::origin.eq(Origin::Api.as_str())).count();
        let count: i64 = with_conn!(conn, |c| query.get_result(c).await)?;
        if count >= MAX_WEBHOOKS {
            const FULL: &str = "there are 16 webhooks, which is all there may be: remove one first";
            return Err(Denied::Conflict(FULL).into());
        }
    }
    let query = diesel::insert_into(webhooks::table).values((
        webhooks::id.eq(new.id),
        webhooks::url.eq(&new.url),
        webhooks::events.eq(new.events.to_text()),
        webhooks::secret.eq(new.secret.expose()),
        webhooks::state.eq(DISABLED),
        webhooks::reason.eq(UNFINISHED),
        webhooks::origin.eq(new.origin.as_str()),
        webhooks::created_at.eq(At(new.created_at)),
    ));
    with_conn!(conn, |c| query.execute(c).await)?;
    Ok(new)
}

/// From here on it is told.
pub(super) async fn finish(conn: &mut Conn, id: WebhookId) -> Result<(), StoreError> {
    let query = diesel::update(webhooks::table.find(id).filter(webhooks::reason.eq(UNFINISHED)))
        .set((webhooks::state.eq(ACTIVE), webhooks::reason.eq(None::<String>)));
    with_conn!(conn, |c| query.execute(c).await)?;
    Ok(())
}

pub(super) async fn change(conn: &mut Conn, id: WebhookId, change: WebhookChange) -> Result<Webhook, Failure> {
    let row = webhooks::table.find(id);
    let webhook = find(conn, id).await?.ok_or(Denied::NoWebhook)?;
    if change.active == Some(true) && webhook.disabled.as_deref() == Some(UNFINISHED) {
        return Err(Denied::Conflict(match webhook.origin {
            Origin::Api => "its making was interrupted: remove it and make it anew",
            Origin::Settings => {
                "its making was interrupted: the daemon whose settings have it makes it anew within ten minutes"
            }
        })
        .into());
    }
    if let Some(url) = &change.url {
        // Whatever was wrong with the old one.
        let query = diesel::update(row).set((
            webhooks::url.eq(url),
            webhooks::paused_until.eq(None::<At>),
            webhooks::failing_since.eq(None::<At>),
        ));
        with_conn!(conn, |c| query.execute(c).await)?;
    }
    if let Some(events) = &change.events {
        let query = diesel::update(row).set(webhooks::events.eq(events.to_text()));
        with_conn!(conn, |c| query.execute(c).await)?;
    }
    match change.active {
        Some(true) => {
            let none = (webhooks::paused_until.eq(None::<At>), webhooks::failing_since.eq(None::<At>));
            let query =
                diesel::update(row).set((webhooks::state.eq(ACTIVE), webhooks::reason.eq(None::<String>), none));
            with_conn!(conn, |c| query.execute(c).await)?;
        }
        Some(false) => disable(conn, id, BY_HAND).await?,
        None => {}
    }
    find(conn, id).await?.ok_or_else(|| Denied::NoWebhook.into())
}

/// Why it was disabled first stays.
pub(super) async fn disable(conn: &mut Conn, id: WebhookId, reason: &str) -> Result<(), StoreError> {
    let query = diesel::update(webhooks::table.find(id).filter(webhooks::state.eq(ACTIVE)))
        .set((webhooks::state.eq(DISABLED), webhooks::reason.eq(reason)));
    with_conn!(conn, |c| query.execute(c).await)?;
    Ok(())
}

/// `until`: as long as the one before signs too.
pub(super) async fn rotate(
    conn: &mut Conn,
    id: WebhookId,
    secret: SigningSecret,
    until: DateTime<Utc>,
) -> Result<Webhook, Failure> {
    let webhook = find(conn, id).await?.ok_or(Denied::NoWebhook)?;
    if webhook.secret != secret {
        let query = diesel::update(webhooks::table.find(id)).set((
            webhooks::secret.eq(secret.expose()),
            webhooks::previous_secret.eq(webhook.secret.expose()),
            webhooks::previous_until.eq(At(until)),
        ));
        with_conn!(conn, |c| query.execute(c).await)?;
    }
    find(conn, id).await?.ok_or_else(|| Denied::NoWebhook.into())
}

pub(super) async fn remove(conn: &mut Conn, id: WebhookId) -> Result<(), Failure> {
    let query = diesel::delete(webhooks::table.find(id));
    match with_conn!(conn, |c| query.execute(c).await)? {
        0 => Err(Denied::NoWebhook.into()),
        _ => Ok(()),
    }
}

/// It does not answer, or asked to be left alone.
pub(super) async fn pause(
    conn: &mut Conn,
    id: WebhookId,
    since: DateTime<Utc>,
    until: Option<DateTime<Utc>>,
) -> Result<(), StoreError> {
    let failing = webhooks::table.find(id).filter(webhooks::failing_since.is_null());
    let query = diesel::update(failing).set(webhooks::failing_since.eq(At(since)));
    with_conn!(conn, |c| query.execute(c).await)?;
    if let Some(until) = until {
        let query = diesel::update(webhooks::table.find(id)).set(webhooks::paused_until.eq(At(until)));
        with_conn!(conn, |c| query.execute(c).await)?;
    }
    Ok(())
}

/// It answers again. Whether that is news.
pub(super) async fn answers(conn: &mut Conn, id: WebhookId) -> Result<bool, StoreError> {
    let failing = webhooks::table.find(id).filter(webhooks::failing_since.is_not_null());
    let query =
        diesel::update(failing).set((webhooks::failing_since.eq(None::<At>), webhooks::paused_until.eq(None::<At>)));
    Ok(with_conn!(conn, |c| query.execute(c).await)? > 0)
}
