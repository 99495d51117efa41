//! The audit trail holds where nothing was done to it, and does not where anything was.

use std::path::Path;

use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use diesel::{Connection, QueryableByName, RunQueryDsl, SqliteConnection, sql_query};
use tenfour::audit::export::Exporter;
use tenfour::audit::heads::Claims;
use tenfour::audit::verify::{Report, verify};
use tenfour::audit::{Finding, SigningKey};
use tenfour::domain::audit::{Chain, Entry, FilesHash, Head, InstructionHash, NamesHash, TextHash, What};
use tenfour::domain::change::{By, Mark};
use tenfour::domain::channel::{Audience, Role};
use tenfour::domain::ids::{AttachmentId, ChannelId, ClientId, JournalId, MessageId, UserId};
use tenfour::domain::instruction::{AnswerKind, Ask};
use tenfour::domain::journal::{Kind, ReadUpTo};
use tenfour::domain::message::SendDigest;
use tenfour::domain::now;
use tenfour::domain::receipt::{Reach, Receipt, Received};
use tenfour::domain::retention::{Erase, Retention, Which};
use tenfour::store::{NewUpload, Reader, Uploaded, Writer, note};
use uuid::Uuid;

use crate::kit::*;

cases! {
    what_happened_in_every_way_holds,
    a_batch_with_all_kinds_of_refusals_holds,
    it_is_judged_while_it_grows,
}

async fn judged(reader: &Reader) -> Report {
    verify(reader, &Claims::default()).await.unwrap()
}

async fn holds(reader: &Reader) -> Report {
    let report = judged(reader).await;
    assert_eq!(report.findings, Vec::<Finding>::new());
    assert_eq!((report.younger.len(), report.without.len()), (0, 0));
    report
}

/// As an upload leaves it.
pub(crate) async fn file(writer: &Writer, of: &str, name: &str) -> AttachmentId {
    let id = AttachmentId(Uuid::now_v7());
    let new = NewUpload {
        id,
        uploader: user(of).id,
        name: name.to_owned(),
        storage_key: id.to_string(),
        at_most: 9,
        max_files: 99,
        max_bytes: 9_999,
    };
    writer.begin_upload(new, now()).await.unwrap().unwrap();
    let what = Uploaded {
        content_type: "application/pdf".to_owned(),
        size: 7,
        sha256: "5e".repeat(32),
        width: None,
        height: Some(3),
    };
    writer.finish_upload(id, what).await.unwrap().unwrap();
    id
}

/// Who reacts with what to each of three messages, or takes it back: before it may be edited, and after.
const FIRST: [&[(&str, &str, bool)]; 3] = [&[("eve", "👍", true)], &[], &[("bo", "ok", true), ("cy", "ok", true)]];
const THEN: [&[(&str, &str, bool)]; 3] =
    [&[("ana", "👍", true), ("eve", "👍", false)], &[], &[("bo", "👍", true), ("bo", "ok", false)]];

/// Who sets which reactions, or takes them back. What is so already changes nothing.
async fn react(writer: &Writer, id: MessageId, all: &[(&str, &str, bool)]) {
    for (who, text, set) in all {
        writer.react(by(who), id, text.parse().unwrap(), *set, now()).await.unwrap().unwrap();
    }
}

/// What those say who are asked, and the passing of some deadlines. Of what was not asked nothing comes.
async fn answers(writer: &Writer, id: MessageId, n: usize) {
    let all = [
        ("eve", AnswerKind::Accepted, None),
        ("bo", AnswerKind::Declined, Some("ill")),
        ("eve", AnswerKind::Done, Some("signed")),
    ];
    for (who, kind, note) in &all[..n % 4] {
        let _ = writer.answer(by(who), id, *kind, note.map(str::to_owned), now()).await.unwrap();
    }
    writer.mark_overdue(id, later(now(), 99)).await.unwrap().unwrap();
}

