//! What `GET /search` answers. Used by the HTTP layer; what a query may say is `domain::search`'s.

use serde::Serialize;

use super::server::MessageBody;
use crate::domain::search::{Found, Hit, Part};

/// A page of what was found.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SearchPage {
    /// The newest first.
    pub hits: Vec<SearchHit>,
    /// Whether there may be older ones. A page that took too long ends before its limit, even with nothing on it.
    pub has_more: bool,
    /// For the next page; none without one.
    #[schema(required)]
    pub cursor: Option<String>,
}

/// A message that was found.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SearchHit {
    pub message: MessageBody,
    /// The text around the first match, to be shown one after the other. Plain text: nothing in it is markup.
    pub snippet: Vec<SnippetPart>,
}

/// A piece of text, and whether it was searched for.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SnippetPart {
    pub text: String,
    #[serde(rename = "match")]
    pub is_match: bool,
}

impl From<Found> for SearchPage {
    fn from(found: Found) -> Self {
        Self {
            hits: found.hits.into_iter().map(SearchHit::from).collect(),
            has_more: found.next.is_some(),
            cursor: found.next.map(|next| next.to_string()),
        }
    }
}

impl From<Hit> for SearchHit {
    fn from(hit: Hit) -> Self {
        Self { message: hit.message.into(), snippet: hit.snippet.into_iter().map(SnippetPart::from).collect() }
    }
}

impl From<Part> for SnippetPart {
    fn from(part: Part) -> Self {
        Self { text: part.text, is_match: part.is_match }
    }
}
