//! What a file is, by its first bytes and never by its name or what is said of it.
//!
//! Pictures that browsers are told to show are recognised here, everything else by `infer`. Whatever is text, or may hold
//! script, has no type of its own: it is saved, not shown.

use super::strip::Format;

/// So much of a file tells what it is.
pub(super) const HEAD: usize = 4096;
pub(super) const UNKNOWN: &str = "application/octet-stream";

pub(super) fn content_type(head: &[u8]) -> &'static str {
    if let Some(format) = Format::of(head) {
        return format.content_type();
    }
    infer::get(head).map(|kind| kind.mime_type()).filter(|kind| !is_active(kind)).unwrap_or(UNKNOWN)
}

/// Whether a browser might do more with it than show it.
fn is_active(kind: &str) -> bool {
    kind.starts_with("text/")
        || ["html", "xml", "svg", "script", "flash", "wasm"].iter().any(|word| kind.contains(word))
}

/// Whether browsers are told to show it rather than to save it.
pub fn is_shown(content_type: &str) -> bool {
    matches!(content_type, "image/png" | "image/jpeg" | "image/gif" | "image/webp")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_decide() {
        for (head, kind) in [
            (b"\xff\xd8\xff\xe0".as_slice(), "image/jpeg"),
            (b"\x89PNG\r\n\x1a\n", "image/png"),
            (b"GIF89a", "image/gif"),
            (b"RIFF\0\0\0\0WEBP", "image/webp"),
            (b"%PDF-1.7", "application/pdf"),
            (b"PK\x03\x04", "application/zip"),
            (b"hello", UNKNOWN),
            (b"", UNKNOWN),
        ] {
            assert_eq!(content_type(head), kind);
        }
    }

    #[test]
    fn what_may_hold_script_has_no_type() {
        for head in [
            "<!DOCTYPE html><script>alert(1)</script>",
            "<html><body onload=alert(1)>",
            "  <svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
            "<?xml version='1.0'?><svg/>",
            "#!/bin/sh\nrm -rf /",
        ] {
            assert_eq!(content_type(head.as_bytes()), UNKNOWN, "{head}");
        }
    }
}
