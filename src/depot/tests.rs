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
