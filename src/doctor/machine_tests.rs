use super::super::finding::State;
use super::*;

fn empty() -> Folder {
    let (path, kind) = (PathBuf::from("/var/lib/tenfour"), Some("ext4".to_owned()));
    Folder { path, what: "the database", is_writable: true, free: 50 << 30, total: 100 << 30, kind, needs_local: true }
}

#[test]
fn a_disk_that_is_full_soon_is_told_before_it_is() {
    let room = |free: u64, total: u64| folder(&Folder { free, total, ..empty() })[0].state;
    assert_eq!(room(50 << 30, 100 << 30), State::Ok);
    // Little of a small one, or much though it is a small part.
    assert_eq!((room(900 << 20, 4 << 30), room(9 << 30, 100 << 30)), (State::Ok, State::Ok));
    assert_eq!((room(900 << 20, 100 << 30), room(63 << 20, 128 << 20)), (State::Warning, State::Problem));
    assert_eq!((room(0, 0), room(10 << 20, 100 << 30)), (State::Problem, State::Problem));
}

#[test]
fn a_folder_is_writable_and_of_this_machine() {
    let closed = folder(&Folder { is_writable: false, ..empty() });
    assert!(closed[0].state == State::Problem && closed[0].to_string().contains("chown"), "{closed:?}");
    let far = Folder { kind: Some("nfs4".to_owned()), ..empty() };
    assert_eq!(folder(&far)[0].state, State::Warning);
    // Files may be there.
    assert_eq!(folder(&Folder { needs_local: false, ..far })[0].state, State::Ok);
}

#[test]
fn the_file_system_is_that_of_the_nearest_mount() {
    let mounts = "22 1 0:20 / / rw - overlay overlay rw\n\
                  25 22 0:21 / /var/lib rw,relatime shared:1 - nfs4 server:/var/lib rw\n\
                  26 25 0:22 / /var/lib/with\\040space rw - ext4 /dev/sda1 rw\n\
                  27 22 0:23 / /var/lib rw - xfs /dev/sdb1 rw\n\
                  broken\n";
    for (path, kind) in
        [("/var/lib/tenfour", "xfs"), ("/var/lib/with space/a", "ext4"), ("/var/libother", "overlay"), ("/", "overlay")]
    {
        assert_eq!(file_system_of(Path::new(path), mounts).as_deref(), Some(kind), "{path}");
    }
    assert_eq!(file_system_of(Path::new("relative"), mounts), None);
}

#[test]
fn clocks_differ_by_seconds_at_most() {
    let state = |millis| clock(&Skew { whose: "Redis's", millis }).state;
    assert_eq!((state(0), state(-1_999), state(1_999)), (State::Ok, State::Ok, State::Ok));
    assert_eq!((state(2_000), state(-4_999)), (State::Warning, State::Warning));
    assert_eq!((state(5_000), state(-3_600_000)), (State::Problem, State::Problem));
    assert!(clock(&Skew { whose: "Redis's", millis: -7_000 }).text.contains("7 s behind"));
}

#[test]
fn there_are_files_for_the_sessions_that_may_come() {
    let state = |most, sessions| files(Files { most, of_the_daemon: true }, sessions).state;
    assert_eq!((state(None, 1000), state(Some(65_536), 1000)), (State::Ok, State::Ok));
    assert_eq!((state(Some(1024), 100), state(Some(65_536), 100_000)), (State::Warning, State::Warning));
}
