//! Checked texts. A `parse` is the only way to one, so that nothing behind it has to check again.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest display or channel name, in characters.
pub const MAX_NAME_CHARS: usize = 255;
/// The longest content type, in bytes.
pub const MAX_CONTENT_TYPE: usize = 64;

/// What is wrong with a text. The wording is for the person who sent it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    #[error("must not be empty")]
    Empty,
    #[error("must not contain U+0000")]
    Nul,
    #[error("is {len} bytes long; the limit is {max}")]
    TooManyBytes { len: usize, max: usize },
    #[error("is {len} characters long; the limit is {max}")]
    TooManyChars { len: usize, max: usize },
}

/// The text of a message, stored and given back as it came. Between nodes it travels as it is: whoever sent it checked it.
/// The empty one, the default, is for messages that say what they say by their attachments.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Content(String);

impl Content {
    /// `max` in bytes of UTF-8.
    pub fn parse(text: String, max: usize) -> Result<Self, TextError> {
        if text.is_empty() {
            return Err(TextError::Empty);
        }
        if text.len() > max {
            return Err(TextError::TooManyBytes { len: text.len(), max });
        }
        refuse_nul(&text)?;
        Ok(Self(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn into_string(self) -> String {
        self.0
    }
}

/// Content never reaches a log.
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({} bytes)", self.0.len())
    }
}

/// A display name or a channel's name.
pub fn parse_name(text: &str) -> Result<String, TextError> {
    let name = text.trim();
    if name.is_empty() {
        return Err(TextError::Empty);
    }
    refuse_nul(name)?;
    let len = name.chars().count();
    if len > MAX_NAME_CHARS {
        return Err(TextError::TooManyChars { len, max: MAX_NAME_CHARS });
    }
    Ok(name.to_owned())
}

/// What kind of content it is: a short word of the application's choice, such as `text` or `location`.
pub fn parse_content_type(text: &str) -> Result<String, TextError> {
    if text.is_empty() {
        return Err(TextError::Empty);
    }
    if text.len() > MAX_CONTENT_TYPE {
        return Err(TextError::TooManyBytes { len: text.len(), max: MAX_CONTENT_TYPE });
    }
    refuse_nul(text)?;
    Ok(text.to_owned())
}

fn refuse_nul(text: &str) -> Result<(), TextError> {
    if text.contains('\0') { Err(TextError::Nul) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_kept_as_it_came_up_to_the_limit() {
        let text = "  déjà vu\n".to_owned();
        assert_eq!(Content::parse(text.clone(), text.len()).map(Content::into_string), Ok(text));
    }

    #[test]
    fn content_says_what_is_wrong_with_it() {
        assert_eq!(Content::parse(String::new(), 4), Err(TextError::Empty));
        assert_eq!(Content::parse("a\0".into(), 4), Err(TextError::Nul));
        assert_eq!(Content::parse("äöü".into(), 4), Err(TextError::TooManyBytes { len: 6, max: 4 }));
    }

    #[test]
    fn names_are_trimmed_and_bounded() {
        assert_eq!(parse_name(" Ana "), Ok("Ana".to_owned()));
        assert_eq!(parse_name("  "), Err(TextError::Empty));
        assert!(parse_name(&"x".repeat(256)).is_err());
    }
}
