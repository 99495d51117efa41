//! The secret that the nodes of one database share: made by whoever opens it first, kept as hexadecimal text.
//!
//! Read by those who let nodes trust each other. Never logged, in an error neither.

use aws_lc_rs::rand;

use super::backend::Conn;
use super::error::StoreError;
use super::meta;
use crate::domain::cluster::ClusterKey;

const KEY: &str = "cluster_key";

pub(super) async fn ensure(conn: &mut Conn) -> Result<(), StoreError> {
    let mut bytes = [0; ClusterKey::LEN];
    rand::fill(&mut bytes).map_err(|_| StoreError::Internal("the system gives no random bytes".to_owned()))?;
    Ok(meta::ensure(conn, KEY, &to_hex(&bytes)).await?)
}

pub(super) async fn read(conn: &mut Conn) -> Result<ClusterKey, StoreError> {
    let text = meta::read(conn, KEY).await?;
    let bytes = from_hex(&text).and_then(|bytes| bytes.try_into().ok());
    // Not the text itself: it may be a key with a slip in it.
    let damaged = || StoreError::Internal(format!("{KEY} in the table meta is not {} bytes", ClusterKey::LEN));
    bytes.map(ClusterKey::new).ok_or_else(damaged)
}

fn to_hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).flatten().collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16)?.try_into().ok()).collect();
    digits?.chunks(2).map(|pair| Some(pair.first()? << 4 | pair.get(1)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_their_text() {
        let bytes: Vec<u8> = (0..=255).collect();
        let text = to_hex(&bytes);
        assert!(text.starts_with("000102") && text.ends_with("fdfeff"), "{text}");
        assert_eq!(from_hex(&text), Some(bytes));
        assert_eq!((from_hex("abc"), from_hex("0g"), from_hex("é")), (None, None, None));
    }
}
