//! What a download says of itself, and parts of one.

use crate::daemon::Setup;
use crate::pictures::png;
use crate::yard::{Answer, Yard, text};

async fn get(yard: &Yard, method: &str, id: &str, headers: &[(&str, &str)]) -> Answer {
    yard.call("ben", method, &format!("/attachments/{id}"), headers, Vec::new()).await
}

#[tokio::test]
async fn parts_and_what_is_known_already_are_answered_as_http_has_it() {
    for setup in [Setup::on_sqlite_file(), Setup::in_memory()] {
        let yard = Yard::with(setup, |_| ()).await;
        let content: Vec<u8> = (0..=255).collect::<Vec<u8>>().repeat(2000);
        let size = content.len();
        let id = text(&yard.file("ben", "data", &content).await["id"]);
        let whole = get(&yard, "GET", &id, &[]).await;
        let tag = whole.header("etag").to_owned();
        assert_eq!((whole.status, whole.bytes.len(), tag.len()), (200, size, 66));
        assert_eq!(whole.header("cache-control"), "private, no-cache");
        assert_eq!((whole.header("accept-ranges"), whole.header("content-length")), ("bytes", "512000"));

        for (range, status, told, part) in [
            ("bytes=10-19", 206, "bytes 10-19/512000", &content[10..20]),
            ("bytes=511990-", 206, "bytes 511990-511999/512000", &content[511_990..]),
            ("bytes=-5", 206, "bytes 511995-511999/512000", &content[511_995..]),
            ("bytes=512000-", 416, "bytes */512000", &[]),
            ("bytes=0-1,4-5", 200, "", &content[..]),
            ("pages=1-2", 200, "", &content[..]),
        ] {
            let answer = get(&yard, "GET", &id, &[("range", range)]).await;
            assert_eq!((answer.status, answer.header("content-range")), (status, told), "{range}");
            assert!(answer.bytes == part, "{range}");
        }
        let partly = |known: &str| [("range", "bytes=0-0".to_owned()), ("if-range", known.to_owned())];
        for (known, status) in [(tag.as_str(), 206), ("\"other\"", 200)] {
            let headers = partly(known);
            let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            assert_eq!(get(&yard, "GET", &id, &headers).await.status, status, "{known}");
        }
        for (known, status) in
            [(tag.as_str(), 304), ("\"x\", W/\"y\"", 200), ("*", 304), (&format!("\"x\", W/{tag}"), 304)]
        {
            let answer = get(&yard, "GET", &id, &[("if-none-match", known)]).await;
            assert_eq!((answer.status, answer.header("etag")), (status, tag.as_str()), "{known}");
            assert_eq!(answer.bytes.is_empty(), status == 304);
        }
        let head = get(&yard, "HEAD", &id, &[]).await;
        assert_eq!((head.status, head.header("content-length"), head.bytes.len()), (200, "512000", 0));
        let head = get(&yard, "HEAD", &id, &[("range", "bytes=0-9")]).await;
        assert_eq!((head.status, head.header("content-length")), (206, "10"));
    }
}

#[tokio::test]
async fn a_name_is_shown_as_it_is_and_stays_in_its_header() {
    let yard = Yard::on_sqlite().await;
    for (name, content, expected) in [
        (
            "Übersicht \"1\".png",
            png(1, 1),
            "inline; filename=\"_bersicht _1_.png\"; filename*=UTF-8''%C3%9Cbersicht%20%221%22.png",
        ),
        (
            "a\r\nX-Evil: 1.txt",
            b"text".to_vec(),
            "attachment; filename=\"aX-Evil: 1.txt\"; filename*=UTF-8''aX-Evil%3A%201.txt",
        ),
        ("..", b"text".to_vec(), "attachment; filename=\"file\"; filename*=UTF-8''file"),
    ] {
        let id = text(&yard.file("ben", name, &content).await["id"]);
        let answer = get(&yard, "GET", &id, &[]).await;
        assert_eq!(answer.header("content-disposition"), expected);
        assert!(answer.headers.get("x-evil").is_none());
    }
}
