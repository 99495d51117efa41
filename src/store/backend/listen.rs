//! PostgreSQL: a session that only listens.

use std::pin::pin;
use std::time::Duration;

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use futures_util::StreamExt;
use tokio::time::timeout;

use super::postgres::connect;
use super::{Manager, Place};
use crate::store::error::{OpenError, StoreError};

/// The channel of the server's, which every schema of a database shares.
const CHANNEL: &str = "tenfour";
/// How often it is asked whether the server is there yet: a line that broke without a word would be listened to for ever.
const ASK_EVERY: Duration = Duration::from_secs(15);

pub(in crate::store) struct Ear {
    conn: AsyncPgConnection,
    patience: Duration,
}

impl Ear {
    pub(in crate::store) async fn open(manager: &Manager) -> Result<Self, OpenError> {
        let Place::Postgres { url, schema } = &manager.place else {
            return Err(StoreError::Internal("there is nothing to listen to".to_owned()).into());
        };
        let (mut conn, _) = connect(url, Some(schema), &manager.timeouts).await?;
        conn.batch_execute(&format!("LISTEN {CHANNEL}")).await.map_err(StoreError::from)?;
        Ok(Self { conn, patience: manager.timeouts.call })
    }

    /// The text of the next notification.
    pub(in crate::store) async fn next(&mut self) -> Result<String, StoreError> {
        loop {
            let heard = timeout(ASK_EVERY, async { pin!(self.conn.notifications_stream()).next().await }).await;
            match heard {
                Ok(Some(Ok(notification))) => return Ok(notification.payload),
                Ok(Some(Err(error))) => return Err(error.into()),
                Ok(None) => return Err(StoreError::Unavailable("the connection is closed".to_owned())),
                Err(_) => match timeout(self.patience, self.conn.batch_execute("SELECT 1")).await {
                    Ok(done) => done?,
                    Err(_) => return Err(StoreError::Unavailable("the server does not answer".to_owned())),
                },
            }
        }
    }
}
