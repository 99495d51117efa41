//! A sign or a short word that a reader leaves on a message.

use serde::{Deserialize, Serialize};

use super::ids::UserId;

/// The longest one, in bytes: the longest of the emoji's sequences has 35.
pub const MAX_REACTION: usize = 64;
/// Different ones on a message.
pub const MAX_REACTIONS: usize = 20;

/// A checked one. [`str::parse`] is the only way to it. Given back as it came: what looks alike and is written otherwise is
/// another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaction(String);

impl Reaction {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a sign or a word of 1 to {MAX_REACTION} bytes, without blanks and control characters")]
pub struct InvalidReaction;

impl std::str::FromStr for Reaction {
    type Err = InvalidReaction;

    fn from_str(text: &str) -> Result<Self, InvalidReaction> {
        let is_well = |c: char| !c.is_control() && !c.is_whitespace() && !turns_text(c);
        let shows = text.chars().any(|c| !is_joint(c));
        let fits = (1..=MAX_REACTION).contains(&text.len());
        if fits && shows && text.chars().all(is_well) { Ok(Self(text.to_owned())) } else { Err(InvalidReaction) }
    }
}

/// Marks of direction, and what nobody sees. Tags (U+E0020 and on) are parts of flags.
fn turns_text(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// What only joins or varies other signs.
fn is_joint(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}')
}

/// A reaction to a message, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Reaction)]
pub struct Reacted {
    #[schema(min_length = 1, max_length = 64)]
    pub reaction: String,
    /// Who reacted first is first.
    pub user_ids: Vec<UserId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reaction_is_seen_and_short() {
        let word = "x".repeat(MAX_REACTION);
        for fine in ["👍", "👍🏽", "❤️", "👩‍👩‍👧‍👦", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "1️⃣", "+1", "ok", "確認", &word]
        {
            assert_eq!(fine.parse::<Reaction>().unwrap().as_str(), fine);
        }
        let long = "x".repeat(MAX_REACTION + 1);
        for bad in ["", " ", "a b", "a\n", "\0", "a\u{7f}", "\u{200d}", "\u{fe0f}", "a\u{202e}b", "\u{3000}", &long] {
            assert_eq!(bad.parse::<Reaction>(), Err(InvalidReaction), "{bad:?}");
        }
    }
}
