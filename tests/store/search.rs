use std::collections::BTreeSet;
use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::sql_types::BigInt;
use diesel::{Connection, QueryableByName, SqliteConnection};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use tenfour::domain::channel::Channel;
use tenfour::domain::now;
use tenfour::domain::search::{Found, Position, Query, Search};
use tenfour::store::{Reader, Writer};

use crate::attachments::{file, with_files};
use crate::kit::*;
use crate::postgres::{Database, connect};

cases! {
    each_query_finds_what_it_says,
    who_is_in_a_channel_finds_what_is_said_there_and_nobody_else,
    filters_narrow_what_is_found,
    messages_with_files_are_told_from_those_without,
    pages_have_neither_gaps_nor_doubles_while_messages_come_and_go,
    edits_and_deletions_show_before_they_are_indexed,
    whatever_is_typed_finds_what_has_it,
    more_channels_than_an_index_is_asked_for_are_searched,
}

fn search_for(query: &str) -> Search {
    Search {
        query: Query::parse(query).unwrap(),
        channel: None,
        sender: None,
        from: None,
        to: None,
        has_attachment: None,
        after: None,
        limit: 100,
        bytes: 1 << 20,
    }
}

async fn found(reader: &Reader, asker: Option<&str>, search: Search) -> Found {
    reader.search(asker.map(|name| user(name).id), search).await.unwrap().unwrap()
}

fn texts(found: &Found) -> Vec<&str> {
    found.hits.iter().map(|hit| hit.message.content.as_str()).collect()
}

async fn index(writer: &Writer, reader: &Reader) {
    writer.indexer(reader).catch_up().await.unwrap();
}

async fn say(writer: &Writer, channel: &Channel, texts: &[&str]) {
    writer.append(texts.iter().map(|text| item(channel, "ana", text)).collect()).await.unwrap();
}

async fn each_query_finds_what_it_says(writer: Writer, reader: Reader) {
    let texts_said = [
        "Tor 4 ist frei",
        "Drei Paletten nach Zürich, Tor 12",
        "Zu\u{308}rich: Straße gesperrt",
        "STRASSE frei, bitte zur Rampe B-2",
        "明日の会議室は B2",
        "don't use e-mail \"today\"",
        "a:b AND c OR d NOT e NEAR(f g) ^h",
        "'ab' <-> 'cd' & | ! :* \\ %",
        "\u{e000} 🚚 émoji",
        "חָלָב",
    ];
    let channel = group(&writer, &["ana"]).await;
    say(&writer, &channel, &texts_said).await;
    index(&writer, &reader).await;
    for (query, expected) in [
        ("tor", &[1, 0][..]),
        ("TOR 4", &[0]),
        ("\"tor 1\"", &[]),
        ("\"tor 1*\"", &[]),
        ("to*", &[5, 1, 0]),
        ("zurich", &[2, 1]),
        ("ZÜRICH -tor", &[2]),
        ("strasse frei", &[3]),
        ("strass*", &[3, 2]),
        ("b-2", &[3]),
        ("b2", &[4]),
        ("会議", &[4]),
        ("議会", &[]),
        ("don't", &[5]),
        ("\"e mail\"", &[5]),
        ("e", &[6, 5]),
        ("AND OR NOT", &[6]),
        ("NEAR(f", &[6]),
        ("words:x", &[]),
        ("ab<->cd", &[7]),
        ("'ab':*", &[7]),
        ("emoji", &[8]),
        ("חלב", &[9]),
        ("a* -tor -strasse", &[6]),
        ("ab* -tor -strasse", &[7]),
    ] {
        let page = found(&reader, Some("ana"), search_for(query)).await;
        let expected: Vec<&str> = expected.iter().map(|at: &usize| texts_said[*at]).collect();
        assert_eq!(texts(&page), expected, "{query}");
        assert_eq!(page.next, None, "{query}");
        for hit in &page.hits {
            assert!(hit.snippet.iter().any(|part| part.is_match), "{query}: {:?}", hit.snippet);
        }
    }
}

