use super::*;

/// In pieces of that length.
fn strip(format: Format, picture: &[u8], piece: usize) -> (Vec<u8>, Option<(u32, u32)>) {
    let (mut strip, mut out) = (Strip::new(format), Vec::new());
    for bytes in picture.chunks(piece) {
        strip.push(bytes, &mut out);
    }
    (out, strip.dimensions())
}

/// However the bytes come, the same comes out.
fn stripped(picture: &[u8]) -> (Vec<u8>, Option<(u32, u32)>) {
    let format = Format::of(picture).expect("a picture");
    let whole = strip(format, picture, picture.len());
    for piece in [1, 2, 3, 7, 64] {
        assert_eq!(strip(format, picture, piece), whole, "{format:?} in pieces of {piece}");
    }
    whole
}

fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len() + 2).unwrap().to_be_bytes();
    [&[0xff, marker], length.as_slice(), content].concat()
}

/// Exif with an orientation and something secret.
fn exif(orientation: u8) -> Vec<u8> {
    let tiff = [b"II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".as_slice(), &[orientation, 0, 0, 0, 0, 0, 0, 0]];
    [b"Exif\0\0".as_slice(), &tiff.concat(), b"GPS 48.1N"].concat()
}

fn jpeg(orientation: u8) -> Vec<u8> {
    [
        b"\xff\xd8".to_vec(),
        segment(0xe0, b"JFIF\0\x01\x02\0\0\x01\0\x01\0\0"),
        segment(0xe1, &exif(orientation)),
        segment(0xe1, b"http://ns.adobe.com/xap/1.0/\0<x>GPS 48.1N</x>"),
        segment(0xe2, b"ICC_PROFILE\0\x01\x01colours"),
        segment(0xe2, b"MPF\0GPS 48.1N"),
        segment(0xed, b"Photoshop 3.0\0GPS 48.1N"),
        segment(0xfe, b"GPS 48.1N"),
        segment(0xdb, b"tables"),
        segment(0xc0, &[8, 0, 3, 0, 5, 1, 1, 0x11, 0]),
        segment(0xda, b"scan"),
        b"one\xff\0two\xff\xd0three".to_vec(),
        segment(0xc4, b"more tables"),
        segment(0xda, b"scan"),
        b"four\xff\xd9".to_vec(),
        b"\xff\xd8\xff\xe1\0\x0bGPS 48.1N".to_vec(),
    ]
    .concat()
}

#[test]
fn a_jpeg_keeps_its_picture_and_loses_its_notes_and_what_follows() {
    let (out, dimensions) = stripped(&jpeg(1));
    assert!(!has(&out, "GPS"));
    for kept in ["JFIF", "ICC_PROFILE", "tables", "one\u{0}", "three", "more tables", "four"] {
        let kept = kept.trim_end_matches('\0');
        assert!(has(&out, kept), "{kept}");
    }
    assert!(!has(&out, "Exif"), "an upright picture needs no word on it");
    assert!(out.ends_with(b"four\xff\xd9"));
    assert_eq!(dimensions, Some((5, 3)));
}

#[test]
fn a_jpeg_stays_the_right_way_up() {
    let (out, dimensions) = stripped(&jpeg(6));
    assert!(has(&out, "Exif") && !has(&out, "GPS"));
    assert_eq!(dimensions, Some((3, 5)), "as it is shown");
    // What was written is read again.
    let (again, dimensions) = stripped(&out);
    assert_eq!((again, dimensions), (out, Some((3, 5))));
}

/// Legal, and written by some cameras: bytes that fill up to a mark, also within the picture.
#[test]
fn a_jpeg_may_be_filled_up_before_its_marks() {
    let head = [b"\xff\xd8".to_vec(), segment(0xc0, &[8, 0, 3, 0, 5, 1, 1, 0x11, 0]), segment(0xda, b"scan")].concat();
    let scan = b"one\xff\xff\xd0two\xff\xff\xff\xd1three\xff\x01four\xff\xff\0five\xff\xff\xd9";
    let (out, _) = stripped(&[head.as_slice(), scan, b"GPS 48.1N"].concat());
    for kept in ["one", "two", "three", "four", "five"] {
        assert!(has(&out, kept), "{kept} of {:?}", String::from_utf8_lossy(&out));
    }
    assert!(!has(&out, "GPS"));
}

