use super::*;

fn boxed(name: &[u8], body: &[u8]) -> Vec<u8> {
    [&u32::try_from(body.len() + 8).unwrap().to_be_bytes(), name, body].concat()
}

fn full(name: &[u8], version: u8, body: &[u8]) -> Vec<u8> {
    boxed(name, &[&[version, 0, 0, 0], body].concat())
}

/// What is left of a file, and its size.
type Left = (Vec<u8>, Option<(u32, u32)>);

fn scrubbed(bytes: &[u8]) -> Done<Left> {
    let ground = Memory::new(bytes);
    let dimensions = scrub(Kind::of(bytes).unwrap(), &ground)?;
    Ok((ground.0.into_inner(), dimensions))
}

fn why(bytes: &[u8]) -> String {
    scrubbed(bytes).unwrap_err().to_string()
}

fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

fn be(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

fn be16(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

fn item(id: u16, kind: [u8; 4], name: &str) -> Vec<u8> {
    full(b"infe", 2, &[&be16(&[id, 0]), kind.as_slice(), name.as_bytes(), b"\0"].concat())
}

/// The index of a picture of 5 × 3 that lies on its side, its Exif, and its XMP, which is in the index itself.
fn meta(picture: (u32, u32), exif: (u32, u32)) -> Vec<u8> {
    let place = |id: u16, method: u16, (at, long): (u32, u32)| [be16(&[id, method, 0, 1]), be(&[at, long])].concat();
    let properties = [
        full(b"ispe", 0, &be(&[9, 9])),
        full(b"ispe", 0, &be(&[5, 3])),
        boxed(b"irot", &[3]),
        full(b"udes", 0, b"GPS in words"),
    ];
    full(
        b"meta",
        0,
        &[
            full(b"hdlr", 0, &[b"\0\0\0\0pict".as_slice(), &[0; 12], b"GPS Maker\0"].concat()),
            full(b"pitm", 0, &be16(&[1])),
            full(
                b"iinf",
                0,
                &[
                    be16(&[3]),
                    item(1, *b"hvc1", ""),
                    item(2, *b"Exif", "GPS"),
                    item(3, *b"mime", "GPS\0application/rdf+xml"),
                ]
                .concat(),
            ),
            full(
                b"iloc",
                1,
                &[be16(&[0x4400, 3]), place(1, 0, picture), place(2, 0, exif), place(3, 1, (4, 9))].concat(),
            ),
            full(b"iref", 0, &[boxed(b"cdsc", &be16(&[2, 1, 1])), boxed(b"cdsc", &be16(&[3, 1, 1]))].concat()),
            boxed(
                b"iprp",
                &[
                    boxed(b"ipco", &properties.concat()),
                    full(b"ipma", 0, &[be(&[1]), be16(&[1]), vec![2, 0x82, 3]].concat()),
                ]
                .concat(),
            ),
            boxed(b"idat", b"....GPS <xmp>"),
            boxed(b"xml ", b"GPS <more/>"),
        ]
        .concat(),
    )
}

fn heic() -> Vec<u8> {
    let head = boxed(b"ftyp", b"heic\0\0\0\0mif1heic");
    let at = u32::try_from(head.len() + meta((0, 0), (0, 0)).len() + 8).unwrap();
    let data = boxed(b"mdat", b"pixelsGPS 48.1N GPS that nothing names");
    let after =
        [boxed(b"uuid", b"GPS GPS GPS GPS and more"), boxed(b"mpvd", b"GPS film"), b"SEFT GPS".to_vec()].concat();
    [head, meta((at, 6), (at + 6, 10)), data, after].concat()
}

#[test]
fn a_heic_keeps_its_picture_and_has_no_items_of_notes() {
    let whole = heic();
    let (left, dimensions) = scrubbed(&whole).unwrap();
    assert_eq!(dimensions, Some((3, 5)), "as it is shown");
    assert!(has(&left, "pixels") && !has(&left, "GPS") && !has(&left, "48.1"));
    for gone in ["Exif", "mime", "rdf", "cdsc", "xml ", "uuid", "mpvd", "SEFT", "udes"] {
        assert!(!has(&left, gone), "{gone}");
    }
    let data = whole.windows(4).position(|name| name == b"mdat").unwrap() + 4;
    assert_eq!(left[..data].len(), data);
    assert!(left[data..].starts_with(b"pixels") && left[data + 6..].iter().all(|byte| *byte == 0), "no place changes");
    assert_eq!(left.len(), data + 38, "what follows the picture goes");
    // One item, of one place; what became free is a box of its own.
    let list = left.windows(4).position(|name| name == b"iinf").unwrap();
    assert_eq!(left[list + 4..list + 10], [0, 0, 0, 0, 0, 1]);
    let meta = left.windows(4).position(|name| name == b"meta").unwrap();
    let names = items::within(&left[..data - 8], meta + 8).into_iter().map(|it| it.name);
    let names: Vec<String> = names.map(|name| String::from_utf8_lossy(&name).into_owned()).collect();
    let expected = ["hdlr", "pitm", "iinf", "free", "iloc", "free", "iref", "free", "iprp", "idat", "free"];
    assert_eq!(names, expected);
    assert_eq!(scrubbed(&left).unwrap(), (left, dimensions), "nothing is left to leave out");
}

#[test]
fn a_picture_that_is_not_understood_is_refused() {
    let whole = heic();
    let place = |name: &[u8]| whole.windows(name.len()).position(|window| window == name).unwrap();
    let changed = |name: &[u8], offset: isize, new: &[u8]| {
        let at = place(name).checked_add_signed(offset).unwrap();
        [&whole[..at], new, &whole[at + new.len()..]].concat()
    };
    for (bytes, expected) in [
        (changed(b"hdlr", 12, b"none"), "what is where"),
        (changed(b"iloc", 0, b"what"), "no items"),
        (changed(b"iloc", 4, &[9]), "no known way"),
        (changed(b"iloc", 8, &[0x77]), "no known way"),
        (changed(b"hvc1", 0, b"new1"), "no known kind"),
        (changed(b"pitm", 0, b"what"), "which picture"),
        (changed(b"Exif", -4, &[0, 1]), "two items of one number"),
        // A JPEG, whose first piece is in the file and no other.
        (changed(b"mime", 0, b"jpeg"), "in pieces"),
        (whole[..place(b"mdat") - 4].to_vec(), ""),
    ] {
        match scrubbed(&bytes) {
            Ok((left, _)) => assert!(expected.is_empty() && !has(&left, "GPS")),
            Err(error) => {
                assert!(!expected.is_empty() && error.to_string().contains(expected), "{error} for {expected}");
            }
        }
    }
    let long =
        [boxed(b"ftyp", b"heic"), full(b"meta", 0, &[&whole[place(b"hdlr") - 4..][..42], &vec![0; 1 << 20]].concat())];
    assert!(why(&long.concat()).contains("1 MiB"));
}

fn track(number: u32, handler: [u8; 4], table: &[Vec<u8>], more: &[u8]) -> Vec<u8> {
    let times = be(&[0x4750_5320, 0x4750_5320]);
    let table = boxed(b"stbl", &table.concat());
    let media = [
        full(b"mdhd", 0, &[times.clone(), be(&[1000, 2, 0])].concat()),
        full(b"hdlr", 0, &[b"mhlr", handler.as_slice(), b"appl", &[0; 8], b"\x09GPS Maker"].concat()),
        boxed(b"minf", &[boxed(b"vmhd", b"12345678"), table, boxed(b"GPSx", b"GPS")].concat()),
    ];
    let head = full(b"tkhd", 0, &[times, be(&[number, 0, 0])].concat());
    boxed(
        b"trak",
        &[head, more.to_vec(), boxed(b"mdia", &media.concat()), boxed(b"udta", b"GPS"), boxed(b"meta", b"GPS")]
            .concat(),
    )
}

/// The places of chunks, how many samples each has, and how long samples are.
fn table(places: &[u32], each: u32, sizes: &[u32]) -> Vec<Vec<u8>> {
    let count = |numbers: &[u32]| u32::try_from(numbers.len()).unwrap();
    let maker =
        [vec![0; 6], be16(&[1]), vec![0; 4], b"appl".to_vec(), vec![0; 26], b"\x09GPS coder".to_vec(), vec![0; 26]]
            .concat();
    vec![
        full(b"stsd", 0, &[be(&[1]), boxed(b"avc1", &maker)].concat()),
        full(b"stsc", 0, &be(&[1, 1, each, 1])),
        full(b"stsz", 0, &[be(&[0, count(sizes)]), be(sizes)].concat()),
        full(b"stco", 0, &[be(&[count(places)]), be(places)].concat()),
    ]
}

/// Two chunks of pictures, one of notes between them, one of sound, and something that nothing names.
fn film(index_first: bool) -> Vec<u8> {
    let data = boxed(b"mdat", b"pixelsGPS 48.1mor|e.soundfreeGPS");
    let head = boxed(b"ftyp", b"qt  \0\0\0\0qt  ");
    let moov = |from: u32| {
        let time = be(&[0x4750_5320, 0x4750_5320]);
        let tracks = [
            track(
                1,
                *b"vide",
                &table(&[from, from + 14], 2, &[4, 2, 3, 2]),
                &boxed(b"tref", &boxed(b"tmcd", &be(&[2]))),
            ),
            track(2, *b"meta", &table(&[from + 6], 1, &[8]), b""),
            track(3, *b"soun", &table(&[from + 20], 1, &[5])[1..], b""),
        ];
        let notes = [
            boxed(b"udta", &boxed(b"\xa9xyz", b"GPS 48.1")),
            boxed(b"meta", b"GPS"),
            boxed(b"uuid", b"GPS"),
            boxed(b"gps ", b"GPS"),
        ];
        boxed(b"moov", &[full(b"mvhd", 0, &[time, be(&[1000, 2])].concat()), tracks.concat(), notes.concat()].concat())
    };
    let before = head.len() + if index_first { moov(0).len() } else { 0 } + 8;
    let moov = moov(u32::try_from(before).unwrap());
    let parts = if index_first { [head, moov, data] } else { [head, data, moov] };
    [parts.concat(), boxed(b"free", b"GPS"), boxed(b"uuid", b"GPS xmp"), boxed(b"meta", b"GPS")].concat()
}

#[test]
fn a_film_keeps_its_pictures_and_sound_wherever_its_index_is() {
    for index_first in [true, false] {
        let whole = film(index_first);
        let (left, dimensions) = scrubbed(&whole).unwrap();
        assert_eq!(dimensions, None);
        for gone in ["GPS", "48.1", "Maker", "appl", "coder", "tmcd", "udta", "uuid", "meta", "free|"] {
            assert!(!has(&left, gone), "{gone}");
        }
        let data = whole.windows(4).position(|name| name == b"mdat").unwrap() + 4;
        assert_eq!(&left[data..data + 32], b"pixels\0\0\0\0\0\0\0\0mor|e\0sound\0\0\0\0\0\0\0");
        let gone = boxed(b"free", b"GPS").len() + boxed(b"uuid", b"GPS xmp").len() + boxed(b"meta", b"GPS").len();
        assert_eq!(left.len(), whole.len() - gone);
        assert_eq!(scrubbed(&left).unwrap().0, left, "nothing is left to leave out");
    }
}

#[test]
fn a_film_that_is_not_understood_is_refused() {
    let whole = film(true);
    let data = whole.windows(4).position(|name| name == b"mdat").unwrap() - 4;
    assert!(why(&[boxed(b"ftyp", b"isom"), boxed(b"mdat", b"GPS")].concat()).contains("what is where"));
    assert!(why(&boxed(b"ftyp", b"isom")).contains("what is where"));
    // An index that goes on where the file has ended.
    assert!(why(&whole[..data - 5]).contains("what is where"));
    assert!(why(&[boxed(b"ftyp", b"qt  "), boxed(b"moov", &boxed(b"cmov", b"GPS"))].concat()).contains("compressed"));
    assert!(why(&[&whole[..], &boxed(b"moof", b"")].concat()).contains("fragments"));
    let at = whole.windows(4).position(|name| name == b"stco").unwrap() + 8;
    let cut = [&whole[..at], &be(&[9999]), &whole[at + 4..]].concat();
    assert!(why(&cut).contains("cut off"));
}

#[test]
fn fragments_of_pictures_and_sound_stay() {
    let moov = boxed(b"moov", &track(1, *b"vide", &table(&[], 0, &[]), b""));
    let fragment =
        boxed(b"traf", &[full(b"tfhd", 0, &be(&[1])), full(b"trun", 0, &be(&[1, 7])), boxed(b"uuid", b"GPS")].concat());
    let parts = [
        boxed(b"ftyp", b"iso5"),
        moov,
        boxed(b"moof", &[fragment, boxed(b"udta", b"GPS")].concat()),
        boxed(b"emsg", b"GPS"),
    ];
    let whole = [parts.concat(), boxed(b"mdat", b"pixels")].concat();
    let (left, _) = scrubbed(&whole).unwrap();
    assert!(left.len() == whole.len() && left.ends_with(b"mdatpixels") && !has(&left, "GPS") && has(&left, "trun"));
}

/// Where `QuickTime` says of sound that a sample is a byte, it means a part of a packet.
#[test]
fn sound_of_packets_is_kept_whole() {
    let of = |version: u16| {
        let entry =
            [vec![0; 6], be16(&[1, version, 0]), vec![0; 4], be16(&[2, 16, 0, 0]), be(&[0, 4, 2, 4, 2])].concat();
        let head = boxed(b"ftyp", b"qt  ");
        let moov = |at: u32| {
            let table = [
                full(b"stsd", 0, &[be(&[1]), boxed(b"ima4", &entry)].concat()),
                full(b"stsc", 0, &be(&[1, 1, 8, 1])),
                full(b"stsz", 0, &be(&[1, 8])),
                full(b"stco", 0, &be(&[1, at])),
            ];
            boxed(b"moov", &track(1, *b"soun", &table, b""))
        };
        let at = u32::try_from(head.len() + moov(0).len() + 8).unwrap();
        let whole = [head, moov(at), boxed(b"mdat", b"0123456789abcdef0123456789abcdef####")].concat();
        let left = scrubbed(&whole).unwrap().0;
        left[at as usize..].iter().take_while(|byte| **byte != 0).count()
    };
    // Eight samples of two times sixteen bits; eight in two packets of four bytes each.
    assert_eq!((of(0), of(1)), (32, 8));
}

#[test]
fn pictures_without_an_index_keep_their_data_alone() {
    for (sign, data) in [(b"\0\0\0\x0cJXL \r\n\x87\n", b"jxlc"), (b"\0\0\0\x0cjP  \r\n\x87\n", b"jp2c")] {
        let kept = [sign.to_vec(), boxed(data, b"pixels")].concat();
        let notes = [boxed(b"Exif", b"GPS"), boxed(b"brob", b"xml GPS"), boxed(b"xml ", b"GPS")].concat();
        let (left, _) = scrubbed(&[kept.as_slice(), &notes].concat()).unwrap();
        assert_eq!(left, kept);
        let (left, _) = scrubbed(&[&sign[..], &notes, &boxed(data, b"pixels")].concat()).unwrap();
        assert!(!has(&left, "GPS") && has(&left, "pixels"));
        assert!(why(&[&sign[..], &notes].concat()).contains("what is where"));
    }
}

/// Tables that claim more than they have, and lists whose entries take no room.
#[test]
fn what_claims_too_much_takes_no_time() {
    let start = std::time::Instant::now();
    let endless = [be16(&[0, 65535]), be16(&[1, 0, 0, 65535]).repeat(60_000)].concat();
    let whole = heic();
    let place = |name: &[u8]| whole.windows(name.len()).position(|window| window == name).unwrap() - 4;
    let index =
        [&whole[place(b"hdlr")..place(b"iloc")], &full(b"iloc", 1, &endless), &whole[place(b"iref")..place(b"idat")]]
            .concat();
    assert!(why(&[boxed(b"ftyp", b"heic"), full(b"meta", 0, &index)].concat()).contains("too many pieces"));
    // Chunks of one place, each as long as can be said.
    let all = [full(b"stsc", 0, &be(&[1, 1, u32::MAX, 1])), full(b"stsz", 0, &be(&[u32::MAX, u32::MAX]))];
    let places = full(b"stco", 0, &[be(&[1 << 20]), vec![0; 4 << 20]].concat());
    let moov = boxed(b"moov", &track(1, *b"vide", &[all.concat(), places], b""));
    scrubbed(&[boxed(b"ftyp", b"isom"), moov, boxed(b"mdat", b"all of it")].concat()).unwrap();
    assert!(start.elapsed() < std::time::Duration::from_secs(20), "{:?}", start.elapsed());
}

#[test]
fn whatever_comes_nothing_breaks_and_nothing_grows() {
    let files = [heic(), film(true), film(false), [b"II\x2a\0\x08\0\0\0\x04\0".as_slice(), &[1; 300]].concat()];
    let mut random = fastrand::Rng::with_seed(7);
    for round in 0..20_000 {
        let mut bytes = files[round % 4].clone();
        for _ in 0..random.usize(1..8) {
            let at = random.usize(4..bytes.len());
            bytes[at] = *random.choice(&[0, 1, 2, 3, 4, 8, 12, 16, 0x7f, 0x80, 0xff, b'm', b'f']).unwrap();
        }
        if random.bool() {
            bytes.truncate(random.usize(16..=bytes.len()));
        }
        let Some(kind) = Kind::of(&bytes) else { continue };
        let ground = Memory::new(&bytes);
        match scrub(kind, &ground) {
            Ok(_) => assert!(ground.len() <= bytes.len() as u64),
            Err(error) => assert!(matches!(error, Trouble::Odd(_)), "{error}: {:?}", bytes.escape_ascii().to_string()),
        }
    }
}