async fn who_is_in_a_channel_finds_what_is_said_there_and_nobody_else(writer: Writer, reader: Reader) {
    let first = group(&writer, &["ana", "bo"]).await;
    let second = group(&writer, &["ana", "cy"]).await;
    say(&writer, &first, &["tor eins"]).await;
    say(&writer, &second, &["tor zwei"]).await;
    index(&writer, &reader).await;
    let seen = async |asker: Option<&str>| {
        let page = found(&reader, asker, search_for("tor")).await;
        page.hits.into_iter().map(|hit| hit.message.content).collect::<Vec<_>>()
    };
    assert_eq!(seen(Some("ana")).await, ["tor zwei", "tor eins"]);
    assert_eq!(seen(Some("bo")).await, ["tor eins"]);
    assert_eq!(seen(None).await, ["tor zwei", "tor eins"]);
    assert_eq!(seen(Some("eve")).await, [""; 0]);
    let within = |name: Option<&str>, channel: &Channel| {
        let asker = name.map(|name| user(name).id);
        reader.search(asker, Search { channel: Some(channel.id), ..search_for("tor") })
    };
    assert_eq!(texts(&within(Some("bo"), &first).await.unwrap().unwrap()), ["tor eins"]);
    assert_eq!(within(Some("bo"), &second).await.unwrap(), None);
    assert_eq!(texts(&within(None, &second).await.unwrap().unwrap()), ["tor zwei"]);
    // From the moment of the removal on, though the index knows nothing of it.
    writer.remove_member(by("ana"), first.id, user("bo"), now()).await.unwrap().unwrap();
    assert_eq!(seen(Some("bo")).await, [""; 0]);
    assert_eq!(within(Some("bo"), &first).await.unwrap(), None);
    writer.add_members(by("ana"), first.id, vec![user("bo")], false, 9, now()).await.unwrap().unwrap();
    assert_eq!(seen(Some("bo")).await, ["tor eins"]);
}

async fn filters_narrow_what_is_found(writer: Writer, reader: Reader) {
    let channel = group(&writer, &["ana", "bo"]).await;
    let start = now();
    let mut batch = Vec::new();
    for n in 0..6 {
        let mut one = item(&channel, if n % 2 == 0 { "ana" } else { "bo" }, &format!("tor {n}"));
        one.message.created_at = later(start, n);
        batch.push(one);
    }
    writer.append(batch).await.unwrap();
    index(&writer, &reader).await;
    let all = search_for("tor");
    let (two, four) = (Some(later(start, 2)), Some(later(start, 4)));
    for (search, expected) in [
        (Search { sender: Some(user("bo").id), ..all.clone() }, &["tor 5", "tor 3", "tor 1"][..]),
        (Search { from: four, ..all.clone() }, &["tor 5", "tor 4"]),
        (Search { to: two, ..all.clone() }, &["tor 1", "tor 0"]),
        (Search { from: two, to: four, ..all.clone() }, &["tor 3", "tor 2"]),
        (Search { from: two, to: four, sender: Some(user("ana").id), ..all.clone() }, &["tor 2"]),
        (Search { from: four, to: two, ..all.clone() }, &[]),
        (Search { sender: Some(user("eve").id), ..all.clone() }, &[]),
        (Search { limit: 2, ..all.clone() }, &["tor 5", "tor 4"]),
        (Search { bytes: 4, ..all.clone() }, &["tor 5"]),
    ] {
        let page = found(&reader, Some("bo"), search.clone()).await;
        assert_eq!(texts(&page), expected, "{search:?}");
        let cut = search.limit == 2 || search.bytes == 4;
        assert_eq!(page.next.is_some(), cut, "{search:?}");
    }
    // Times that no message can have, and places that never were one.
    for (from, to) in
        [("0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z"), ("1969-01-01T00:00:00Z", "9999-01-01T00:00:00Z")]
    {
        let time = |text: &str| Some(chrono::DateTime::parse_from_rfc3339(text).unwrap().to_utc());
        let page = found(&reader, Some("bo"), Search { from: time(from), to: time(to), ..all.clone() }).await;
        assert_eq!(page.hits.len(), 6, "{from} {to}");
    }
}

