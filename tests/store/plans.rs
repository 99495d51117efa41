//! Every query that the store sends is explained: none may read a table of messages from end to end.
//!
//! The texts are taken from the connections themselves, so that a new query is explained without being named here.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Mutex;

use diesel::connection::{Instrumentation, InstrumentationEvent};
use diesel::sql_types::Text;
use diesel::{Connection, QueryableByName, SqliteConnection};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use tenfour::domain::change::Mark;
use tenfour::domain::ids::ChannelId;
use tenfour::domain::instruction::{AnswerKind, Ask};
use tenfour::domain::now;
use tenfour::domain::receipt::{Reach, Receipt, Received};
use tenfour::domain::search::{Query, Search};
use tenfour::domain::sync::{HistoryFrom, PageLimits, SyncFrom};
use tenfour::domain::webhook::{EventKind, Events, Lane, Place, Rewind};
use tenfour::store::{Reader, Writer};

use crate::attachments::{file, with_files};
use crate::kit::*;
use crate::postgres::{Database, connect};

/// How the rows of a batch's channels are written on PostgreSQL.
const MOVED: &str = "UPDATE channels c SET";

static SENT: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

struct Listener;

impl Instrumentation for Listener {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let text = query.to_string();
            let text = text.split("-- binds").next().unwrap_or_default().trim().to_owned();
            SENT.lock().unwrap().insert(text);
        }
    }
}

/// The statements about messages and channels that were sent, by whichever test.
fn sent(is_ours: impl Fn(&str) -> bool) -> Vec<String> {
    let of_rows = |text: &&String| {
        ["SELECT", "WITH", "UPDATE", "DELETE", "INSERT"].iter().any(|verb| text.starts_with(verb))
            && text.contains("messages")
            && is_ours(text)
    };
    SENT.lock().unwrap().iter().filter(of_rows).cloned().collect()
}

/// All of it to a webhook, and again.
async fn told(writer: &Writer, reader: &Reader, channel: ChannelId) {
    let (store, lane) = (writer.webhooks(reader), Lane::Channel(channel));
    let webhook = crate::webhooks::made(&store, Events::ALL).await;
    store.page(lane, lane.start(), Events::ALL, 400).await.unwrap().unwrap();
    store.rewind(webhook, Rewind::From { channel, version: 200 }).await.unwrap().unwrap();
    store.rewind(webhook, Rewind::Since(now())).await.unwrap().unwrap();
    store.event(lane, Place::Version(2), EventKind::MessageSent).await.unwrap().unwrap();
}

async fn everything(writer: &Writer, reader: &Reader) {
    let channel = group(writer, &["ana", "bo"]).await;
    let (id, ana) = (channel.id, user("ana").id);
    let batch: Vec<_> = (0..300).map(|n| item(&channel, "ana", &format!("text {n}"))).collect();
    let first = stored(&writer.append(batch.clone()).await.unwrap()[0]);
    let mut reply = item(&channel, "bo", "re");
    reply.message.reply_to_id = Some(first.id);
    writer.append(vec![reply]).await.unwrap();
    writer.react(by("bo"), first.id, "ok".parse().unwrap(), true, now()).await.unwrap().unwrap();
    writer.edit(by("ana"), first.id, text("edited"), now()).await.unwrap().unwrap();
    writer.react(by("bo"), first.id, "ok".parse().unwrap(), false, now()).await.unwrap().unwrap();
    writer.delete(by("ana"), first.id, now()).await.unwrap().unwrap();
    writer.mark_read(vec![Mark { channel_id: id, user_id: ana, seq: 9 }], now()).await.unwrap();
    let what = Received::Confirmed(Reach { after: 0, version: 9 });
    let receipt = Receipt { channel_id: id, user_id: ana, what, at: now() };
    assert!(writer.note_received(vec![receipt]).await.unwrap().is_empty());
    reader.received(id).await.unwrap();
    let mut asking = item(&channel, "ana", "please");
    asking.message.ask = Some(Ask { deadline: Some(now()), assignee_ids: None });
    asking.digest = asking.message.digest();
    let asked = stored(&writer.append(vec![asking]).await.unwrap()[0]).id;
    writer.answer(by("bo"), asked, AnswerKind::Accepted, None, now()).await.unwrap().unwrap();
    writer.mark_overdue(asked, now()).await.unwrap().unwrap();
    told(writer, reader, id).await;
    let limits = PageLimits { messages: 50, bytes: 1 << 20 };
    for from in [HistoryFrom::Latest, HistoryFrom::Before(200), HistoryFrom::After(100)] {
        reader.history(id, from, limits).await.unwrap();
    }
    for from in [SyncFrom::Version(3), SyncFrom::Time(now()), SyncFrom::Reset] {
        reader.sync_page(ana, id, from, limits).await.unwrap().unwrap();
    }
    reader.fill(id, 3, 100).await.unwrap();
    reader.snapshot(ana).await.unwrap();
    reader.view(ana, id).await.unwrap();
    reader.state(id).await.unwrap();
    reader.message(first.id).await.unwrap();
    reader.position_of(ana, first.id).await.unwrap();
    reader.find_stored(ana, batch[0].message.client_id).await.unwrap();
    let load = file(writer, "ana", "a").await;
    let sent = with_files(item(&channel, "ana", "its files"), &[load]);
    writer.append(vec![sent.clone(), with_files(item(&channel, "ana", "too late"), &[load])]).await.unwrap();
    writer.append(vec![again(&sent)]).await.unwrap();
    let query = Query::parse("files").unwrap();
    let (channel, has_attachment) = (Some(id), Some(true));
    let (sender, from, to, after) = (None, None, None, None);
    let search = Search { query, channel, sender, from, to, has_attachment, after, limit: 9, bytes: 1 << 20 };
    writer.indexer(reader).catch_up().await.unwrap();
    assert_eq!(reader.search(Some(ana), search).await.unwrap().unwrap().hits.len(), 1);
}