/// A directory says how many entries it has, and may lie.
#[test]
fn a_jpeg_of_false_directories_takes_no_time() {
    let lying = segment(0xe1, b"Exif\0\0II\x2a\0\x08\0\0\0\xff\xff");
    let picture = [b"\xff\xd8".to_vec(), lying.repeat(40_000)].concat();
    let start = std::time::Instant::now();
    let (out, _) = strip(Format::Jpeg, &picture, 16 << 10);
    assert_eq!(out, b"\xff\xd8");
    // Each entry looked for takes seconds, and those that are there take no tenth of one.
    assert!(start.elapsed() < std::time::Duration::from_secs(5), "{:?}", start.elapsed());
}

fn chunk(name: &[u8], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    [length.as_slice(), name, content, b"\x01\x02\x03\x04"].concat()
}

#[test]
fn a_png_keeps_its_picture_and_loses_its_texts_and_what_follows() {
    let start = [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(b"IHDR", &[0, 0, 0, 7, 0, 0, 0, 9, 8, 2, 0, 0, 0])].concat();
    let rest = [chunk(b"IDAT", b"picture"), chunk(b"IEND", b"")].concat();
    let notes =
        [chunk(b"eXIf", b"GPS"), chunk(b"tEXt", b"GPS"), chunk(b"zzZz", b"GPS"), chunk(b"tIME", b"GPS")].concat();
    let picture = [start.as_slice(), &notes, &rest, b"<script>GPS</script>"].concat();
    let (out, dimensions) = stripped(&picture);
    assert_eq!(out, [start, rest].concat());
    assert_eq!(dimensions, Some((7, 9)));
}

#[test]
fn a_gif_keeps_its_pictures_and_how_often_they_run() {
    let head = b"GIF89a\x05\0\x03\0\x80\0\0\x01\x02\x03\x04\x05\x06".to_vec();
    let looped = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0".to_vec();
    let notes =
        [b"\x21\xfe\x03GPS\0".as_slice(), b"\x21\xff\x0bXMP DataXMP\x03GPS\0", b"\x21\x01\x01x\x03GPS\0"].concat();
    let picture = b"\x21\xf9\x04\0\0\0\0\0\x2c\0\0\0\0\x05\0\x03\0\0\x02\x02ab\0".to_vec();
    let whole = [head.as_slice(), &looped, &notes, &picture, b"\x3b<script>GPS"].concat();
    let (out, dimensions) = stripped(&whole);
    assert_eq!(out, [head, looped, picture, b"\x3b".to_vec()].concat());
    assert_eq!(dimensions, Some((5, 3)));
}

fn riff(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut body = b"WEBP".to_vec();
    for (name, content) in chunks {
        body.extend_from_slice(*name);
        body.extend_from_slice(&u32::try_from(content.len()).unwrap().to_le_bytes());
        body.extend_from_slice(content);
        body.resize(body.len() + content.len() % 2, 0);
    }
    [b"RIFF".as_slice(), &u32::try_from(body.len()).unwrap().to_le_bytes(), &body].concat()
}

#[test]
fn a_webp_keeps_its_length_and_loses_its_notes() {
    let of = |flags, name: &[u8; 4], content: &[u8]| {
        let head: &[u8] = &[flags, 0, 0, 0, 4, 0, 0, 2, 0, 0];
        riff(&[(b"VP8X", head), (b"ICCP", b"colours"), (b"VP8L", b"\x2fabcdefghijk"), (name, content)])
    };
    let whole = [of(0x2c, b"EXIF", b"GPS"), b"<script>".to_vec()].concat();
    let (out, dimensions) = stripped(&whole);
    assert_eq!(out, of(0x20, b"JUNK", b"\0\0\0"));
    assert_eq!(dimensions, Some((5, 3)));
    assert_eq!(stripped(&riff(&[(b"VP8L", b"\x2f\x04\x80\0\0abcdefg")])).1, Some((5, 3)));
    assert_eq!(stripped(&riff(&[(b"VP8 ", b"\0\0\0\x9d\x01\x2a\x05\0\x03\0abc")])).1, Some((5, 3)));
}

#[test]
fn whatever_comes_nothing_breaks_and_no_more_comes_out_than_went_in() {
    let starts: [&[u8]; 4] = [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\xff\xff\xff\xffWEBP"];
    let mut random = fastrand::Rng::with_seed(7);
    for round in 0..4000 {
        let mut bytes = starts[round % 4].to_vec();
        for _ in 0..random.usize(0..300) {
            bytes.push(*random.choice(&[0xff, 0xd8, 0xda, 0xe1, 0, 1, 0x21, 0x2c, b'E', 0x7f]).unwrap());
        }
        let (out, _) = stripped(&bytes);
        // The orientation is written whole, also where the Exif that says it is not; a GIF that breaks off gets an end.
        assert!(out.len() <= bytes.len() + 6, "{bytes:?}");
    }
}
