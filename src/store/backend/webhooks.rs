//! Rows that several nodes want at once, and SQLite's one process has to itself.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Conn, Kind};
use crate::domain::ids::{LaneId, UserId, WebhookId};
use crate::store::schema::{meta, presence, webhook_cursors, webhooks};
use crate::store::webhooks::{CursorRow, PresenceRow};

impl Conn {
    /// Whether others may work on this database too.
    pub(in crate::store) fn is_shared(&self) -> bool {
        matches!(self.kind, Kind::Postgres(_))
    }

    /// The state of a webhook, which nobody removes before the end of the transaction.
    pub(in crate::store) async fn hold_webhook(&mut self, id: WebhookId) -> QueryResult<Option<String>> {
        let row = webhooks::table.find(id).select(webhooks::state);
        let found: Vec<String> = match &mut self.kind {
            Kind::Sqlite(c) => row.load(c).await,
            Kind::Postgres(c) => row.for_key_share().load(&mut **c).await,
        }?;
        Ok(found.into_iter().next())
    }

    /// Which events a webhook is told of, which nobody changes before the end of the transaction. `None`: it is not there.
    pub(in crate::store) async fn hold_events(&mut self, id: WebhookId) -> QueryResult<Option<Option<String>>> {
        let row = webhooks::table.find(id).select(webhooks::events);
        let found: Vec<Option<String>> = match &mut self.kind {
            Kind::Sqlite(c) => row.load(c).await,
            Kind::Postgres(c) => row.for_share().load(&mut **c).await,
        }?;
        Ok(found.into_iter().next())
    }

    /// The text of a key of `meta`, which nobody changes before the end of the transaction.
    pub(in crate::store) async fn hold_text(&mut self, key: &str) -> QueryResult<Option<String>> {
        let row = meta::table.find(key).select(meta::value);
        let found: Vec<String> = match &mut self.kind {
            Kind::Sqlite(c) => row.load(c).await,
            Kind::Postgres(c) => row.for_share().load(&mut **c).await,
        }?;
        Ok(found.into_iter().next())
    }

    /// Cursors of one webhook in lanes of one kind, ascending, kept from others until the end of the transaction. `patient`:
    /// or else those that somebody holds are missing.
    pub(in crate::store) async fn lock_cursors(
        &mut self,
        webhook: WebhookId,
        lane: &str,
        ids: &[LaneId],
        patient: bool,
    ) -> QueryResult<Vec<CursorRow>> {
        let rows = webhook_cursors::table
            .filter(webhook_cursors::webhook_id.eq(webhook).and(webhook_cursors::lane.eq(lane)))
            .filter(webhook_cursors::lane_id.eq_any(ids))
            .order(webhook_cursors::lane_id);
        match &mut self.kind {
            Kind::Sqlite(c) => rows.select(CursorRow::as_select()).load(c).await,
            Kind::Postgres(c) if patient => rows.select(CursorRow::as_select()).for_update().load(&mut **c).await,
            Kind::Postgres(c) => rows.select(CursorRow::as_select()).for_update().skip_locked().load(&mut **c).await,
        }
    }

    /// The same of what is known of users' presence.
    pub(in crate::store) async fn lock_presence(&mut self, users: &[UserId]) -> QueryResult<Vec<PresenceRow>> {
        let rows = presence::table.filter(presence::user_id.eq_any(users)).order(presence::user_id);
        match &mut self.kind {
            Kind::Sqlite(c) => rows.select(PresenceRow::as_select()).load(c).await,
            Kind::Postgres(c) => rows.select(PresenceRow::as_select()).for_update().load(&mut **c).await,
        }
    }
}
