//! Tables as a catalogue tells of them, and the texts that read and fill any of them, a row a list. For the transfer between databases.

use std::fmt::Write;

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use diesel_async::RunQueryDsl;
use serde_json::Value;

use super::transfer::in_order;
use super::{Conn, with_conn};
use crate::store::error::StoreError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

/// How the two databases keep one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// UUID, or a BLOB of 16 bytes.
    Id,
    /// BYTEA, or a BLOB.
    Bytes,
    /// TIMESTAMPTZ, or microseconds since 1970.
    Time,
    /// Numbers, told from truths by PostgreSQL alone.
    Bool,
    Number,
    Text,
}

#[derive(Debug, Clone)]
struct Column {
    name: String,
    /// As PostgreSQL calls its type.
    udt: String,
    kind: Kind,
    /// Its place in the primary key, from 0.
    key: Option<i64>,
}

#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) name: String,
    columns: Vec<Column>,
}

#[derive(QueryableByName)]
struct Told {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    column_name: String,
    #[diesel(sql_type = Text)]
    udt: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    key: Option<i64>,
    #[diesel(sql_type = Bool)]
    generated: bool,
}

#[derive(QueryableByName)]
struct Refers {
    #[diesel(sql_type = Text)]
    one: String,
    #[diesel(sql_type = Text)]
    other: String,
}

const COLUMNS: &str = "SELECT t.relname::text AS table_name, a.attname::text AS column_name, y.typname::text AS udt, \
     array_position(i.indkey::int2[], a.attnum)::bigint AS key, a.attgenerated <> '' AS generated \
     FROM pg_class t JOIN pg_namespace s ON s.oid = t.relnamespace JOIN pg_attribute a ON a.attrelid = t.oid \
     JOIN pg_type y ON y.oid = a.atttypid LEFT JOIN pg_index i ON i.indrelid = t.oid AND i.indisprimary \
     WHERE s.nspname = current_schema() AND t.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped \
     ORDER BY t.relname, a.attnum";

const REFERENCES: &str = "SELECT o.relname::text AS one, r.relname::text AS other FROM pg_constraint k \
     JOIN pg_class o ON o.oid = k.conrelid JOIN pg_class r ON r.oid = k.confrelid \
     JOIN pg_namespace s ON s.oid = o.relnamespace WHERE k.contype = 'f' AND s.nspname = current_schema()";

/// Those of a PostgreSQL schema, in the order in which they can be filled.
pub(super) async fn all(conn: &mut Conn, but: &[&str]) -> Result<Vec<Table>, StoreError> {
    let query = diesel::sql_query(COLUMNS);
    let told: Vec<Told> = with_conn!(conn, |c| query.clone().load(c).await)?;
    let query = diesel::sql_query(REFERENCES);
    let refers: Vec<Refers> = with_conn!(conn, |c| query.clone().load(c).await)?;
    let mut tables = Vec::<Table>::new();
    for Told { table_name, column_name, udt, key, generated } in told {
        if but.contains(&table_name.as_str()) || generated {
            continue;
        }
        let kind = match udt.as_str() {
            "uuid" => Kind::Id,
            "bytea" => Kind::Bytes,
            "timestamptz" => Kind::Time,
            "bool" => Kind::Bool,
            "int2" | "int4" | "int8" => Kind::Number,
            "text" | "varchar" => Kind::Text,
            other => return Err(StoreError::Internal(format!("{table_name}.{column_name} is of the type {other}"))),
        };
        if tables.last().is_none_or(|table| table.name != table_name) {
            tables.push(Table { name: table_name, columns: Vec::new() });
        }
        if let Some(table) = tables.last_mut() {
            table.columns.push(Column { name: column_name, udt, kind, key });
        }
    }
    let refers: Vec<_> = refers.into_iter().map(|it| (it.one, it.other)).collect();
    Ok(in_order(tables, &refers))
}

impl Table {
    /// The places of the key's columns, in the key's order.
    fn key(&self) -> Vec<usize> {
        let mut key: Vec<(i64, usize)> =
            self.columns.iter().enumerate().filter_map(|(at, column)| Some((column.key?, at))).collect();
        key.sort_unstable();
        key.into_iter().map(|(_, at)| at).collect()
    }

    pub(super) fn key_of(&self, row: &Value) -> String {
        let parts: Vec<String> = self.key().iter().map(|at| row[*at].to_string()).collect();
        parts.join(", ")
    }

