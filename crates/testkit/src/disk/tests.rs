//! Tests of `disk`.

use super::*;
use std::collections::BTreeSet;

fn disk_with(path: &str) -> (SimDisk, Arc<dyn DiskFile>) {
    let disk = SimDisk::new();
    disk.create_dir_all(Path::new("/d")).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    let file = disk.create(Path::new(path), 0).unwrap();
    (disk, file)
}

#[test]
fn synced_bytes_and_entries_survive_every_crash() {
    let (disk, file) = disk_with("/d/f");
    file.write_at(&[7; 10_000], 0).unwrap();
    file.sync_data().unwrap();
    disk.sync_dir(Path::new("/d")).unwrap();
    file.write_at(&[8; 10_000], 10_000).unwrap();
    let mut lens = BTreeSet::new();
    for seed in 0..200 {
        let bytes = disk.crash(seed).read(Path::new("/d/f")).unwrap();
        assert!(bytes[..10_000].iter().all(|b| *b == 7));
        assert!(bytes[10_000..].iter().all(|b| matches!(b, 0 | 8)));
        lens.insert(bytes.len());
    }
    assert!(lens.len() > 5);
}

#[test]
fn unsynced_entries_may_vanish_but_renames_are_whole() {
    let (disk, file) = disk_with("/d/f");
    file.sync_data().unwrap();
    disk.rename(Path::new("/d/f"), Path::new("/d/g")).unwrap();
    let mut seen = BTreeSet::new();
    for seed in 0..100 {
        let names: Vec<_> =
            disk.crash(seed).list(Path::new("/d")).unwrap().into_iter().map(|e| e.name).collect();
        assert!(names.len() <= 1);
        seen.insert(names);
    }
    assert_eq!(seen.len(), 3);
}

#[test]
fn after_a_failed_sync_the_bytes_never_arrive() {
    let (disk, file) = disk_with("/d/f");
    file.write_at(&[0; 4096], 0).unwrap();
    file.sync_data().unwrap();
    disk.sync_dir(Path::new("/d")).unwrap();
    file.write_at(&[1; 4096], 0).unwrap();
    disk.fail_sync(1, io::ErrorKind::Other);
    assert!(file.sync_data().is_err());
    for seed in 0..50 {
        assert_eq!(disk.crash(seed).read(Path::new("/d/f")).unwrap(), [0; 4096]);
    }
}

#[test]
fn a_small_file_is_never_lost_while_replaced() {
    let disk = SimDisk::new();
    disk.create_dir_all(Path::new("/d")).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    let path = Path::new("/d/topics.json");
    base::disk::write_atomically(&disk, path, b"old").unwrap();
    let read = |disk: &SimDisk| {
        let accepts = |bytes: &[u8]| matches!(bytes, b"old" | b"new").then(|| bytes.to_vec());
        base::disk::read_latest(disk, path, accepts).unwrap()
    };
    for nth in 1..20 {
        let copy = disk.process_crash();
        for dir in ["/", "/d"] {
            copy.sync_dir(Path::new(dir)).unwrap();
        }
        copy.fail_write(nth, io::ErrorKind::StorageFull);
        let is_done = base::disk::write_atomically(&copy, path, b"new").is_ok();
        for seed in 0..50 {
            let found = read(&copy.crash(seed)).unwrap();
            assert!(!is_done || found == b"new");
        }
    }
}

#[test]
fn a_failed_sync_takes_its_blocks_for_clean() {
    let (disk, file) = disk_with("/d/f");
    file.write_at(&[0; 4 * 4096], 0).unwrap();
    file.sync_data().unwrap();
    disk.sync_dir(Path::new("/d")).unwrap();
    file.write_at(&[1; 4 * 4096], 0).unwrap();
    disk.seed_media(7);
    disk.fail_sync(1, io::ErrorKind::Other);
    assert!(file.sync_data().is_err());
    let seen = disk.read(Path::new("/d/f")).unwrap();
    assert!(seen.iter().all(|b| *b == 1), "the cache keeps what was written");
    // A later sync succeeds and writes none of it; which blocks arrived is settled.
    file.sync_data().unwrap();
    let after: BTreeSet<_> =
        (0..50).map(|seed| disk.crash(seed).read(Path::new("/d/f")).unwrap()).collect();
    assert_eq!(after.len(), 1);
    let bytes = after.first().unwrap();
    let new = bytes.chunks(4096).filter(|block| block[0] == 1).count();
    assert!(new > 0 && new < 4, "some arrived, some did not: {new}");
}