async fn messages_with_files_are_told_from_those_without(writer: Writer, reader: Reader) {
    let channel = group(&writer, &["ana", "bo"]).await;
    let mut batch = Vec::new();
    for n in 0..500 {
        let sender = if n % 2 == 0 { "ana" } else { "bo" };
        let one = item(&channel, sender, &format!("tor {n}"));
        // So few of so many that they are on no first page of candidates.
        batch.push(if n % 100 == 7 { with_files(one, &[file(&writer, sender, "a").await]) } else { one });
    }
    writer.append(batch.clone()).await.unwrap();
    index(&writer, &reader).await;
    let with = Search { has_attachment: Some(true), ..search_for("tor") };
    let seen = async |search: &Search| {
        let page = found(&reader, Some("bo"), search.clone()).await;
        (page.hits.iter().map(|hit| hit.message.content.clone()).collect::<Vec<_>>(), page.next)
    };
    assert_eq!(seen(&with).await, (["407", "307", "207", "107", "7"].map(|n| format!("tor {n}")).to_vec(), None));
    let (first, next) = seen(&Search { limit: 2, ..with.clone() }).await;
    assert_eq!(first, ["tor 407", "tor 307"]);
    let (second, next) = seen(&Search { limit: 2, after: next, ..with.clone() }).await;
    assert_eq!(second, ["tor 207", "tor 107"]);
    assert_eq!(seen(&Search { limit: 2, after: next, ..with.clone() }).await, (vec!["tor 7".to_owned()], None));
    assert_eq!(seen(&Search { sender: Some(user("ana").id), ..with.clone() }).await.0, [""; 0]);
    let without = Search { has_attachment: Some(false), limit: 1000, ..search_for("tor*") };
    let (texts, _) = seen(&without).await;
    assert_eq!(texts.len(), 495);
    assert!(texts.iter().all(|text| !text.ends_with("07") && text != "tor 7"));
    assert_eq!(seen(&Search { has_attachment: None, ..without.clone() }).await.0.len(), 500);
    // An edit leaves the files; a deletion takes the message.
    let of = |n: usize| batch[n].message.id;
    writer.edit(by("bo"), of(307), text("rampe 307"), now()).await.unwrap().unwrap();
    writer.delete(by("bo"), of(107), now()).await.unwrap().unwrap();
    assert_eq!(seen(&with).await.0, ["tor 407", "tor 207", "tor 7"]);
    index(&writer, &reader).await;
    assert_eq!(seen(&with).await.0, ["tor 407", "tor 207", "tor 7"]);
    let ramp = Search { query: Query::parse("rampe").unwrap(), ..with };
    assert_eq!(seen(&ramp).await.0, ["rampe 307"]);
}

async fn pages_have_neither_gaps_nor_doubles_while_messages_come_and_go(writer: Writer, reader: Reader) {
    let channel = group(&writer, &["ana"]).await;
    let at = now();
    let batch: Vec<_> = (0..90)
        .map(|n| {
            let mut one = item(&channel, "ana", &format!("tor {n} {}", if n % 3 == 0 { "zu" } else { "auf" }));
            // Many of one moment, as batches are.
            one.message.created_at = later(at, n / 30 - 10);
            one
        })
        .collect();
    writer.append(batch.clone()).await.unwrap();
    index(&writer, &reader).await;
    let expected: BTreeSet<String> =
        (0..90).filter(|n| n % 3 != 0 && *n != 10).map(|n| format!("tor {n} auf")).collect();
    writer.delete(by("ana"), batch[10].message.id, now()).await.unwrap().unwrap();
    let (mut seen, mut order, mut after, mut pages) = (Vec::new(), Vec::<Position>::new(), None, 0);
    loop {
        let page = found(&reader, Some("ana"), Search { limit: 7, after, ..search_for("tor -zu") }).await;
        order.extend(page.hits.iter().map(|hit| Position { created_at: hit.message.created_at, id: hit.message.id }));
        seen.extend(page.hits.into_iter().map(|hit| hit.message.content));
        after = page.next;
        pages += 1;
        if after.is_none() {
            break;
        }
        // Newer ones are on no later page, wherever they are indexed meanwhile.
        say(&writer, &channel, &["tor neu auf"]).await;
        index(&writer, &reader).await;
    }
    assert_eq!(pages, 9);
    assert_eq!(seen.len(), expected.len(), "{seen:?}");
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), expected);
    assert!(order.windows(2).all(|two| two[0].created_at >= two[1].created_at), "{order:?}");
    assert!(order.windows(2).all(|two| two[0] > two[1]), "{order:?}");
}