    /// One text: the list of the rows behind `after`, by the key, at most so many.
    pub(super) fn page(&self, dialect: Dialect, after: Option<&Value>, limit: usize) -> String {
        let key = self.key();
        let names = |of: &dyn Fn(&Column) -> String| {
            key.iter().filter_map(|at| self.columns.get(*at)).map(of).collect::<Vec<_>>().join(", ")
        };
        let keys = names(&|column| column.ordered(dialect));
        let behind = after.map_or_else(String::new, |row| {
            let values: Vec<String> =
                key.iter().filter_map(|at| Some(self.columns.get(*at)?.literal(dialect, &row[*at]))).collect();
            format!(" WHERE ({keys}) > ({})", values.join(", "))
        });
        let columns: Vec<String> = self.columns.iter().map(|column| column.read(dialect)).collect();
        let (list, all) = match dialect {
            Dialect::Sqlite => ("json_array", "json_group_array(json(line))"),
            Dialect::Postgres => ("json_build_array", "json_agg(line)::text"),
        };
        format!(
            "SELECT {all} AS rows FROM (SELECT {list}({}) AS line FROM {}{behind} ORDER BY {keys} LIMIT {limit}) AS page",
            columns.join(", "),
            self.name,
        )
    }

    /// Fills it from the list of rows $1. PostgreSQL's.
    pub(super) fn insert(&self) -> String {
        let names: Vec<String> = self.columns.iter().map(|column| format!("\"{}\"", column.name)).collect();
        let values: Vec<String> = self.columns.iter().enumerate().map(|(at, column)| column.written(at)).collect();
        format!(
            "INSERT INTO {} ({}) SELECT {} FROM json_array_elements($1::json) AS line",
            self.name,
            names.join(", "),
            values.join(", ")
        )
    }
}

impl Column {
    /// As JSON, the same from both.
    fn read(&self, dialect: Dialect) -> String {
        let name = format!("\"{}\"", self.name);
        match (dialect, self.kind) {
            (Dialect::Sqlite, Kind::Id | Kind::Bytes) => {
                format!("CASE WHEN {name} IS NOT NULL THEN lower(hex({name})) END")
            }
            (Dialect::Postgres, Kind::Id) => format!("encode(uuid_send({name}), 'hex')"),
            (Dialect::Postgres, Kind::Bytes) => format!("encode({name}, 'hex')"),
            (Dialect::Postgres, Kind::Time) => format!("(extract(epoch FROM {name}) * 1000000)::bigint"),
            (Dialect::Postgres, Kind::Bool) => format!("{name}::integer"),
            _ => name,
        }
    }

    /// In the order of bytes, which both have.
    fn ordered(&self, dialect: Dialect) -> String {
        let by_bytes = dialect == Dialect::Postgres && self.kind == Kind::Text;
        format!("\"{}\"{}", self.name, if by_bytes { " COLLATE \"C\"" } else { "" })
    }

    fn literal(&self, dialect: Dialect, value: &Value) -> String {
        let text = value.as_str().unwrap_or_default().replace('\'', "''");
        match (dialect, self.kind) {
            (Dialect::Sqlite, Kind::Id | Kind::Bytes) => format!("x'{text}'"),
            (Dialect::Postgres, Kind::Id) => format!("'{text}'::uuid"),
            (Dialect::Postgres, Kind::Bytes) => format!("decode('{text}', 'hex')"),
            (Dialect::Postgres, Kind::Time) => moment(&format!("{value}::bigint")),
            (_, Kind::Text) => format!("'{text}'"),
            _ => value.to_string(),
        }
    }

    /// From its place in a row.
    fn written(&self, at: usize) -> String {
        let text = format!("(line->>{at})");
        match self.kind {
            Kind::Id => format!("{text}::uuid"),
            Kind::Bytes => format!("decode({text}, 'hex')"),
            Kind::Time => moment(&format!("{text}::bigint")),
            Kind::Bool => format!("{text}::integer::boolean"),
            Kind::Number => {
                let mut cast = text;
                // Writing into a String cannot fail.
                let _ = write!(cast, "::{}", self.udt);
                cast
            }
            Kind::Text => text,
        }
    }
}

/// Of microseconds, without a detour over numbers that round.
fn moment(micros: &str) -> String {
    format!("(to_timestamp(({micros}) / 1000000) + (({micros}) % 1000000) * interval '1 microsecond')")
}