#[test]
fn a_removed_folder_may_come_back_with_some_of_its_files() {
    let disk = SimDisk::new();
    disk.create_dir_all(Path::new("/d/e")).unwrap();
    for name in ["a", "b"] {
        let file = disk.create(&Path::new("/d/e").join(name), 0).unwrap();
        file.write_at(name.as_bytes(), 0).unwrap();
        file.sync_data().unwrap();
    }
    ["/", "/d", "/d/e"].into_iter().for_each(|dir| disk.sync_dir(Path::new(dir)).unwrap());
    disk.remove_dir_all(Path::new("/d/e")).unwrap();
    assert!(disk.paths().is_empty());
    let seen: BTreeSet<_> = (0..100).map(|seed| disk.crash(seed).paths().len()).collect();
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [0, 1, 2]);
    disk.sync_dir(Path::new("/d")).unwrap();
    assert!((0..20).all(|seed| disk.crash(seed).paths().is_empty()));
}

#[test]
fn a_cut_stops_the_machine_in_the_middle_of_a_write() {
    let (disk, file) = disk_with("/d/f");
    disk.cut_at(2);
    file.write_at(b"12", 0).unwrap();
    assert!(file.write_at(&[3; 2000], 2).is_err());
    assert!(file.write_at(b"7", 4).is_err());
    assert!(file.sync_data().is_err() && disk.is_off());
    assert!(disk.list(Path::new("/d")).is_err());
    let left = disk.process_crash().read(Path::new("/d/f")).unwrap();
    assert_eq!(left, [&b"12"[..], &[3; 510]].concat(), "whole sectors arrive");
}

#[test]
fn every_kind_of_call_can_fail_and_only_the_one_asked_for() {
    for op in Op::ALL {
        let (disk, file) = disk_with("/d/f");
        disk.fail(Fault { ops: vec![op], nth: 1, is_lasting: false, error: io::ErrorKind::Other });
        let (f, d) = (Path::new("/d/f"), Path::new("/d"));
        let failed = [
            (Op::Write, file.write_at(b"1", 0).is_err()),
            (Op::Read, file.read_at(&mut [0], 0).is_err()),
            (Op::Sync, file.sync_data().is_err()),
            (Op::SyncDir, disk.sync_dir(d).is_err()),
            (Op::Open, disk.open(f).is_err()),
            (Op::Create, disk.create(&d.join("g"), 0).is_err()),
            (Op::List, disk.list(d).is_err()),
            (Op::SetLen, file.set_len(7).is_err()),
            (Op::Allocate, file.allocate(0, 9).is_err()),
            (Op::Rename, disk.rename(f, &d.join("h")).is_err()),
        ];
        for (kind, is_failed) in failed {
            assert_eq!(is_failed, kind == op, "{kind:?} with {op:?}");
        }
        let gone = if op == Op::Rename { f.to_owned() } else { d.join("h") };
        assert_eq!(disk.remove_file(&gone).is_err(), op == Op::Remove);
        assert_eq!(disk.hits(), 1);
    }
}

#[test]
fn a_full_device_refuses_new_blocks_and_takes_old_ones() {
    let (disk, file) = disk_with("/d/f");
    file.set_len(1 << 20).unwrap();
    disk.leave_space(2 * 4096);
    file.write_at(&[1; 4096], 8 * 4096).unwrap();
    let full = file.write_at(&[1; 4 * 4096], 0).unwrap_err();
    assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    file.write_at(&[2; 4096], 8 * 4096).unwrap();
    assert!(file.allocate(0, 1 << 20).is_err());
    disk.remove_file(Path::new("/d/f")).unwrap();
    assert!(disk.space(Path::new("/d")).unwrap().unwrap().free >= 4096);
}

#[test]
fn short_reads_and_endless_work_are_made_on_demand() {
    let (disk, file) = disk_with("/d/f");
    file.write_at(&[1; 100], 0).unwrap();
    disk.shorten_read(2);
    for _ in 0..3 {
        let mut bytes = [0; 100];
        assert_eq!(file.read_at(&mut bytes, 0).unwrap(), 100);
        assert_eq!(bytes, [1; 100]);
    }
    assert_eq!(disk.short_reads(), 1);
    disk.limit_calls(3);
    assert_eq!((0..10).filter(|_| file.read_at(&mut [0], 0).is_ok()).count(), 3);
    assert!(disk.is_exhausted());
}
