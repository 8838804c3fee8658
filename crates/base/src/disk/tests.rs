//! Tests of `disk`.

use super::*;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn positioned_reads_see_positioned_writes() {
    let dir = folder();
    let file = RealDisk.create(&dir.path().join("f"), 10).unwrap();
    file.write_at(b"abc", 4).unwrap();
    let mut buf = [9; 12];
    assert_eq!(file.read_at(&mut buf, 2).unwrap(), 8);
    assert_eq!(&buf[..8], b"\0\0abc\0\0\0");
    assert!(file.read_exact_at(&mut buf, 2).is_err());
    file.allocate(0, 4096).unwrap();
    file.sync_data().unwrap();
}

#[test]
fn creating_keeps_what_is_there_and_only_extends() {
    let dir = folder();
    let path = dir.path().join("f");
    RealDisk.create(&path, 4).unwrap().write_at(b"abcd", 0).unwrap();
    assert_eq!(RealDisk.create(&path, 2).unwrap().file_len().unwrap(), 4);
    assert_eq!(RealDisk.read(&path).unwrap(), b"abcd");
}

#[test]
fn a_missing_folder_is_empty_and_a_full_one_is_sorted() {
    let dir = folder();
    assert_eq!(RealDisk.list(&dir.path().join("none")).unwrap(), []);
    for name in ["b", "a"] {
        RealDisk.create(&dir.path().join(name), 0).unwrap();
    }
    let names: Vec<_> = RealDisk.list(dir.path()).unwrap().into_iter().map(|e| e.name).collect();
    assert_eq!(names, ["a", "b"]);
}

#[test]
fn replacing_keeps_the_old_version_as_bak() {
    let dir = folder();
    let path = dir.path().join("topics.json");
    for text in ["one", "two and more", "3"] {
        write_atomically(&RealDisk, &path, text.as_bytes()).unwrap();
        assert_eq!(RealDisk.read(&path).unwrap(), text.as_bytes());
    }
    assert_eq!(RealDisk.read(&dir.path().join("topics.json.bak")).unwrap(), b"two and more");
    RealDisk.remove_file(&path).unwrap();
    let latest = read_latest(&RealDisk, &path, |bytes| Some(bytes.to_vec())).unwrap();
    assert_eq!(latest.unwrap(), b"two and more");
}

#[test]
fn only_one_holder_of_a_lock() {
    let dir = folder();
    let path = dir.path().join("lock");
    let held = RealDisk.lock(&path, b"lock").unwrap();
    assert!(held.is_some());
    assert!(RealDisk.lock(&path, b"lock").unwrap().is_none());
    drop(held);
    assert!(RealDisk.lock(&path, b"lock").unwrap().is_some());
    assert_eq!(RealDisk.read(&path).unwrap(), b"lock");
}

#[test]
fn the_file_system_says_its_room() {
    let space = RealDisk.space(folder().path()).unwrap();
    if let Some(space) = space {
        assert!(space.free <= space.total && space.total > 0);
        assert!(space.used_percent() <= 100);
    }
    for (used, free, percent) in [(0, 0, 0), (0, 9, 0), (1, 999, 1), (90, 10, 90), (901, 99, 91)] {
        assert_eq!(Space { total: 1000, used, free }.used_percent(), percent);
    }
}

#[test]
fn what_was_just_written_is_read_without_waiting() {
    let dir = folder();
    let path = dir.path().join("f");
    let file = RealDisk.create(&path, 10).unwrap();
    file.write_at(b"abc", 7).unwrap();
    let mut buf = [9; 12];
    if let Some(read) = file.try_read_at(&mut buf, 6).unwrap() {
        assert_eq!(&buf[..read], b"\0abc");
    }
    let age_ms = crate::clock::wall_ms() - RealDisk.modified_ms(&path).unwrap();
    assert!((-5_000..60_000).contains(&age_ms), "{age_ms}");
}

#[test]
fn no_data_is_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let file = RealDisk.create(&dir.path().join("f"), 64 << 20).unwrap();
    file.allocate(0, 32 << 20).unwrap();
    file.write_at(b"here", 16 << 20).unwrap();
    let at = file.next_data(5).unwrap();
    assert!((5..=16 << 20).contains(&at), "nothing is passed over but room: {at}");
    assert!(file.next_data((16 << 20) + 3).is_some_and(|at| at == (16 << 20) + 3));
    assert!(file.next_data(64 << 20).is_none_or(|at| at == 64 << 20));
}
