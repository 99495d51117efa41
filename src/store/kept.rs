//! Statements that a connection prepares once, where diesel would prepare them anew at each call and close them again:
//! two more round trips, and another plan. It does so with every `sql_query` and every UPDATE, since it cannot know that
//! their texts are few.

use diesel::QueryResult;
use diesel::backend::Backend;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};

/// A statement of which there are few texts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept<Q>(pub(super) Q);

impl<DB: Backend, Q: QueryFragment<DB>> QueryFragment<DB> for Kept<Q> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, _: &DB) -> QueryResult<bool> {
        Ok(true)
    }
}

/// Without an id of its own a statement is found by its text and the types of its values, so that none is ever taken for
/// another.
impl<Q> QueryId for Kept<Q> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: Query> Query for Kept<Q> {
    type SqlType = Q::SqlType;
}

/// For SQLite's connection itself; any other runs whatever is a statement.
impl<Q, Conn> diesel::RunQueryDsl<Conn> for Kept<Q> {}
