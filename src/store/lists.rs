//! Lists of ids in one column, one after the other: null where there are none, so that what has none costs nothing.

use uuid::Uuid;

/// What is kept of a list.
pub(super) fn bytes_of(ids: impl IntoIterator<Item = Uuid>) -> Option<Vec<u8>> {
    let bytes: Vec<u8> = ids.into_iter().flat_map(Uuid::into_bytes).collect();
    (!bytes.is_empty()).then_some(bytes)
}

/// Read back; `None` where these bytes are no list of ids.
pub(super) fn ids_of<I>(bytes: Option<&[u8]>, id: impl Fn(Uuid) -> I) -> Option<Vec<I>> {
    let Some(bytes) = bytes else { return Some(Vec::new()) };
    let ids = bytes.chunks(16).map(|bytes| Uuid::from_slice(bytes).ok().map(&id)).collect::<Option<Vec<_>>>();
    ids.filter(|ids| !ids.is_empty())
}
