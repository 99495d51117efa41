//! Pictures and films that cameras write, with where and when and by what they were taken: what is left of them over a real
//! daemon. How the files of `data/` were made is said there.

use serde_json::{Value, json};

use crate::daemon::{Setup, eventually};
use crate::pictures::{SECRET, has};
use crate::yard::{Yard, text};

/// A file, what it is, how it is shown, and where in it is what is shown: from and to.
struct Noted {
    name: &'static str,
    bytes: &'static [u8],
    kind: &'static str,
    size: Option<(u32, u32)>,
    drawn: &'static [(usize, usize)],
}

const ALL: [Noted; 4] = [
    Noted {
        name: "turned.heic",
        bytes: include_bytes!("data/turned.heic"),
        kind: "image/heif",
        // It lies on its side, and is 64 wide.
        size: Some((48, 64)),
        drawn: &[(1170, 1225)],
    },
    Noted {
        name: "flat.avif",
        bytes: include_bytes!("data/flat.avif"),
        kind: "image/avif",
        size: Some((64, 48)),
        drawn: &[(1482, 1556)],
    },
    Noted {
        name: "turned.tif",
        bytes: include_bytes!("data/turned.tif"),
        kind: "image/tiff",
        size: Some((20, 30)),
        drawn: &[(1190, 3404)],
    },
    Noted {
        name: "walk.mov",
        bytes: include_bytes!("data/walk.mov"),
        kind: "video/quicktime",
        size: None,
        // Between these two pictures is a subtitle.
        drawn: &[(2747, 3680), (3716, 3959)],
    },
];

/// The position as XMP, `QuickTime` and a subtitle say it, and as Exif does in either order of bytes.
const POSITIONS: [&[u8]; 5] = [
    b"48,8.2",
    b"48.137",
    b"11.576",
    b"\0\0\0\x30\0\0\0\x01\0\0\0\x08\0\0\0\x01",
    b"\x30\0\0\0\x01\0\0\0\x08\0\0\0\x01\0\0\0",
];

fn tells(bytes: &[u8]) -> Option<String> {
    let places = POSITIONS.iter().find(|position| bytes.windows(position.len()).any(|window| window == **position));
    let words = ["Secret", "2026:03:01", "adobe"].into_iter().find(|word| has(bytes, word));
    places.map(|place| format!("{place:?}")).or(words.map(str::to_owned))
}

#[tokio::test]
async fn what_cameras_write_is_left_out_and_the_picture_stays() {
    let yard = Yard::on_sqlite().await;
    for it in &ALL {
        assert!(tells(it.bytes).is_some(), "{} would show nothing", it.name);
        let file = yard.file("ben", it.name, it.bytes).await;
        let (width, height) = (it.size.map(|(width, _)| width), it.size.map(|(_, height)| height));
        assert_eq!(
            (&file["contentType"], &file["width"], &file["height"]),
            (&json!(it.kind), &json!(width), &json!(height))
        );
        assert_eq!(file["size"], it.bytes.len(), "no place changes");
        let got = yard.get("ben", &text(&file["id"])).await;
        assert_eq!(tells(&got.bytes), None, "{}", it.name);
        for (from, to) in it.drawn.iter().copied() {
            assert!(got.bytes[from..to] == it.bytes[from..to], "{} from {from}", it.name);
        }
        assert!(got.header("content-disposition").starts_with("attachment;"), "{}", it.name);
        // Nothing is left to leave out.
        let again = yard.file("ben", it.name, &got.bytes).await;
        assert_eq!(again["sha256"], file["sha256"], "{}", it.name);
    }
}

#[tokio::test]
async fn what_is_not_understood_is_refused_and_may_be_sent_in_an_archive() {
    let yard = Yard::on_sqlite().await;
    let heic = ALL[0].bytes;
    let meta = heic.windows(4).position(|name| name == b"meta").unwrap();
    let mut broken = heic.to_vec();
    broken[meta..meta + 4].copy_from_slice(b"what");
    let film_without_an_index = [b"\0\0\0\x10ftypisom\0\0\0\0\0\0\x01\0mdat".as_slice(), SECRET.as_bytes()].concat();
    let no_tiff = [b"II\x2a\0\xff\xff\xff\xff".as_slice(), SECRET.as_bytes()].concat();
    for bytes in [&broken, &film_without_an_index, &no_tiff, &heic[..100].to_vec()] {
        yard.upload("ben", "a", bytes).await.refuses(422, "invalid_frame", &["not understood", "archive"]);
    }
    assert_eq!(yard.files(), 0);
    eventually("nothing that counts", async || yard.has_nothing_loose().await).await;
    let archive = [b"PK\x03\x04".as_slice(), &broken].concat();
    let file = yard.file("ben", "a.zip", &archive).await;
    assert_eq!((&file["contentType"], &file["size"]), (&json!("application/zip"), &json!(archive.len())));
}

/// Larger than what is held at a time. Of data that nothing names nobody knows what it is.
#[tokio::test]
async fn a_long_film_is_looked_at_where_it_lies() {
    let yard = Yard::with(Setup::on_sqlite_file(), |config| config.limits.max_attachment_bytes = 40 << 20).await;
    let small = ALL[3].bytes;
    let rest = [b"\x02\0\0\0mdat".as_slice(), SECRET.as_bytes(), &vec![7; (32 << 20) - 8 - SECRET.len()]].concat();
    let film = [small, &rest].concat();
    let file: Value = yard.file("ben", "a.mov", &film).await;
    let got = yard.get("ben", &text(&file["id"])).await;
    assert_eq!(got.bytes.len(), film.len());
    assert!(got.bytes[small.len() + 8..].iter().all(|byte| *byte == 0));
    assert!(ALL[3].drawn.iter().all(|(from, to)| got.bytes[*from..*to] == small[*from..*to]));
    // Free space at the end goes altogether.
    let film = [small, b"\0\0\0\x20skip", &[7; 24]].concat();
    let file: Value = yard.file("ben", "a.mov", &film).await;
    assert_eq!(file["size"], small.len());
    // Whose fragments have subtitles: nobody looks for those in each of them.
    let film = [small, b"\0\0\0\x08moof"].concat();
    yard.upload("ben", "a.mov", &film).await.refuses(422, "invalid_frame", &["fragments"]);
    assert_eq!(yard.files(), 2);
}