/// A group and a direct channel in which everything happens that can; the second of three moments is in between.
pub(crate) async fn busy(writer: &Writer) -> ChannelId {
    let channel = group(writer, &["ana", "bo", "cy", "dee", "eve"]).await;
    let (direct, _) = writer.create_direct(by("ana"), user("ana"), user("bo"), false, now()).await.unwrap().unwrap();
    let mut sent = Vec::new();
    for n in 0..24 {
        let who = ["ana", "bo", "cy"][n % 3];
        let mut batch = vec![item(&channel, who, &format!("line {n}")), item(&direct, "bo", &format!("aside {n}"))];
        if let Some(first) = sent.first() {
            batch[0].message.reply_to_id = (n % 5 == 0).then_some(*first);
        }
        for k in 0..[0, 2, 0, 1, 1][n % 5] {
            batch[0].message.attachment_ids.push(file(writer, who, &format!("plan {k}.pdf")).await);
        }
        if n % 3 != 1 {
            let (deadline, names) = [(None, None), (Some(later(now(), 60)), Some(["eve", "bo"]))][n % 2];
            let assignee_ids = names.map(|names| names.iter().map(|name| user(name).id).collect());
            batch[0].message.ask = Some(Ask { deadline, assignee_ids });
        }
        batch[0].message.mention_ids =
            ["bo", "dee", "ana"][..[0, 1, 0, 3][n % 4]].iter().map(|it| user(it).id).collect();
        batch[0].digest = batch[0].message.digest();
        let outcomes = writer.append(batch).await.unwrap();
        let id = stored(&outcomes[0]).id;
        react(writer, id, FIRST[n % 3]).await;
        answers(writer, id, n).await;
        if n % 4 == 1 {
            writer.edit(by(who), id, text(&format!("line {n}!")), now()).await.unwrap().unwrap();
            writer.edit(by(who), id, text(&format!("line {n}!!")), now()).await.unwrap().unwrap();
        }
        react(writer, id, THEN[n % 3]).await;
        if n % 6 == 1 {
            let deleter = if n % 12 == 1 { By::Host } else { by("ana") };
            writer.delete(deleter, id, now()).await.unwrap().unwrap();
        }
        sent.push(id);
    }
    let id = channel.id;
    for (who, seq) in [("bo", 3), ("cy", 20), ("bo", 9), ("ana", 1), ("bo", 8)] {
        let mark = |channel_id| Mark { channel_id, user_id: user(who).id, seq };
        let marks = vec![mark(id), mark(direct.id)];
        writer.mark_read(marks, now()).await.unwrap();
    }
    for (who, what) in [
        ("bo", Received::Confirmed(Reach { after: 0, version: 4 })),
        ("cy", Received::Held(9)),
        ("bo", Received::Confirmed(Reach { after: 12, version: 20 })),
        ("cy", Received::Confirmed(Reach { after: 9, version: 11 })),
        ("bo", Received::Held(30)),
        ("ana", Received::Held(1_000_000)),
    ] {
        let receipt = |channel_id| Receipt { channel_id, user_id: user(who).id, what, at: now() };
        let receipts = vec![receipt(id), receipt(direct.id)];
        assert!(writer.note_received(receipts).await.unwrap().is_empty());
    }
    let held = Retention { days: Some(90), legal_hold: true };
    writer.set_retention(By::Host, id, held, now()).await.unwrap().unwrap().unwrap();
    let wish = Erase { channel: id, which: Which::Of(user("cy").id), after: 0 };
    assert!(writer.erase(wish, now()).await.unwrap().unwrap().held);
    let free = Retention { days: Some(90), legal_hold: false };
    writer.set_retention(By::Host, id, free, now()).await.unwrap().unwrap().unwrap();
    let erased = writer.erase(Erase { after: 12, ..wish }, now()).await.unwrap().unwrap();
    assert_eq!((erased.messages, erased.next), (4, None));
    let signed_in = note(JournalId::DAEMON, Kind::SignedIn, Some(user("ana").id), now(), &ReadUpTo { seq: 7 });
    let refused = note(JournalId::DAEMON, Kind::Refused, None, now(), &"nobody");
    writer.record(vec![signed_in, refused]).await.unwrap();
    writer.set_role(by("ana"), id, user("cy"), Role::Admin, now()).await.unwrap().unwrap().unwrap();
    writer.rename(By::Host, id, "Dock 9".to_owned(), now()).await.unwrap().unwrap().unwrap();
    writer.show_revisions(by("cy"), id, Audience::Members, now()).await.unwrap().unwrap().unwrap();
    writer.remove_member(by("cy"), id, user("dee"), now()).await.unwrap().unwrap();
    let added = writer.add_members(By::Host, id, vec![user("fay")], true, 50, now()).await.unwrap();
    added.unwrap().unwrap();
    writer.remove_member(by("ana"), id, user("ana"), now()).await.unwrap().unwrap();
    writer.append(vec![item(&channel, "bo", "after all")]).await.unwrap();
    id
}

