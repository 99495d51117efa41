//! What a file is, by its first bytes and never by its name or what is said of it.
//!
//! Pictures that browsers are told to show are recognised here, everything else by `infer`. Whatever is text, or may hold
//! script, has no type of its own: it is saved, not shown.

use super::scrub::Kind;
use super::strip::Format;

/// So much of a file tells what it is.
pub(super) const HEAD: usize = 4096;
pub(super) const UNKNOWN: &str = "application/octet-stream";

pub(super) fn content_type(head: &[u8]) -> &'static str {
    if let Some(format) = Format::of(head) {
        return format.content_type();
    }
    let known = infer::get(head).map(|kind| kind.mime_type()).filter(|kind| !is_active(kind));
    known.or_else(|| of_family(head)).unwrap_or(UNKNOWN)
}

/// Of what is stripped, and has too many names to be in a list of others.
fn of_family(head: &[u8]) -> Option<&'static str> {
    match (Kind::of(head)?, head.get(8..12)?) {
        (Kind::Tiff, _) => Some("image/tiff"),
        (Kind::Boxes, [b'3', b'g', b'p' | b'2', _]) => Some("video/3gpp"),
        (Kind::Boxes, b"mif1" | b"msf1" | b"hevc" | b"hevx" | b"heim" | b"heis" | b"hevm" | b"hevs") => {
            Some("image/heif")
        }
        _ => None,
    }
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
            (b"II\x2a\0\x08\0\0\0\x01\0\0\0", "image/tiff"),
            (b"MM\0\x2b\0\x08\0\0\0\0\0\0", "image/tiff"),
            (b"\0\0\0\x14ftypheic\0\0\0\0mif1", "image/heif"),
            (b"\0\0\0\x14ftypmif1\0\0\0\0miaf", "image/heif"),
            (b"\0\0\0\x14ftypavif\0\0\0\0mif1", "image/avif"),
            (b"\0\0\0\x14ftyp3gp5\0\0\0\0isom", "video/3gpp"),
            (b"\0\0\0\x14ftypisom\0\0\0\0mp41", "video/mp4"),
            (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "video/quicktime"),
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
