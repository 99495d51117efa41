//! Pictures and films that are uploaded: whatever they are, nothing breaks, nothing grows, and what is stored does not hang on how
//! they came.

use std::cell::RefCell;

use tenfour::depot::scrub::{Kind, Memory, Trouble, scrub};
use tenfour::depot::{Depot, DepotError, Place, Taken, new_key};
use tokio::runtime::{Builder, Runtime};

use super::{Target, outcome};

const HEIC: &[u8] = include_bytes!("../../attachments/data/turned.heic");
const AVIF: &[u8] = include_bytes!("../../attachments/data/flat.avif");
const TIFF: &[u8] = include_bytes!("../../attachments/data/turned.tif");
const FILM: &[u8] = include_bytes!("../../attachments/data/walk.mov");
const JPEG: &[u8] = b"\xff\xd8\xff\xe1\0\x20Exif\0\0II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\xff\xc0\0\x0b\x08\0\x03\0\x05\
    \x01\x01\x11\0\xff\xda\0\x06scan\xff\0picture\xff\xd9after";
const PNG: &[u8] =
    b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x05\0\0\0\x03\x08\x02\0\0\0sum.\0\0\0\x04tEXttextsum.\0\0\0\0IENDsum.";
const GIF: &[u8] = b"GIF89a\x05\0\x03\0\x80\0\0abcdef\x21\xfe\x03why\0\x2c\0\0\0\0\x05\0\x03\0\0\x02\x02ab\0\x3b";
const WEBP: &[u8] = b"RIFF\x28\0\0\0WEBPVP8X\x0a\0\0\0\x0c\0\0\0\x04\0\0\x02\0\0EXIF\x04\0\0\0whenALPH\0\0\0\0";

const WORDS: &[&str] = &[
    "ftyp",
    "moov",
    "moof",
    "mdat",
    "meta",
    "free",
    "trak",
    "traf",
    "uuid",
    "stco",
    "stsz",
    "stsc",
    "iinf",
    "iloc",
    "infe",
    "Exif",
    "mime",
    "hvc1",
    "idat",
    "ispe",
    "pict",
    "\0\0\0\0",
    "\0\0\0\u{1}",
    "\0\0\0\u{8}free",
    "\u{7f}\u{7f}\u{7f}\u{7f}",
    "II*\0",
    "MM\0*",
    "MM\0+\0\u{8}\0\0",
];

/// What is looked at whole.
pub const WHOLE: Target = Target {
    name: "whole_files",
    check: whole,
    seeds: || [HEIC, AVIF, TIFF, FILM].map(<[u8]>::to_vec).to_vec(),
    words: WORDS,
    cost: 1,
};

fn whole(data: &[u8]) -> u64 {
    let Some(kind) = Kind::of(data) else { return 0 };
    let ground = Memory::new(data);
    let judged = scrub(kind, &ground);
    let left = ground.0.into_inner();
    assert!(left.len() <= data.len(), "it grew");
    let judged = judged.map_err(|error| match error {
        Trouble::Odd(why) => why,
        Trouble::Io(error) => panic!("it looked where nothing is: {error}"),
    });
    let lost = left.iter().zip(data).filter(|(left, was)| left != was).count();
    outcome(&(judged, lost.checked_ilog2()))
}

/// All that is uploaded, each twice: at once, and in pieces.
pub const PIECES: Target = Target {
    name: "pieces_of_files",
    check: pieces,
    seeds: || [JPEG, PNG, GIF, WEBP, HEIC, TIFF, FILM].map(<[u8]>::to_vec).to_vec(),
    words: WORDS,
    cost: 20,
};

thread_local! {
    static RUNTIME: RefCell<Runtime> = RefCell::new(Builder::new_current_thread().build().expect("a runtime"));
}

fn pieces(data: &[u8]) -> u64 {
    let size = 1 + data.last().map_or(0, |last| usize::from(*last));
    let both = RUNTIME.with_borrow(|runtime| {
        runtime.block_on(async {
            let depot = Depot::open(&Place::Memory).expect("a depot");
            (stored(&depot, data, data.len().max(1)).await, stored(&depot, data, size).await)
        })
    });
    assert_eq!(both.0, both.1, "in pieces of {size}");
    // Which side is up is written whole, also where what said it is not; a GIF that breaks off gets an end.
    assert!(both.0.as_ref().map_or(0, |taken| taken.size) <= data.len() as u64 + 6, "it grew");
    outcome(&both.0.map(|taken| (taken.content_type, taken.dimensions, taken.size.checked_ilog2())))
}

async fn stored(depot: &Depot, data: &[u8], piece: usize) -> Result<Taken, String> {
    let mut intake = depot.take_in(&new_key());
    for bytes in data.chunks(piece) {
        intake.write(bytes).await.expect("room");
    }
    intake.finish().await.map_err(|error| match error {
        DepotError::Odd(why) => why.to_owned(),
        error => panic!("it looked where nothing is: {error}"),
    })
}
