//! The dispatch journal saves a crash start from reading the log, and is never needed.

use crate::rig::{NOW, bodies, message, small};
use base::disk::Disk;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::{JobKind, PutMessage, Store, StoreConfig, StoreError};
use testkit::disk::SimDisk;

const QUEUES: i32 = 3;
const MESSAGES: usize = 120;

fn config() -> StoreConfig {
    StoreConfig { queues_few: QUEUES as usize - 1, ..small("/s") }
}

fn open(disk: &SimDisk) -> Result<Store, StoreError> {
    Store::open(config(), Arc::new(disk.clone()), NOW)
}

fn put(store: &mut Store, number: usize) {
    let queue_id = (number % QUEUES as usize) as i32;
    let queue = store.queue_or_create(b"T", queue_id).unwrap();
    let (body, key) = (format!("{number:150}"), format!("K{number}"));
    let properties = format!("UNIQ_KEY\x01{key}\x02");
    let plain = message("T", queue, queue_id, body.as_bytes());
    let properties = [properties.as_bytes(), b"", b""];
    store.append(&PutMessage { unique_key: key.as_bytes(), properties, ..plain }).unwrap();
    store.write().unwrap();
}

/// Runs the job of a kind, if one is due.
fn run(store: &mut Store, now_ms: i64, kind: JobKind) {
    if let Some(job) = store.next_job(now_ms, kind) {
        store.finish(job.run()).unwrap();
    }
}

/// A store that was killed before it wrote a checkpoint: its journal tells of all but the first
/// messages and the last.
fn killed() -> SimDisk {
    let disk = SimDisk::new();
    let mut store = open(&disk).unwrap();
    for number in 0..MESSAGES {
        let now_ms = NOW + number as i64 * 200;
        put(&mut store, number);
        run(&mut store, now_ms, JobKind::Flush);
        run(&mut store, now_ms, JobKind::Journal);
    }
    disk.process_crash()
}

fn journal_files(disk: &SimDisk) -> Vec<PathBuf> {
    disk.paths().into_iter().filter(|path| path.starts_with("/s/dispatch")).collect()
}

fn assert_all_is_there(store: &mut Store) {
    for queue_id in 0..QUEUES {
        let queue = store.queue(b"T", queue_id).unwrap();
        let found = bodies(store, queue);
        let numbers = (queue_id as usize..MESSAGES).step_by(QUEUES as usize);
        let wanted: Vec<Vec<u8>> = numbers.map(|n| format!("{n:150}").into_bytes()).collect();
        assert_eq!(found, wanted);
    }
    for number in 0..MESSAGES {
        let (key, mut out) = (format!("K{number}"), Vec::new());
        let found = store.query(b"T", key.as_bytes(), 1, (0, i64::MAX), true, &mut out).unwrap();
        assert_eq!(found.count, 1, "{key}");
    }
}

/// Damage in the part of the log that the journal tells of goes unnoticed: nobody read it.
#[test]
fn what_the_journal_tells_of_is_not_read() {
    let disk = killed();
    assert_all_is_there(&mut open(&disk.process_crash()).unwrap());
    disk.corrupt(Path::new("/s/commitlog/00000000000000000000"), |bytes| bytes[9_000] ^= 1);
    open(&disk.process_crash()).unwrap();
    for path in journal_files(&disk) {
        disk.remove_file(&path).unwrap();
    }
    assert!(matches!(open(&disk).map(drop), Err(StoreError::Damaged { .. })));
}

#[test]
fn a_journal_that_is_cut_damaged_or_gone_costs_nothing_but_time() {
    let disk = killed();
    let [path] = &journal_files(&disk)[..] else { panic!("one file") };
    let len = disk.read(path).unwrap().len();
    assert!(len > 4_000, "{len} bytes");
    for at in (0..len).step_by(97) {
        for is_cut in [false, true] {
            let disk = disk.process_crash();
            disk.corrupt(path, |bytes| match is_cut {
                true => bytes.truncate(at),
                false => bytes[at] ^= 0x10,
            });
            assert_all_is_there(&mut open(&disk).unwrap());
        }
    }
    disk.remove_file(path).unwrap();
    assert_all_is_there(&mut open(&disk).unwrap());
}

/// Without queue files they are made from the whole log, of which the journal tells a part.
#[test]
fn queues_that_are_gone_come_back_from_log_and_journal() {
    let disk = killed();
    open(&disk).unwrap().close(NOW).unwrap();
    let mut store = open(&disk).unwrap();
    let other = store.queue_or_create(b"Other", 0).unwrap();
    for number in 0..100_i64 {
        let now_ms = NOW + 1_000_000 + number * 100;
        let body = format!("{number:90}");
        store.append(&message("Other", other, 0, body.as_bytes())).unwrap();
        (0..QUEUES).for_each(|queue_id| {
            let queue = store.queue(b"T", queue_id).unwrap();
            store.append(&message("T", queue, queue_id, b"more")).unwrap();
        });
        store.write().unwrap();
        run(&mut store, now_ms, JobKind::Flush);
        run(&mut store, now_ms, JobKind::Journal);
    }
    drop(store);
    let disk = disk.process_crash();
    assert_eq!(journal_files(&disk).len(), 1);
    disk.remove_dir_all(Path::new("/s/consumequeue")).unwrap();
    let mut store = open(&disk).unwrap();
    let mut count = |topic: &[u8]| {
        let queue = store.queue(topic, 0).unwrap();
        bodies(&mut store, queue).len()
    };
    assert_eq!((count(b"Other"), count(b"T")), (100, MESSAGES / QUEUES as usize + 100));
}