async fn what_happened_in_every_way_holds(writer: Writer, reader: Reader) {
    holds(&reader).await;
    let channel = busy(&writer).await;
    let report = holds(&reader).await;
    let version = reader.heads(vec![channel]).await.unwrap()[0].1;
    // Each version is one entry, and each channel's making another.
    assert_eq!((report.channels, report.entries), (2, version + 24 + 2));
}

async fn a_batch_with_all_kinds_of_refusals_holds(writer: Writer, reader: Reader) {
    let (channel, other) = (group(&writer, &["ana", "bo"]).await, group(&writer, &["ana", "bo"]).await);
    let first = item(&channel, "ana", "first");
    let mut unknown_reply = item(&channel, "ana", "to nothing");
    unknown_reply.message.reply_to_id = Some(MessageId(Uuid::now_v7()));
    unknown_reply.digest = unknown_reply.message.digest();
    let batch = vec![
        first.clone(),
        again(&first),
        with_text(&first, "another"),
        item(&other, "bo", "elsewhere"),
        item_in(channel.id, channel.members_version + 1, user("eve").id, "a stranger's"),
        unknown_reply,
        item(&channel, "bo", "second"),
        again(&first),
    ];
    let outcomes = writer.append(batch).await.unwrap();
    assert_eq!(outcomes.iter().filter(|it| matches!(it, tenfour::domain::message::Appended::New(_))).count(), 3);
    writer.append(vec![again(&first)]).await.unwrap();
    writer.append(vec![item(&channel, "bo", "third")]).await.unwrap();
    assert_eq!(holds(&reader).await.entries, 6);
}

async fn it_is_judged_while_it_grows(writer: Writer, reader: Reader) {
    let channel = group(&writer, &["ana", "bo"]).await;
    let writes = async {
        for n in 0..60 {
            let outcomes = writer.append(vec![item(&channel, "ana", &format!("line {n}"))]).await.unwrap();
            let id = stored(&outcomes[0]).id;
            writer.edit(by("ana"), id, text("changed"), now()).await.unwrap().unwrap();
            if n % 2 == 0 {
                writer.delete(by("ana"), id, now()).await.unwrap().unwrap();
            }
        }
    };
    let reads = async {
        let mut entries = 0;
        while entries < 151 {
            entries = holds(&reader).await.entries;
        }
    };
    within(std::time::Duration::from_secs(60), async { tokio::join!(writes, reads) }).await;
}

/// A database in a file, what was signed of it, and a second hand that writes into it.
struct Crime {
    reader: Reader,
    _writer: Writer,
    claims: Claims,
    hand: SqliteConnection,
    rng: fastrand::Rng,
}

const TABLES: [&str; 13] = [
    "messages",
    "message_revisions",
    "message_reactions",
    "instructions",
    "instruction_assignees",
    "attachments",
    "channels",
    "channel_members",
    "channel_changes",
    "channel_retention",
    "audit_entries",
    "audit_journals",
    "audit_records",
];

/// What the trail is silent about.
const UNTOLD: [&str; 7] = [
    "channel_retention.swept_seq",
    "channels.direct_key",
    // Where the bytes are and who brought them: what they are is told by their sum, and in which order by the message.
    "attachments.storage_key",
    "attachments.uploader_id",
    "attachments.created_at",
    "attachments.position",
    // When somebody is to look at it next.
    "instructions.due_at",
];

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    kind: String,
}