fn listen() {
    diesel::connection::set_default_instrumentation(|| Some(Box::new(Listener))).unwrap();
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text, column_name = "detail")]
    text: String,
}

#[derive(QueryableByName)]
struct PlanLine {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    text: String,
}

#[test]
fn sqlite_searches_messages_by_index_only() {
    listen();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    runtime().block_on(async {
        let (writer, reader) = open_at(&file_url(&path)).await;
        everything(&writer, &reader).await;
    });
    let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    let queries = sent(|text| text.contains('`') || text.contains("COUNT(*)"));
    assert!(queries.len() >= 12, "{queries:#?}");
    for query in queries {
        let explain = diesel::sql_query(format!("EXPLAIN QUERY PLAN {query}"));
        let lines: Vec<Line> = diesel::RunQueryDsl::load(explain, &mut conn).unwrap();
        let plan: String = lines.iter().fold(String::new(), |mut plan, line| {
            writeln!(plan, "{}", line.text).unwrap();
            plan
        });
        assert!(!plan.contains("SCAN messages") && !plan.contains("SCAN m"), "{query}\n{plan}");
        assert!(!query.contains("LIMIT") || !plan.contains("TEMP B-TREE"), "{query}\n{plan}");
        if query.contains("`client_id` = ?") {
            assert!(plan.contains("(sender_id=? AND client_id=?)"), "{query}\n{plan}");
        }
        if query.contains("cm.last_read_seq") {
            assert!(plan.contains("messages_own_ix") && plan.contains("messages_deleted_ix"), "{query}\n{plan}");
        }
    }
}

/// The plans of these queries as the store's own sessions make and keep them, by the settings that those begin with.
async fn plans_of(queries: &[String], url: &str, first: &str) -> Vec<Vec<String>> {
    let mut conn = connect(url).await;
    let session = SENT.lock().unwrap().iter().find(|text| text.contains("SET enable_seqscan")).cloned();
    conn.batch_execute(&session.unwrap()).await.unwrap();
    conn.batch_execute("SET search_path = tenfour").await.unwrap();
    conn.batch_execute(first).await.unwrap();
    let mut plans = Vec::new();
    for (n, query) in queries.iter().enumerate() {
        let binds = (1..20).take_while(|n| query.contains(&format!("${n}"))).count();
        let nulls = vec!["NULL"; binds].join(",");
        let nulls = if binds > 0 { format!("({nulls})") } else { nulls };
        conn.batch_execute(&format!("PREPARE q{n} AS {query}")).await.unwrap();
        let explain = diesel::sql_query(format!("EXPLAIN EXECUTE q{n}{nulls}"));
        let lines: Vec<PlanLine> = explain.load(&mut conn).await.unwrap();
        plans.push(lines.iter().map(|line| line.text.trim().to_owned()).collect());
    }
    plans
}

#[test]
fn postgresql_searches_messages_by_index_only() {
    listen();
    runtime().block_on(async {
        let database = Database::create().await;
        let (writer, reader) = open_at(&database.url).await;
        everything(&writer, &reader).await;
        let mut queries = sent(|text| !text.contains('`') && text.contains('$'));
        // It goes with COMMIT, as one text.
        let moved = SENT.lock().unwrap().iter().find(|text| text.starts_with(MOVED)).cloned();
        queries.extend(moved.unwrap().split(';').next().map(str::to_owned));
        assert!(queries.len() >= 12, "{queries:#?}");
        // A plan that was made when nothing was stored yet has to do for long.
        let new = Database::create().await;
        open_at(&new.url).await;
        let early = plans_of(&queries, &new.url, "").await;
        let later = plans_of(&queries, &database.url, "ANALYZE").await;
        for (query, lines) in queries.iter().zip(&early).chain(queries.iter().zip(&later)) {
            let plan = lines.join("\n");
            assert!(!plan.contains("Seq Scan on"), "{query}\n{plan}");
            let next = lines.iter().skip(1).map(String::as_str).chain([""]);
            for (line, next) in lines.iter().zip(next) {
                let of_rows = [" on messages", " on channels", " on channel_members", " on attachments", " on audit_"];
                let scans = line.contains("Scan") && of_rows.iter().any(|of| line.contains(of));
                assert!(!scans || next.contains("Cond:"), "{query}\n{plan}");
            }
            assert!(!query.contains("ORDER BY \"messages\"") || !plan.contains("Sort"), "{query}\n{plan}");
            let mut conds = Vec::new();
            if query.contains("judged") {
                conds.extend(["(client_id = i_1.client_id))", "(id = i_1.channel_id)", "(id = i_1.reply_to_id)"]);
            }
            if query.starts_with(MOVED) {
                conds.push("(id = ANY (");
            }
            if query.contains("UPDATE attachments") {
                assert_eq!(plan.matches("Index Cond: (id = ANY (").count(), 2, "{query}\n{plan}");
            }
            if query.contains("FROM message_words") {
                conds.push("(id = message_words.message_id)");
            }
            for cond in conds {
                let by = lines.iter().any(|line| line.starts_with("Index Cond:") && line.contains(cond));
                assert!(by, "{cond}: {query}\n{plan}");
            }
            if query.contains("cm.last_read_seq") {
                assert!(plan.contains("messages_own_ix") && plan.contains("messages_deleted_ix"), "{query}\n{plan}");
            }
        }
        database.drop().await;
        new.drop().await;
    });
}
