use super::*;

/// A directory with entries of tag, type, count and value, and where the next one is.
fn directory(entries: &[(u16, u16, u32, u32)], next: u32) -> Vec<u8> {
    let mut bytes = u16::try_from(entries.len()).unwrap().to_le_bytes().to_vec();
    for (tag, kind, count, value) in entries {
        bytes.extend_from_slice(&tag.to_le_bytes());
        bytes.extend_from_slice(&kind.to_le_bytes());
        bytes.extend_from_slice(&count.to_le_bytes());
        bytes.extend_from_slice(&value.to_le_bytes());
    }
    bytes.extend_from_slice(&next.to_le_bytes());
    bytes
}

/// With each of these at its place, and as long as that.
fn laid(length: usize, pieces: &[(usize, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![b'#'; length];
    for (at, piece) in [(0, b"II\x2a\0\x08\0\0\0".as_slice())].iter().chain(pieces) {
        bytes[*at..at + piece.len()].copy_from_slice(piece);
    }
    bytes
}

/// What is left of a file, and its size.
type Left = (Vec<u8>, Option<(u32, u32)>);

fn scrubbed(bytes: &[u8]) -> Done<Left> {
    let ground = Memory::new(bytes);
    let dimensions = scrub(Kind::of(bytes).unwrap(), &ground)?;
    Ok((ground.0.into_inner(), dimensions))
}

fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

const SHORT: u16 = 3;
const LONG: u16 = 4;
const TEXT: u16 = 2;

#[test]
fn directories_keep_what_a_picture_is_drawn_by_and_nothing_else_stays() {
    let first = directory(
        &[
            (256, SHORT, 1, 5),
            (257, SHORT, 1, 3),
            // What made it, in a text and in a value of its own.
            (271, TEXT, 6, 400),
            (272, TEXT, 4, u32::from_le_bytes(*b"GPS\0")),
            (273, LONG, 2, 300),
            (274, SHORT, 1, 6),
            (279, SHORT, 2, 0xa_000a),
            (330, LONG, 1, 200),
            (34853, LONG, 1, 150),
        ],
        420,
    );
    let positions = directory(&[(2, 5, 3, 330)], 0);
    let sub = directory(
        &[(254, LONG, 1, 1), (256, SHORT, 1, 2), (273, LONG, 1, 320), (279, LONG, 1, 4), (305, TEXT, 6, 400)],
        0,
    );
    // The last one leads back to the first.
    let second = directory(&[(256, SHORT, 1, 9), (257, SHORT, 1, 9), (273, LONG, 1, 310), (279, LONG, 1, 10)], 8);
    let pieces: [(usize, &[u8]); 10] = [
        (8, &first),
        (150, &positions),
        (200, &sub),
        (290, b"pixels one"),
        (300, &290_u32.to_le_bytes()),
        (304, &310_u32.to_le_bytes()),
        (310, b"pixels two"),
        (320, b"tiny"),
        (330, b"GPS 48.1N 11.5E GPS 48.1"),
        (400, b"GPS by"),
    ];
    let whole = laid(500, &[pieces.as_slice(), &[(420, &second)]].concat());
    let (left, dimensions) = scrubbed(&whole).unwrap();
    assert_eq!(dimensions, Some((3, 5)), "it lies on its side");
    assert!(!has(&left, "GPS") && !has(&left, "48.1") && !has(&left, "#"));
    for kept in ["pixels one", "pixels two", "tiny"] {
        assert!(has(&left, kept), "{kept}");
    }
    let expected = directory(
        &[
            (256, SHORT, 1, 5),
            (257, SHORT, 1, 3),
            (273, LONG, 2, 300),
            (274, SHORT, 1, 6),
            (279, SHORT, 2, 0xa_000a),
            (330, LONG, 1, 200),
        ],
        420,
    );
    assert_eq!(left[8..8 + expected.len()], expected);
    assert_eq!(left[420..420 + second.len() - 4], second[..second.len() - 4]);
    assert_eq!(left[420 + second.len() - 4..][..4], [0; 4], "no circle");
    assert_eq!(scrubbed(&left).unwrap(), (left, dimensions), "nothing is left to leave out");
}

#[test]
fn a_piece_that_claims_all_of_the_file_keeps_no_positions() {
    let first = directory(&[(273, LONG, 1, 100), (279, LONG, 1, u32::MAX), (34853, LONG, 1, 200), (700, 1, 9, 300)], 0);
    let positions = directory(&[(2, 5, 1, 240), (29, TEXT, 11, 250)], 0);
    let pieces: [(usize, &[u8]); 6] = [
        (8, &first),
        (100, b"pixels"),
        (200, &positions),
        (240, b"GPS 48.1"),
        (250, b"GPS 2026:03"),
        (300, b"GPS <xmp>"),
    ];
    let (left, _) = scrubbed(&laid(400, &pieces)).unwrap();
    assert!(has(&left, "pixels") && !has(&left, "GPS"));
}

#[test]
fn large_places_and_the_other_order_are_read_alike() {
    let entry = |tag: u16, kind: u16, count: u64, value: u64| {
        [&tag.to_be_bytes()[..], &kind.to_be_bytes(), &count.to_be_bytes(), &value.to_be_bytes()].concat()
    };
    let entries = [
        // A short number is at the start of its field.
        entry(256, SHORT, 1, 7 << 48),
        entry(257, SHORT, 1, 4 << 48),
        entry(273, 16, 1, 150),
        entry(279, 16, 1, 6),
        entry(306, TEXT, 20, 170),
    ];
    let whole = [
        b"MM\0\x2b\0\x08\0\0\0\0\0\0\0\0\0\x10".to_vec(),
        5_u64.to_be_bytes().to_vec(),
        entries.concat(),
        0_u64.to_be_bytes().to_vec(),
        vec![b'#'; 18],
        b"pixels".to_vec(),
        vec![b'#'; 14],
        b"2026:03:01 09:02:05\0".to_vec(),
    ]
    .concat();
    let at = whole.windows(6).position(|window| window == b"pixels").unwrap();
    assert_eq!(at, 150);
    let (left, dimensions) = scrubbed(&whole).unwrap();
    assert_eq!((left.len(), dimensions), (whole.len(), Some((7, 4))));
    assert!(has(&left, "pixels") && !has(&left, "2026") && left[23] == 4);
}

#[test]
fn notes_of_a_jpeg_within_are_blanked_and_its_tables_are_not() {
    let jpeg = [
        b"\xff\xd8\xff\xe0\0\x07JFIF\0".as_slice(),
        b"\xff\xe1\0\x0eExif\0\0GPS 48\xff\xdb\0\x08tables\xff\xfe\0\x05GPS",
        b"\xff\xda\0\x06scan\xff\xe1picture\xff\xd9",
    ]
    .concat();
    let length = u32::try_from(jpeg.len()).unwrap();
    let first = directory(&[(259, SHORT, 1, 7), (273, LONG, 1, 100), (279, LONG, 1, length)], 0);
    let preview = directory(&[(513, LONG, 1, 200), (514, LONG, 1, length)], 0);
    let chained = [&first[..first.len() - 4], &60_u32.to_le_bytes()].concat();
    let (left, _) = scrubbed(&laid(300, &[(8, &chained), (60, &preview), (100, &jpeg), (200, &jpeg)])).unwrap();
    assert!(!has(&left, "GPS") && !has(&left, "Exif"));
    for at in [100, 200] {
        for kept in ["JFIF", "tables", "scan", "picture"] {
            assert!(has(&left[at..at + jpeg.len()], kept), "{kept}");
        }
    }
}

#[test]
fn what_is_no_picture_is_refused() {
    for (entries, why) in [
        (vec![(256, SHORT, 1, 5)], "no picture"),
        (vec![(273, LONG, 2, 100)], "how long its pieces are"),
        (vec![(273, LONG, 2, 100), (279, LONG, 1, 4)], "how long its pieces are"),
    ] {
        let refused = scrubbed(&laid(300, &[(8, &directory(&entries, 0))])).unwrap_err().to_string();
        assert!(refused.contains(why), "{refused}");
    }
    for bytes in [b"II\x2a\0\xff\xff\0\0".as_slice(), b"MM\0\x2a", b"II\x2b\0\x08\0\0\0", b"MM\0\x2a\0\0\0\x04\0\0"] {
        assert!(matches!(scrubbed(bytes), Err(Trouble::Odd(_))), "{bytes:?}");
    }
}

/// Each of these asks for far more than it is long.
#[test]
fn what_claims_too_much_takes_no_time() {
    let start = std::time::Instant::now();
    // One list of places, named by each of many entries.
    let many: Vec<(u16, u16, u32, u32)> = (0..60_000).map(|_| (330, LONG, 500_000, 800_000)).collect();
    let all_alike = [laid(800_000, &[(8, &directory(&many, 0))]), [8, 0, 0, 0].repeat(500_000)].concat();
    let mut refusals = vec![scrubbed(&all_alike).unwrap_err().to_string()];
    // A row of directories, each of as many entries as there may be.
    let lying: Vec<u8> = std::iter::repeat_n([0xff, 0xff], 500_000).flatten().collect();
    refusals.push(scrubbed(&[b"II\x2a\0\x08\0\0\0".as_slice(), &lying].concat()).unwrap_err().to_string());
    assert!(refusals[0].contains("too many"), "{refusals:?}");
    assert!(start.elapsed() < std::time::Duration::from_secs(20), "{:?}", start.elapsed());
}