impl Crime {
    async fn at(folder: &Path) -> Self {
        let path = folder.join("chat.db");
        let (writer, reader) = open_at(&file_url(&path)).await;
        busy(&writer).await;
        let key = SigningKey::of(&"07".repeat(32)).unwrap();
        let public = key.public();
        let exporter = Exporter::new(reader.clone(), key, &folder.join("heads")).unwrap();
        assert_eq!(exporter.export().await.unwrap(), 5, "two channels and three journals");
        assert_eq!(exporter.export().await.unwrap(), 0);
        let claims = Claims::read(&folder.join("heads"), &public).unwrap();
        assert_eq!((claims.lines, claims.faults.len()), (1, 0));
        let mut hand = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        let pristine = folder.join("pristine.db");
        hand.batch_execute(&format!(
            "PRAGMA foreign_keys = OFF; PRAGMA busy_timeout = 5000; VACUUM INTO '{0}'; ATTACH '{0}' AS pristine;",
            pristine.display()
        ))
        .unwrap();
        let report = verify(&reader, &claims).await.unwrap();
        assert_eq!(report.findings, Vec::<Finding>::new());
        Self { reader, _writer: writer, claims, hand, rng: fastrand::Rng::with_seed(7) }
    }

    async fn found(&self) -> bool {
        !verify(&self.reader, &self.claims).await.unwrap().findings.is_empty()
    }

    fn restore(&mut self) {
        let back = |it| format!("DELETE FROM main.{it}; INSERT INTO main.{it} SELECT * FROM pristine.{it};");
        let sql = format!("BEGIN IMMEDIATE; {} COMMIT;", TABLES.map(back).concat());
        self.hand.batch_execute(&sql).unwrap();
    }

    fn count(&mut self, table: &str) -> i64 {
        sql_query(format!("SELECT count(*) AS n FROM {table}")).get_result::<Number>(&mut self.hand).unwrap().n
    }

    /// The key of a row by chance, as a condition.
    fn row(&mut self, table: &str) -> String {
        let keys: &[&str] = match table {
            "messages" | "channels" | "attachments" | "audit_journals" => &["id"],
            "message_revisions" => &["message_id", "version"],
            "instructions" => &["message_id"],
            "instruction_assignees" => &["message_id", "user_id"],
            "message_reactions" => &["message_id", "reaction", "user_id"],
            "channel_members" => &["channel_id", "user_id"],
            "channel_retention" => &["channel_id"],
            "audit_records" => &["journal_id", "number"],
            _ => &["channel_id", "version"],
        };
        let table = match table {
            // What was let go of is no part of any message.
            "attachments" => "(SELECT * FROM main.attachments WHERE state = 'used')",
            // Of one without records nothing is signed.
            "audit_journals" => "(SELECT * FROM main.audit_journals WHERE number > 0)",
            _ => &format!("main.{table}"),
        };
        let count = self.count(table);
        let skip = self.rng.i64(0..count);
        let of = |key: &str| {
            format!("{key} IS (SELECT {key} FROM {table} ORDER BY {} LIMIT 1 OFFSET {skip})", keys.join(", "))
        };
        keys.iter().map(|key| of(key)).collect::<Vec<_>>().join(" AND ")
    }

