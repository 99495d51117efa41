//! A file that hangs on a message: what is told of it, and what its name may be.

use serde::{Deserialize, Serialize};

use super::content::{MAX_NAME_CHARS, TextError};
use super::ids::AttachmentId;

/// What a file without a usable name is called.
const NAMELESS: &str = "file";

/// A file as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attachment {
    pub id: AttachmentId,
    /// What the uploader calls it. No path, and nothing that is not seen.
    pub name: String,
    /// By its content; `application/octet-stream` where that does not tell.
    pub content_type: String,
    pub size: i64,
    /// Of the bytes as they are stored, in hexadecimal form.
    pub sha256: String,
    /// In pixels; none where it is no picture that is shown.
    #[schema(required)]
    pub width: Option<i32>,
    #[schema(required)]
    pub height: Option<i32>,
}

/// The last part of what may be a path, without what would be hidden, turn the text around or end a header's line.
pub fn parse_file_name(text: &str) -> Result<String, TextError> {
    let last = text.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = last.chars().filter(|c| !c.is_control() && !is_unseen(*c)).collect();
    let name = name.trim();
    let len = name.chars().count();
    if len > MAX_NAME_CHARS {
        return Err(TextError::TooManyChars { len, max: MAX_NAME_CHARS });
    }
    Ok(if name.chars().all(|c| c == '.') { NAMELESS.to_owned() } else { name.to_owned() })
}

/// Marks of direction, joins of no width and ends of lines.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_last_part_without_what_hides_something() {
        for (text, name) in [
            ("plan.pdf", "plan.pdf"),
            (" Übersicht 2.png ", "Übersicht 2.png"),
            ("/etc/passwd", "passwd"),
            ("..\\..\\boot.ini", "boot.ini"),
            ("../..", "file"),
            ("", "file"),
            ("dir/", "file"),
            ("a\r\nSet-Cookie: b", "aSet-Cookie: b"),
            ("a\0b", "ab"),
            ("invoice\u{202e}fdp.exe", "invoicefdp.exe"),
        ] {
            assert_eq!(parse_file_name(text), Ok(name.to_owned()), "{text:?}");
        }
        assert!(parse_file_name(&"x".repeat(256)).is_err());
    }
}
