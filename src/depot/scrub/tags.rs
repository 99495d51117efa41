//! The tags of TIFF that a picture is drawn by. Neither those that say where, when and by what it was taken, nor texts, nor what
//! makers put there.

/// Where pieces of the picture lie, and how long they are.
pub(super) const STRIPS: u16 = 273;
pub(super) const STRIP_LENGTHS: u16 = 279;
pub(super) const TILES: u16 = 324;
pub(super) const TILE_LENGTHS: u16 = 325;
pub(super) const SUBDIRECTORIES: u16 = 330;
/// A whole JPEG, as cameras put in for a preview.
pub(super) const JPEG: u16 = 513;
pub(super) const JPEG_LENGTH: u16 = 514;
/// Of the old kind of JPEG: where its tables lie.
pub(super) const JPEG_TABLES: [u16; 3] = [519, 520, 521];
/// What follows from cameras is in directories of their own: Exif, positions, and how these go with others.
pub(super) const FOREIGN: [u16; 3] = [34665, 34853, 40965];

pub(super) const KIND: u16 = 254;
pub(super) const WIDTH: u16 = 256;
pub(super) const HEIGHT: u16 = 257;
pub(super) const COMPRESSION: u16 = 259;
pub(super) const ORIENTATION: u16 = 274;

/// From this one to that one.
#[rustfmt::skip]
const DRAWN_BY: [(u16, u16); 40] = [
    // Size, depth, colours, which side is up, where its pieces are.
    (254, 259), (262, 266), (273, 274), (277, 284), (290, 293), (296, 297), (301, 301), (317, 328), (330, 330), (332, 332),
    (334, 334), (336, 336), (338, 342), (347, 347), (512, 521), (529, 532), (559, 559), (32997, 32997), (33421, 33422),
    (34675, 34675), (50674, 50674),
    // Digital negatives: without the camera's name and number, the maker's data and the original's name.
    (50706, 50707), (50710, 50734), (50737, 50739), (50778, 50780), (50829, 50834), (50879, 50879), (50935, 50935),
    (50937, 50941), (50964, 50965), (50970, 50970), (50974, 50975), (50981, 50982), (51008, 51009), (51022, 51022),
    (51041, 51041), (51089, 51091), (51107, 51110), (51112, 51112), (51125, 51125),
];

pub(super) fn is_drawn_by(tag: u16) -> bool {
    DRAWN_BY.iter().any(|(first, last)| (*first..=*last).contains(&tag))
}

/// How long a value of a type is; none where nobody knows.
pub(super) fn length_of(kind: u16) -> Option<u64> {
    match kind {
        1 | 2 | 6 | 7 => Some(1),
        3 | 8 => Some(2),
        4 | 9 | 11 | 13 => Some(4),
        5 | 10 | 12 | 16..=18 => Some(8),
        _ => None,
    }
}