async fn edits_and_deletions_show_before_they_are_indexed(writer: Writer, reader: Reader) {
    let channel = group(&writer, &["ana"]).await;
    let (kept, edited, deleted) = (
        send(&writer, &channel, "ana", "tor eins").await,
        send(&writer, &channel, "ana", "tor zwei").await,
        send(&writer, &channel, "ana", "tor drei").await,
    );
    index(&writer, &reader).await;
    writer.edit(by("ana"), edited.id, text("rampe zwei"), now()).await.unwrap().unwrap();
    writer.delete(by("ana"), deleted.id, now()).await.unwrap().unwrap();
    let ids = async |query: &str| {
        let page = found(&reader, Some("ana"), search_for(query)).await;
        page.hits.into_iter().map(|hit| hit.message.id).collect::<Vec<_>>()
    };
    assert_eq!(ids("tor").await, [kept.id]);
    index(&writer, &reader).await;
    assert_eq!(ids("tor").await, [kept.id]);
    assert_eq!(ids("rampe").await, [edited.id]);
    assert_eq!(ids("zwei").await, [edited.id]);
    assert_eq!(ids("drei").await, []);
}

/// Random texts of what means something to somebody: each message is found by its own text, and by nothing is anything broken.
async fn whatever_is_typed_finds_what_has_it(writer: Writer, reader: Reader) {
    const SIGNS: [&str; 30] = [
        "a", "B", "ab", "ä", "\u{301}", "ß", "会", "🚚", " ", " ", "\"", "'", "*", "-", "(", ")", ":", "^", "+", "&",
        "|", "!", "<->", "\\", "%", "NEAR", " OR ", " NOT ", "\u{e000}", "\u{202e}",
    ];
    let mut random = fastrand::Rng::with_seed(11);
    let mut made =
        |most: usize| -> String { (0..random.usize(1..most)).map(|_| SIGNS[random.usize(0..SIGNS.len())]).collect() };
    let channel = group(&writer, &["ana"]).await;
    let said: Vec<String> = (0..40).map(|_| made(12)).collect();
    say(&writer, &channel, &said.iter().map(String::as_str).collect::<Vec<_>>()).await;
    index(&writer, &reader).await;
    let mut searched = 0;
    for _ in 0..3_400 {
        let typed = made(8);
        let Ok(query) = Query::parse(&typed) else { continue };
        searched += 1;
        let expected: Vec<&str> =
            said.iter().rev().map(String::as_str).filter(|text| query.matches(text).is_some()).collect();
        let page = found(&reader, Some("ana"), Search { query, ..search_for("x") }).await;
        assert_eq!(texts(&page), expected, "{typed:?}");
    }
    assert!(searched > 2_000, "{searched}");
}