/// A second crash finds the journals of two lives, with a gap between.
#[test]
fn journals_of_several_lives_are_read_together() {
    let mut disk = killed();
    for life in 0..3 {
        let mut store = open(&disk).unwrap();
        assert_all_is_there(&mut store);
        // Deleted topics and others' messages do not matter to those here.
        let other = store.queue_or_create(b"Other", 0).unwrap();
        for number in 0..100_i64 {
            let now_ms = NOW + (life + 1) * 1_000_000 + number * 100;
            let body = format!("{number:90}");
            store.append(&message("Other", other, 0, body.as_bytes())).unwrap();
            store.write().unwrap();
            run(&mut store, now_ms, JobKind::Flush);
            run(&mut store, now_ms, JobKind::Journal);
        }
        assert_eq!(store.max_offset(other).unwrap(), (life + 1) * 100);
        disk = disk.process_crash();
    }
    assert!(journal_files(&disk).len() >= 3, "{:?}", journal_files(&disk));
    let mut store = open(&disk).unwrap();
    assert_all_is_there(&mut store);
    let other = store.queue(b"Other", 0).unwrap();
    assert_eq!(bodies(&mut store, other).len(), 300);
    store.close(NOW).unwrap();
    assert!(journal_files(&disk).is_empty(), "nothing is behind the checkpoint");
}

#[test]
fn a_journal_that_cannot_be_written_stops_nobody() {
    let disk = SimDisk::new();
    let mut store = open(&disk).unwrap();
    (0..QUEUES as usize).for_each(|number| put(&mut store, number));
    assert!(store.next_job(NOW, JobKind::Journal).is_none(), "it begins");
    (QUEUES as usize..20).for_each(|number| put(&mut store, number));
    run(&mut store, NOW + 1_000, JobKind::Flush);
    let job = store.next_job(NOW + 1_000, JobKind::Journal).expect("a block is ready");
    disk.fail_write(1, std::io::ErrorKind::StorageFull);
    store.finish(job.run()).unwrap();
    disk.heal();
    assert!(!store.is_poisoned());
    (20..MESSAGES).for_each(|number| put(&mut store, number));
    assert!(store.next_job(NOW + 9_000, JobKind::Journal).is_none(), "not again so soon");
    assert_all_is_there(&mut store);
    assert_all_is_there(&mut open(&disk.process_crash()).unwrap());
}

/// The ends of so many queues are found by several threads; what they cannot tell is found out
/// as for few.
#[test]
fn the_ends_of_many_queues_are_found_together() {
    const MANY: i32 = 1_500;
    let disk = SimDisk::new();
    let mut store = open(&disk).unwrap();
    let put_each = |store: &mut Store, queue_ids: Range<i32>, body: &[u8]| {
        for queue_id in queue_ids {
            let queue = store.queue_or_create(b"T", queue_id).unwrap();
            store.append(&message("T", queue, queue_id, body)).unwrap();
        }
        store.write().unwrap();
    };
    put_each(&mut store, 0..MANY, b"first");
    store.close(NOW).unwrap();
    let mut store = open(&disk).unwrap();
    put_each(&mut store, 0..QUEUES, b"second");
    assert!(store.next_job(NOW, JobKind::Journal).is_none(), "it begins");
    put_each(&mut store, QUEUES..MANY, b"second");
    put_each(&mut store, 0..MANY, b"third");
    run(&mut store, NOW + 1_000, JobKind::Flush);
    run(&mut store, NOW + 1_000, JobKind::Journal);
    let [path] = &journal_files(&disk)[..] else { panic!("one file") };
    assert!(disk.read(path).unwrap().len() > MANY as usize * 32);
    let disk = disk.process_crash();
    let mut store = open(&disk).unwrap();
    for queue_id in 0..MANY {
        let queue = store.queue(b"T", queue_id).unwrap();
        assert_eq!(bodies(&mut store, queue), [&b"first"[..], b"second", b"third"]);
    }
    // A file that has fewer units than it should have, and one that is not there.
    drop(store);
    let file = |queue_id: i32| format!("/s/consumequeue/T/{queue_id}/00000000000000000000");
    disk.corrupt(Path::new(&file(7)), |bytes| bytes.fill(0));
    disk.remove_file(Path::new(&file(1_400))).unwrap();
    let mut store = open(&disk).unwrap();
    for queue_id in [0, 7, 1_400, 1_499] {
        let queue = store.queue(b"T", queue_id).unwrap();
        assert_eq!(bodies(&mut store, queue), [&b"first"[..], b"second", b"third"]);
    }
}
