use super::*;
use crate::domain::hex::hex;

async fn bytes_of(depot: &Depot, key: &str, range: Option<Range<u64>>) -> Vec<u8> {
    let pieces: Vec<Bytes> = depot.give_out(key, range).await.unwrap().try_collect().await.unwrap();
    pieces.concat()
}

fn files(folder: &std::path::Path) -> usize {
    let count = |entry: std::fs::DirEntry| if entry.path().is_dir() { files(&entry.path()) } else { 1 };
    std::fs::read_dir(folder).unwrap().map(|entry| count(entry.unwrap())).sum()
}

#[tokio::test]
async fn what_comes_in_goes_out_in_whole_or_in_part_until_it_is_deleted() {
    let folder = tempfile::tempdir().unwrap();
    for place in [Place::Memory, Place::Folder(folder.path().join("deep/er"))] {
        let depot = Depot::open(&place).unwrap();
        let content: Vec<u8> = (0..700_000_u32).map(|number| u8::try_from(number % 251).unwrap()).collect();
        let key = new_key();
        let mut intake = depot.take_in(&key);
        for piece in content.chunks(70_001) {
            intake.write(piece).await.unwrap();
        }
        assert!(matches!(depot.give_out(&key, None).await, Err(DepotError::Missing)), "not before it is whole");
        let taken = intake.finish().await.unwrap();
        let sum = hex(&<sha2::Sha256 as sha2::Digest>::digest(&content));
        assert_eq!((taken.size, taken.sha256, taken.content_type), (700_000, sum, "application/octet-stream"));
        assert_eq!(bytes_of(&depot, &key, None).await, content);
        assert_eq!(bytes_of(&depot, &key, Some(10..13)).await, &content[10..13]);
        depot.delete(&key).await.unwrap();
        depot.delete(&key).await.unwrap();
        assert!(matches!(depot.give_out(&key, None).await, Err(DepotError::Missing)));
    }
    assert_eq!(files(folder.path()), 0);
}

#[tokio::test]
async fn what_is_given_up_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let depot = Depot::open(&Place::Folder(folder.path().to_owned())).unwrap();
    let key = new_key();
    let mut intake = depot.take_in(&key);
    intake.write(&vec![7; 600_000]).await.unwrap();
    assert_eq!(files(folder.path()), 1, "on its way");
    intake.abort().await;
    assert_eq!(files(folder.path()), 0);
    // A process that is killed gives nothing up.
    let mut intake = depot.take_in(&key);
    intake.write(&vec![7; 600_000]).await.unwrap();
    std::mem::forget(intake);
    assert_eq!(files(folder.path()), 1);
    depot.delete(&key).await.unwrap();
    assert_eq!(files(folder.path()), 0);
}

#[test]
fn a_folder_that_cannot_be_used_says_so_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = Depot::open(&Place::Folder(file.join("below"))).unwrap_err().to_string();
    assert!(error.contains("TENFOUR_ATTACHMENTS"), "{error}");
}

/// However it comes, and wherever it goes, the same comes out.
#[tokio::test]
async fn what_is_looked_at_whole_comes_out_the_same_however_it_came() {
    let film = include_bytes!("../../tests/attachments/data/walk.mov");
    let ground = scrub::Memory::new(film);
    scrub::scrub(scrub::Kind::Boxes, &ground).unwrap();
    let expected = ground.0.into_inner();
    assert!(expected != film);
    let folder = tempfile::tempdir().unwrap();
    for place in [Place::Memory, Place::Folder(folder.path().to_owned())] {
        let depot = Depot::open(&place).unwrap();
        for piece in [1, 7, 4095, 4096, film.len()] {
            let key = new_key();
            let mut intake = depot.take_in(&key);
            for bytes in film.chunks(piece) {
                intake.write(bytes).await.unwrap();
            }
            assert_eq!(files(folder.path()), 0, "what waits has no name");
            let taken = intake.finish().await.unwrap();
            assert_eq!((taken.content_type, taken.size), ("video/quicktime", film.len() as u64));
            assert!(bytes_of(&depot, &key, None).await == expected, "in pieces of {piece}");
            depot.delete(&key).await.unwrap();
        }
    }
}

#[tokio::test]
async fn what_is_not_understood_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let depot = Depot::open(&Place::Folder(folder.path().to_owned())).unwrap();
    let mut intake = depot.take_in(&new_key());
    intake.write(b"MM\0\x2a\0\0\0\x08").await.unwrap();
    assert!(matches!(intake.finish().await, Err(DepotError::Odd(_))));
    assert_eq!(files(folder.path()), 0);
}

#[tokio::test]
async fn where_there_is_no_room_it_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let depot = Depot::open(&Place::Folder(folder.path().join("files"))).unwrap();
    std::fs::remove_dir_all(folder.path().join("files")).unwrap();
    let mut intake = depot.take_in(&new_key());
    let refused = intake.write(&[b"II\x2a\0".as_slice(), &[0; 8000]].concat()).await.unwrap_err();
    assert!(matches!(refused, DepotError::Spool(_)), "{refused}");
    assert!(refused.to_string().contains("TMPDIR"));
}
