//! Pictures with something in them that nobody else should see.

/// What must not be found in what is stored.
pub const SECRET: &str = "48.137154N 11.576124E";

pub fn png(width: u32, height: u32) -> Vec<u8> {
    let mut head = width.to_be_bytes().to_vec();
    head.extend_from_slice(&height.to_be_bytes());
    head.extend_from_slice(&[8, 2, 0, 0, 0]);
    let chunk = |name: &[u8], content: &[u8]| {
        [&u32::try_from(content.len()).unwrap().to_be_bytes(), name, content, b"\x01\x02\x03\x04"].concat()
    };
    let text = [b"Comment\0", SECRET.as_bytes()].concat();
    let pieces =
        [chunk(b"IHDR", &head), chunk(b"tEXt", &text), chunk(b"eXIf", SECRET.as_bytes()), chunk(b"IDAT", b"pixels")];
    [b"\x89PNG\r\n\x1a\n".to_vec(), pieces.concat(), chunk(b"IEND", b"")].concat()
}

pub fn jpeg() -> Vec<u8> {
    let segment = |marker: u8, content: &[u8]| {
        [&[0xff, marker], u16::try_from(content.len() + 2).unwrap().to_be_bytes().as_slice(), content].concat()
    };
    let exif = [b"Exif\0\0II\x2a\0\x08\0\0\0\0\0\0\0\0\0", SECRET.as_bytes()].concat();
    [
        b"\xff\xd8".to_vec(),
        segment(0xe1, &exif),
        segment(0xfe, SECRET.as_bytes()),
        segment(0xc0, &[8, 0, 30, 0, 40, 1, 1, 0x11, 0]),
        segment(0xda, b"scan"),
        b"the picture itself".repeat(20_000),
        b"\xff\xd9".to_vec(),
        SECRET.as_bytes().to_vec(),
    ]
    .concat()
}

pub fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}
