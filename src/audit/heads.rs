//! Heads on paper: lines of signed heads, each with the hash of the line before, in files that only grow.
//!
//! A line is a JSON object, a tab, and the signature of the object's bytes in hexadecimal digits. Written by
//! [`super::export`], read by [`super::verify`].

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use chrono::DateTime;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::journal::JournalClaim;
use super::judge::Claim;
use super::key::{PublicKey, SigningKey};
use crate::domain::audit::{Chain, Head};
use crate::domain::hex::{hex, unhex};
use crate::domain::ids::{ChannelId, JournalId};
use crate::domain::journal::Journal;

/// Of the lines' files.
pub const EXTENSION: &str = "heads";

/// One line's object.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    /// When it was written.
    at: String,
    /// SHA-256 of the line before, without its line feed; of nothing in the first line.
    previous: String,
    /// By channel: where its trail begins, how far it goes, and what it comes to.
    heads: BTreeMap<ChannelId, (i64, i64, String)>,
    /// By journal: when it was begun (microseconds since 1970), how many records it has, and what they come to.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    journals: BTreeMap<JournalId, (i64, i64, String)>,
}

/// Goes on with a file of lines.
#[derive(Debug)]
pub struct Lines {
    previous: [u8; 32],
}

impl Default for Lines {
    fn default() -> Self {
        Self { previous: Sha256::digest(b"").into() }
    }
}

impl Lines {
    /// The next line, with its line feed.
    pub fn next(&mut self, key: &SigningKey, at: String, heads: &[(ChannelId, Chain)], journals: &[Journal]) -> String {
        let journal = |it: &Journal| (it.id, (it.since.timestamp_micros(), it.number, hex(&it.head.0)));
        let journals = journals.iter().map(journal).collect();
        let heads = heads.iter().map(|(id, chain)| (*id, (chain.since, chain.version, hex(&chain.head.0)))).collect();
        let line = Line { at, previous: hex(&self.previous), heads, journals };
        // Texts and numbers alone: not reachable.
        let object = serde_json::to_string(&line).unwrap_or_default();
        let line = format!("{object}\t{}", hex(&key.sign(object.as_bytes())));
        self.previous = Sha256::digest(line.as_bytes()).into();
        line + "\n"
    }
}

/// What was signed.
#[derive(Debug, Default)]
pub struct Claims {
    pub by_channel: HashMap<ChannelId, Vec<Claim>>,
    pub by_journal: HashMap<JournalId, Vec<JournalClaim>>,
    pub lines: usize,
    /// What is wrong with the files themselves.
    pub faults: Vec<String>,
    /// What is odd about them, and no fault.
    pub notes: Vec<String>,
}

impl Claims {
    /// All files of heads in a folder.
    pub fn read(folder: &Path, key: &PublicKey) -> std::io::Result<Self> {
        let mut claims = Self::default();
        let mut paths: Vec<PathBuf> =
            fs::read_dir(folder)?.map(|entry| entry.map(|it| it.path())).collect::<Result<_, _>>()?;
        paths.retain(|path| path.extension().is_some_and(|it| it == EXTENSION));
        paths.sort();
        for path in &paths {
            claims.take(&path.display().to_string(), &fs::read_to_string(path)?, key);
        }
        if claims.lines == 0 {
            claims.faults.push(format!("there are no signed heads in {}", folder.display()));
        }
        Ok(claims)
    }

    fn take(&mut self, name: &str, text: &str, key: &PublicKey) {
        let mut previous: [u8; 32] = Sha256::digest(b"").into();
        for (number, whole) in (1..).zip(text.split_inclusive('\n')) {
            let mut fault = |what: &str| self.faults.push(format!("{name}:{number}: {what}"));
            let Some(line) = whole.strip_suffix('\n') else {
                // The daemon was ended while it wrote, or the disk was full: that line never was.
                self.notes.push(format!("{name}:{number}: the last line has no end"));
                break;
            };
            let parts = line.split_once('\t').and_then(|(object, signature)| Some((object, unhex(signature)?)));
            let Some((object, signature)) = parts else {
                fault("this is no line of signed heads");
                break;
            };
            if !key.verifies(object.as_bytes(), &signature) {
                fault("the signature is not that of this key");
                break;
            }
            let Ok(parsed) = serde_json::from_str::<Line>(object) else {
                fault("what was signed is no line of heads");
                break;
            };
            if parsed.previous != hex(&previous) {
                fault("a line before this one was removed or moved");
            }
            previous = Sha256::digest(line.as_bytes()).into();
            self.lines += 1;
            for (channel, (since, version, head)) in parsed.heads {
                let Some(head) = head_of(&head) else { continue };
                self.by_channel.entry(channel).or_default().push(Claim { since, version, head });
            }
            for (journal, (since, number, head)) in parsed.journals {
                let Some((head, since)) = head_of(&head).zip(DateTime::from_timestamp_micros(since)) else { continue };
                self.by_journal.entry(journal).or_default().push(JournalClaim { since, number, head });
            }
        }
    }
}

fn head_of(text: &str) -> Option<Head> {
    unhex(text)?.try_into().ok().map(Head)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn three_lines() -> (PublicKey, String) {
        let key = SigningKey::of(&"07".repeat(32)).unwrap();
        let mut lines = Lines::default();
        let head = |n: u8| (ChannelId(Uuid::from_u128(7)), Chain { since: -1, version: n.into(), head: Head([n; 32]) });
        let journal = Journal::begin(JournalId::DAEMON, DateTime::UNIX_EPOCH);
        let text = (1..=3).map(|n| lines.next(&key, format!("at {n}"), &[head(n)], &[journal])).collect();
        (key.public(), text)
    }

    fn judged(text: &str, key: &PublicKey) -> Claims {
        let mut claims = Claims::default();
        claims.take("a", text, key);
        claims
    }

    #[test]
    fn what_was_written_is_read() {
        let (key, text) = three_lines();
        let claims = judged(&text, &key);
        assert_eq!((claims.lines, claims.faults), (3, Vec::new()));
        let versions: Vec<i64> = claims.by_channel.values().flatten().map(|claim| claim.version).collect();
        assert_eq!(versions, [1, 2, 3]);
        let since: Vec<_> = claims.by_journal[&JournalId::DAEMON].iter().map(|claim| claim.since).collect();
        assert_eq!(since, [DateTime::UNIX_EPOCH; 3]);
    }

    #[test]
    fn any_byte_that_is_changed_and_any_line_that_is_gone_or_moved_is_seen() {
        let (key, text) = three_lines();
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            let Claims { faults, notes, .. } = judged(&changed, &key);
            assert!(!faults.is_empty() || !notes.is_empty(), "byte {at}");
        }
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        for wrong in [vec![1, 2], vec![0, 2], vec![1, 0, 2], vec![0, 0, 1, 2]] {
            let text: String = wrong.iter().map(|&line| lines[line]).collect();
            assert!(!judged(&text, &key).faults.is_empty(), "{wrong:?}");
        }
        let torn = judged(&text[..text.len() - 9], &key);
        assert_eq!((torn.lines, torn.faults.len(), torn.notes.len()), (2, 0, 1));
    }
}
