//! The announcement that holds at the moment, a text in `meta`: the last one that was to be told to who connects later.

use diesel::QueryResult;

use super::backend::Conn;
use super::error::StoreError;
use super::meta;
use crate::domain::announcement::Announcement;

const KEY: &str = "announcement";
/// What stands for none.
const NONE: &str = "";

pub(super) async fn set(conn: &mut Conn, announcement: Option<&Announcement>) -> Result<(), StoreError> {
    let text = announcement.map(serde_json::to_string).transpose();
    let text = text.map_err(|error| StoreError::Internal(error.to_string()))?;
    Ok(meta::put(conn, KEY, text.as_deref().unwrap_or(NONE)).await?)
}

/// What a later release may have written in another form counts as none.
pub(super) async fn read(conn: &mut Conn) -> QueryResult<Option<Announcement>> {
    let text = meta::find(conn, KEY).await?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}