async fn more_channels_than_an_index_is_asked_for_are_searched(writer: Writer, reader: Reader) {
    for n in 0..260 {
        let channel = group(&writer, &["ana"]).await;
        if n % 100 == 0 {
            say(&writer, &channel, &[&format!("tor {n}")]).await;
        }
    }
    say(&writer, &group(&writer, &["bo"]).await, &["tor of others"]).await;
    index(&writer, &reader).await;
    let page = found(&reader, Some("ana"), search_for("tor")).await;
    assert_eq!(texts(&page), ["tor 200", "tor 100", "tor 0"]);
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

fn script(database: &str, name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(database).join("0008_search");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

const UNMIGRATED: &str = "DELETE FROM __diesel_schema_migrations WHERE version = '0008'";
/// What is left of a channel that the host deletes behind the daemon's back.
const LEFT: &str = "SELECT (SELECT count(*) FROM message_words) + (SELECT count(*) FROM search_progress) AS n";

#[test]
fn messages_of_before_the_migration_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    runtime().block_on(async {
        let database = Database::create().await;
        for url in [file_url(&path), database.url.clone()] {
            let (writer, _) = open_at(&url).await;
            let channel = group(&writer, &["ana"]).await;
            say(&writer, &channel, &["tor eins", "tor zwei"]).await;
            let other = group(&writer, &["ana"]).await;
            let many: Vec<String> = (0..600).map(|n| format!("rampe {n}")).collect();
            say(&writer, &other, &many.iter().map(String::as_str).collect::<Vec<_>>()).await;
        }
        let mut sqlite = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        sqlite
            .batch_execute(&format!("PRAGMA foreign_keys = ON; {} {UNMIGRATED}", script("sqlite", "down.sql")))
            .unwrap();
        let mut postgres = connect(&database.url).await;
        let down = format!("SET search_path = tenfour; {} {UNMIGRATED}", script("postgres", "down.sql"));
        postgres.batch_execute(&down).await.unwrap();
        for url in [file_url(&path), database.url.clone()] {
            let (writer, reader) = open_at(&url).await;
            assert_eq!(texts(&found(&reader, Some("ana"), search_for("tor")).await), [""; 0], "not indexed yet");
            index(&writer, &reader).await;
            assert_eq!(texts(&found(&reader, Some("ana"), search_for("tor")).await), ["tor zwei", "tor eins"]);
            assert_eq!(texts(&found(&reader, Some("ana"), search_for("599")).await), ["rampe 599"]);
        }
        sqlite.batch_execute("DELETE FROM channels").unwrap();
        postgres.batch_execute("DELETE FROM channels").await.unwrap();
        let ours: Count = diesel::RunQueryDsl::get_result(diesel::sql_query(LEFT), &mut sqlite).unwrap();
        let theirs: Count = diesel::sql_query(LEFT).get_result(&mut postgres).await.unwrap();
        let words = "SELECT count(*) AS n FROM message_index WHERE message_index MATCH 'tor'";
        let words: Count = diesel::RunQueryDsl::get_result(diesel::sql_query(words), &mut sqlite).unwrap();
        assert_eq!((ours.n, theirs.n, words.n), (0, 0, 0));
        database.drop().await;
    });
}

#[test]
fn several_nodes_index_what_changes_meanwhile() {
    runtime().block_on(async {
        let database = Database::create().await;
        let (writer, reader) = open_at(&database.url).await;
        let (other_writer, other_reader) = open_at(&database.url).await;
        let mut channels = Vec::new();
        for _ in 0..10 {
            channels.push(group(&writer, &["ana"]).await);
        }
        for round in 0..6 {
            for channel in &channels {
                let first = send(&writer, channel, "ana", &format!("alt {round}")).await;
                let (edit, ours, theirs) = tokio::join!(
                    writer.edit(by("ana"), first.id, text(&format!("neu {round}")), now()),
                    async { writer.indexer(&reader).catch_up().await },
                    async { other_writer.indexer(&other_reader).catch_up().await },
                );
                edit.unwrap().unwrap();
                ours.unwrap();
                theirs.unwrap();
            }
        }
        index(&other_writer, &other_reader).await;
        let page = |query: &str| found(&reader, None, search_for(query));
        assert_eq!(page("alt").await.hits.len(), 0);
        assert_eq!(page("neu").await.hits.len(), 60);
        database.drop().await;
    });
}
