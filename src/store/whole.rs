//! Messages with what hangs on them: their files, reactions and instructions.
//!
//! Whatever reads messages to be shown makes them here, so that they are whole wherever they are shown. One more query for
//! each kind of thing (two for instructions) where one of the messages may have some, none otherwise.

use diesel::QueryResult;

use super::backend::Conn;
use super::messages::MessageRow;
use super::{attachments, instructions, reactions};
use crate::domain::message::Message;

pub(super) async fn whole(conn: &mut Conn, rows: Vec<MessageRow>) -> QueryResult<Vec<Message>> {
    let ids = rows.iter().filter(|row| row.shows_attachments()).map(MessageRow::id).collect();
    let mut files = attachments::of_messages(conn, ids).await?;
    let ids: Vec<_> = rows.iter().filter(|row| row.shows_reactions()).map(MessageRow::id).collect();
    let mut reactions = reactions::of_messages(conn, &ids).await?;
    let ids: Vec<_> = rows.iter().filter(|row| row.shows_instruction()).map(MessageRow::id).collect();
    let mut asked = instructions::of_messages(conn, &ids).await?;
    let whole = |row: MessageRow| {
        let attachments = files.remove(&row.id()).unwrap_or_default();
        let reactions = reactions.remove(&row.id()).unwrap_or_default();
        let instruction = asked.remove(&row.id());
        Message { attachments, reactions, instruction, ..Message::from(row) }
    };
    Ok(rows.into_iter().map(whole).collect())
}