    fn any<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.rng.usize(..of.len())]
    }

    /// What is done, and how many rows it changed; `None` where a constraint forbids it.
    fn tamper(&mut self) -> Option<(String, usize)> {
        let sql = match self.rng.u8(..10) {
            0..=4 => self.change(),
            5..=6 => {
                let table = self.any(&TABLES);
                format!("DELETE FROM main.{table} WHERE {}", self.row(table))
            }
            7 => self.insertion(),
            8 => self.exchange(),
            _ => return Some(self.rewrite()),
        };
        let changed = sql_query(&sql).execute(&mut self.hand).ok()?;
        Some((sql, changed))
    }

    fn change(&mut self) -> String {
        let table = self.any(&TABLES);
        let columns: Vec<Column> = sql_query(format!("SELECT name, type AS kind FROM pragma_table_info('{table}')"))
            .load(&mut self.hand)
            .unwrap();
        let column = &columns[self.rng.usize(..columns.len())];
        let name = &column.name;
        if UNTOLD.contains(&format!("{table}.{name}").as_str()) {
            return self.change();
        }
        let other = self.row(table);
        let other = format!("(SELECT {name} FROM main.{table} WHERE {other})");
        let value = match (column.kind.as_str(), self.rng.u8(..4)) {
            // Words that are erased are no finding: the chain has them by their hash.
            _ if format!("{table}.{name}") == "audit_records.detail" => format!("{name} || ' '"),
            (_, 0) => "NULL".to_owned(),
            ("BLOB", 1) => other,
            (_, 1) if table != "audit_entries" => other,
            ("INTEGER", _) => format!("coalesce({name}, 0) + {}", [1, -1, 3, 1_000_000][self.rng.usize(..4)]),
            ("BLOB", _) => format!("coalesce(randomblob(length({name})), randomblob(16))"),
            _ if name == "state" => format!("'{}'", self.any(&["uploading", "unused", "gone"])),
            _ if name == "answer" => format!("'{}'", self.any(&["accepted", "declined", "done"])),
            _ if name == "role" => format!("'{}'", self.any(&["member", "admin", "owner"])),
            _ if name == "revisions_visible_to" => format!("'{}'", self.any(&["members", "admins"])),
            _ if format!("{table}.{name}") == "audit_records.kind" => {
                format!("'{}'", self.any(&["read", "received", "holds", "joined", "signed_in", "told"]))
            }
            _ if name == "kind" => {
                format!(
                    "'{}'",
                    self.any(&[
                        "created",
                        "edited",
                        "deleted",
                        "changed",
                        "reacted",
                        "unreacted",
                        "answered",
                        "overdue"
                    ])
                )
            }
            _ => format!("coalesce({name}, '') || ' '"),
        };
        format!("UPDATE main.{table} SET {name} = {value} WHERE {} AND {name} IS NOT {value}", self.row(table))
    }

    fn insertion(&mut self) -> String {
        match self.rng.u8(..9) {
            8 => {
                let row = self.row("audit_records");
                format!(
                    "INSERT INTO main.audit_records SELECT journal_id, number - {}, kind, actor_id, at, hash, detail \
                     FROM main.audit_records WHERE {row}",
                    self.rng.u8(1..20)
                )
            }
            0 => {
                let row = self.row("messages");
                format!(
                    "INSERT INTO main.messages SELECT randomblob(16), channel_id, seq + 1000, version + 1000, first_version + 1000, \
                     sender_id, randomblob(16), digest, content, content_type, reply_to_id, created_at, updated_at, updated_by, \
                     deleted_at, deleted_by, attachment_ids, files_hash, touched_version, content_version, mention_ids, instruction_hash, \
                     erased_at FROM main.messages WHERE {row}"
                )
            }
            1 => {
                let row = self.row("messages");
                format!(
                    "INSERT INTO main.message_revisions SELECT id, version + 1, content || '?', created_at FROM main.messages WHERE {row}"
                )
            }
            2 => {
                let row = self.row("audit_entries");
                format!(
                    "INSERT INTO main.audit_entries SELECT channel_id, version + {}, kind, message_id, actor_id, at, hash, detail \
                     FROM main.audit_entries WHERE {row}",
                    self.rng.u8(1..20)
                )
            }
            5 => {
                let row = self.row("messages");
                format!(
                    "INSERT INTO main.instructions SELECT id, channel_id, NULL, 1, NULL, NULL, 0 FROM main.messages WHERE {row}"
                )
            }
            6 => {
                let row = self.row("messages");
                format!(
                    "INSERT INTO main.instruction_assignees SELECT id, randomblob(16), 9, NULL, NULL, NULL, NULL \
                     FROM main.messages WHERE {row}"
                )
            }
            4 => {
                let row = self.row("messages");
                format!(
                    "INSERT INTO main.message_reactions SELECT id, 'new', sender_id, version, created_at FROM main.messages WHERE {row}"
                )
            }
            3 => {
                let row = self.row("channel_changes");
                format!(
                    "INSERT INTO main.channel_changes SELECT channel_id, version + {}, detail, actor_id, at \
                     FROM main.channel_changes WHERE {row}",
                    self.rng.u8(1..9)
                )
            }
            _ => {
                let row = self.row("channels");
                format!(
                    "INSERT INTO main.channel_members (channel_id, user_id, role, joined_at, last_read_seq, last_read_at) SELECT c.id, u.id, 'admin', c.created_at, 0, c.created_at \
                     FROM main.channels c, main.users u WHERE c.{row} ORDER BY random() LIMIT 1"
                )
            }
        }
    }

    /// Two rows of one channel change places.
    fn exchange(&mut self) -> String {
        let (table, columns): (&str, &[&str]) = match self.rng.u8(..8) {
            7 => ("audit_records", &["at"]),
            5 => ("instruction_assignees", &["answer"]),
            6 => ("instruction_assignees", &["note"]),
            4 => ("message_reactions", &["user_id"]),
            0 => ("messages", &["content"]),
            1 => ("messages", &["sender_id"]),
            2 => ("messages", &["created_at"]),
            _ => ("message_revisions", &["content"]),
        };
        let (one, other) = (self.row(table), self.row(table));
        let column = columns[0];
        format!(
            "UPDATE main.{table} SET {column} = CASE WHEN {one} THEN (SELECT {column} FROM main.{table} WHERE {other}) \
             ELSE (SELECT {column} FROM main.{table} WHERE {one}) END WHERE (({one}) OR ({other})) \
             AND (SELECT {column} FROM main.{table} WHERE {one}) IS NOT (SELECT {column} FROM main.{table} WHERE {other})"
        )
    }

    /// By somebody who knows how the trail is made, and makes it anew: only what was signed shows that.
    fn rewrite(&mut self) -> (String, usize) {
        let channel = self.row("channels");
        let what = if self.rng.bool() {
            let row = self.row("messages");
            sql_query(format!("UPDATE main.messages SET sender_id = randomblob(16) WHERE {row}"))
                .execute(&mut self.hand)
                .unwrap();
            format!("another sender of {row}")
        } else {
            let cut = self.rng.i64(1..20);
            let of = format!("IN (SELECT id FROM main.channels WHERE {channel})");
            let last = format!("(SELECT version FROM main.channels WHERE {channel}) - {cut}");
            self.hand
                .batch_execute(&format!(
                    "DELETE FROM main.audit_entries WHERE channel_id {of} AND version > {last};
                     DELETE FROM main.channel_changes WHERE channel_id {of} AND version > {last};
                     DELETE FROM main.messages WHERE channel_id {of} AND first_version > {last};
                     UPDATE main.channels SET version = version - {cut},
                       last_seq = (SELECT max(seq) FROM main.messages WHERE channel_id = channels.id) WHERE {channel};"
                ))
                .unwrap();
            format!("cut off {cut} versions of {channel}")
        };
        (what, self.forge())
    }

    /// All heads as they would be if nothing had been done.
    fn forge(&mut self) -> usize {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = Binary)]
            channel: Vec<u8>,
            #[diesel(sql_type = BigInt)]
            version: i64,
            #[diesel(sql_type = BigInt)]
            at: i64,
            #[diesel(sql_type = Text)]
            kind: String,
            #[diesel(sql_type = Binary)]
            by: Vec<u8>,
            #[diesel(sql_type = Binary)]
            message: Vec<u8>,
            #[diesel(sql_type = Binary)]
            client: Vec<u8>,
            #[diesel(sql_type = BigInt)]
            seq: i64,
            #[diesel(sql_type = Binary)]
            hash: Vec<u8>,
            #[diesel(sql_type = Nullable<Binary>)]
            files: Option<Vec<u8>>,
            #[diesel(sql_type = Nullable<Binary>)]
            mentions: Option<Vec<u8>>,
            #[diesel(sql_type = Nullable<Binary>)]
            asked: Option<Vec<u8>>,
        }
        let rows: Vec<Row> = sql_query(
            "SELECT channel_id AS channel, first_version AS version, created_at AS at, 'sent' AS kind, sender_id AS by, \
             id AS message, client_id AS client, seq, digest AS hash, files_hash AS files, mention_ids AS mentions, instruction_hash AS asked \
             FROM main.messages UNION ALL \
             SELECT channel_id, version, at, kind, coalesce(actor_id, x''), coalesce(message_id, x''), x'', 0, \
             coalesce(hash, x''), NULL, NULL, NULL FROM main.audit_entries ORDER BY 1, 2",
        )
        .load(&mut self.hand)
        .unwrap();
        let id = |bytes: &[u8]| Uuid::from_slice(bytes).unwrap_or_default();
        let names = |bytes: Option<Vec<u8>>| -> Vec<UserId> {
            bytes.iter().flat_map(|bytes| bytes.chunks(16)).map(|bytes| UserId(id(bytes))).collect()
        };
        let mut chains = std::collections::BTreeMap::new();
        for row in rows {
            let hash = || TextHash(row.hash.clone().try_into().unwrap());
            let message_id = MessageId(id(&row.message));
            let what = match row.kind.as_str() {
                "sent" => What::Sent {
                    message_id,
                    client_id: ClientId(id(&row.client)),
                    seq: row.seq,
                    digest: SendDigest(row.hash.clone().try_into().unwrap()),
                    files: row.files.map(|hash| FilesHash(hash.try_into().unwrap())),
                    mentions: NamesHash::of(&names(row.mentions)),
                    instruction: row.asked.map(|hash| InstructionHash(hash.try_into().unwrap())),
                },
                "created" => What::Created { detail: hash() },
                "edited" => What::Edited { message_id, content: hash() },
                "deleted" => What::Deleted { message_id },
                "answered" => What::Answered { message_id, answer: hash() },
                "overdue" => What::Overdue { message_id },
                "reacted" | "unreacted" => What::Reacted { message_id, reaction: hash(), set: row.kind == "reacted" },
                _ => What::Changed { detail: hash() },
            };
            let at: DateTime<Utc> = DateTime::from_timestamp_micros(row.at).unwrap();
            let by = (!row.by.is_empty()).then(|| UserId(id(&row.by)));
            let entry = Entry { channel_id: ChannelId(id(&row.channel)), version: row.version, at, by, what };
            let none = Chain { since: -1, version: -1, head: Head::NONE };
            chains.entry(row.channel).or_insert(none).add(&entry);
        }
        let mut changed = 0;
        for (channel, chain) in chains {
            changed += sql_query("UPDATE main.channels SET audit_version = ?, audit_head = ? WHERE id = ?")
                .bind::<BigInt, _>(chain.version)
                .bind::<Binary, _>(chain.head.0.to_vec())
                .bind::<Binary, _>(channel)
                .execute(&mut self.hand)
                .unwrap();
        }
        changed
    }
}

#[test]
fn a_thousand_tamperings_are_all_found() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let mut crime = Crime::at(folder.path()).await;
        let mut tried = 0;
        while tried < 1_000 {
            if let Some((what, rows)) = crime.tamper()
                && rows > 0
            {
                tried += 1;
                assert!(crime.found().await, "{tried}: {what}");
            }
            crime.restore();
        }
        assert!(!crime.found().await, "and what was put back holds again");
    });
}

#[test]
fn without_what_was_signed_a_trail_that_was_made_anew_holds() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let mut crime = Crime::at(folder.path()).await;
        crime.forge();
        assert!(!crime.found().await, "made anew from the same it is the same");
        let row = crime.row("messages");
        sql_query(format!("UPDATE main.messages SET client_id = randomblob(16) WHERE {row}"))
            .execute(&mut crime.hand)
            .unwrap();
        crime.forge();
        assert!(crime.found().await);
        crime.claims = Claims::default();
        assert!(!crime.found().await, "that is what signing is for");
    });
}
