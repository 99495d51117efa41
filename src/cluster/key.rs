//! The key that all nodes of one database share. Whoever can write to Redis but not read the database has no part in it.

use std::fmt;
use std::fmt::Write as _;

use aws_lc_rs::{constant_time, hmac};

/// Bytes of a tag.
pub const TAG_LEN: usize = 32;
/// Bytes of a short tag, for what is small and many.
const SHORT: usize = 16;

/// Seals what goes through Redis, and names the cluster there.
#[derive(Clone)]
pub struct Key {
    hmac: hmac::Key,
    name: String,
}

impl Key {
    pub fn new(secret: &[u8; 32]) -> Self {
        let hmac = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let name = hex(&hmac::sign(&hmac, b"name").as_ref()[..8]);
        Self { hmac, name }
    }

    /// What this cluster's keys and topics in Redis have in their names, so that several may share one.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The tag of some parts in this order; none can be moved into its neighbour.
    pub fn tag(&self, parts: &[&[u8]]) -> [u8; TAG_LEN] {
        let mut context = hmac::Context::with_key(&self.hmac);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut tag = [0; TAG_LEN];
        tag.copy_from_slice(context.sign().as_ref());
        tag
    }

    /// Whether the tag is the one of these parts.
    pub fn verify(&self, parts: &[&[u8]], tag: &[u8]) -> bool {
        constant_time::verify_slices_are_equal(&self.tag(parts), tag).is_ok()
    }

    /// A short tag as text.
    pub fn short_tag(&self, parts: &[&[u8]]) -> String {
        hex(&self.tag(parts)[..SHORT])
    }

    /// The same for [`Key::short_tag`].
    pub fn verify_short(&self, parts: &[&[u8]], tag: &str) -> bool {
        constant_time::verify_slices_are_equal(self.short_tag(parts).as_bytes(), tag.as_bytes()).is_ok()
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// A key never reaches a log.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_of_these_parts_in_this_order_under_this_key() {
        let (own, other) = (Key::new(&[1; 32]), Key::new(&[2; 32]));
        let tag = own.tag(&[b"ab", b"c"]);
        assert!(own.verify(&[b"ab", b"c"], &tag));
        for parts in [[b"a".as_slice(), b"bc"], [b"c", b"ab"], [b"ab", b"d"]] {
            assert!(!own.verify(&parts, &tag));
        }
        assert!(!other.verify(&[b"ab", b"c"], &tag) && !own.verify(&[b"ab", b"c"], &tag[..31]));
        let short = own.short_tag(&[b"ab"]);
        assert!(own.verify_short(&[b"ab"], &short) && !other.verify_short(&[b"ab"], &short));
        assert!(!own.verify_short(&[b"ab"], ""));
    }

    #[test]
    fn a_key_shows_its_name_and_nothing_else() {
        let key = Key::new(&[7; 32]);
        assert_eq!(format!("{key:?}"), format!("Key({})", key.name()));
        assert_eq!(key.name().len(), 16);
    }
}
