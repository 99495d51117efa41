use diesel::sql_types::Text;
use diesel::{Connection, QueryableByName, SqliteConnection};
use diesel_async::RunQueryDsl;

use crate::kit::*;
use crate::postgres::{Database, connect};

#[derive(QueryableByName, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Column {
    #[diesel(sql_type = Text)]
    place: String,
}

#[test]
fn both_databases_get_the_same_tables_columns_constraints_and_indexes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    runtime().block_on(async {
        let database = Database::create().await;
        drop((open_at(&file_url(&path)).await, open_at(&database.url).await));
        let mut sqlite = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        let mut postgres = connect(&database.url).await;
        let ours: Vec<Column> = diesel::RunQueryDsl::load(
            diesel::sql_query(
                "SELECT m.name || '.' || c.cid || '.' || c.name || '.' || c.\"notnull\" AS place \
                 FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' \
                 AND m.name NOT LIKE '\\_%' ESCAPE '\\' AND m.name NOT LIKE 'sqlite%' \
                 UNION SELECT m.name FROM sqlite_master m WHERE m.type = 'index' AND m.sql IS NOT NULL ORDER BY 1",
            ),
            &mut sqlite,
        )
        .unwrap();
        let theirs: Vec<Column> = diesel::sql_query(
            "SELECT table_name || '.' || (ordinal_position - 1) || '.' || column_name || '.' || \
             CASE is_nullable WHEN 'NO' THEN '1' ELSE '0' END COLLATE \"C\" AS place FROM information_schema.columns \
             WHERE table_schema = 'tenfour' AND table_name NOT LIKE '\\_%' \
             UNION SELECT indexname COLLATE \"C\" FROM pg_indexes \
             WHERE schemaname = 'tenfour' AND indexname LIKE '%\\_ix' ORDER BY 1",
        )
        .load(&mut postgres)
        .await
        .unwrap();
        database.drop().await;
        assert!(ours.len() > 40, "{ours:?}");
        assert_eq!(ours, theirs);
    });
}
