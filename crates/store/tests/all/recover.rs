//! Stopping and starting.

use crate::rig::{NOW, bodies, message, run_jobs, small};
use base::disk::{Disk, RealDisk};
use std::path::Path;
use std::sync::Arc;
use store::{Store, StoreError};
use testkit::disk::SimDisk;

fn fill(store: &mut Store, from: usize, to: usize) {
    let topics = ["T0", "T1", "T2"];
    for i in from..to {
        let (topic, id) = (topics[i % 3], (i / 3 % 4) as i32);
        let queue = store.queue_or_create(topic.as_bytes(), id).unwrap();
        let key = format!("key-{i}");
        let body = format!("body {i} {}", "x".repeat(i % 300));
        let mut put = message(topic, queue, id, body.as_bytes());
        let properties = format!("UNIQ_KEY\x01{key}\x02WAIT\x01true\x02");
        put.properties[0] = properties.as_bytes();
        put.unique_key = key.as_bytes();
        put.store_timestamp = NOW + i as i64;
        store.append(&put).unwrap();
        if i % 5 == 4 {
            store.write().unwrap();
        }
    }
    store.write().unwrap();
}

fn check(store: &mut Store, to: usize) {
    let queues: Vec<_> = store.queues().map(|(q, t, id)| (q, t.to_owned(), id)).collect();
    let mut count = 0;
    for (queue, topic, id) in queues {
        for (at, body) in bodies(store, queue).into_iter().enumerate() {
            let i = at * 12 + id as usize * 3 + (topic.as_bytes()[1] - b'0') as usize;
            assert_eq!(body, format!("body {i} {}", "x".repeat(i % 300)).into_bytes());
            count += 1;
        }
    }
    assert_eq!(count, to);
    for i in (0..to).step_by(1 + to / 50) {
        let (topic, key) = (format!("T{}", i % 3), format!("key-{i}"));
        let mut out = Vec::new();
        let span = (0, i64::MAX);
        let found = store.query(topic.as_bytes(), key.as_bytes(), 8, span, true, &mut out);
        assert_eq!(found.unwrap().count, 1, "{key}");
    }
}

fn open(disk: &Arc<dyn Disk>, root: &Path) -> Store {
    Store::open(small(root), Arc::clone(disk), NOW).unwrap()
}

#[test]
fn a_clean_stop_and_start_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let mut store = open(&disk, dir.path());
    let mut done = 0;
    for round in 0..5 {
        fill(&mut store, done, done + 300 * round);
        done += 300 * round;
        run_jobs(&mut store, NOW + 1_000_000);
        let end = store.end();
        store.close(NOW).unwrap();
        assert!(!disk.exists(&dir.path().join("abort")));
        store = open(&disk, dir.path());
        assert_eq!(store.end(), end);
        check(&mut store, done);
    }
}

#[test]
fn a_killed_process_loses_nothing_written() {
    let disk = SimDisk::new();
    let root = Path::new("/s");
    let mut store = open(&(Arc::new(disk.clone()) as Arc<dyn Disk>), root);
    for round in 0..20 {
        fill(&mut store, round * 77, (round + 1) * 77);
        run_jobs(&mut store, NOW + round as i64 * 3_000);
        let copy: Arc<dyn Disk> = Arc::new(disk.process_crash());
        for _ in 0..2 {
            let mut again = open(&copy, root);
            assert_eq!(again.end(), store.end());
            check(&mut again, (round + 1) * 77);
        }
    }
}

#[test]
fn consume_queues_and_index_can_be_built_from_the_log() {
    let disk = SimDisk::new();
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let root = Path::new("/s");
    let mut store = open(&shared, root);
    fill(&mut store, 0, 500);
    store.close(NOW).unwrap();
    for what in ["consumequeue", "consumequeue/T1", "index"] {
        let copy: Arc<dyn Disk> = Arc::new(disk.process_crash());
        copy.remove_dir_all(&root.join(what)).unwrap();
        copy.remove_file(&root.join("checkpoint")).unwrap();
        copy.create(&root.join("abort"), 0).unwrap();
        check(&mut open(&copy, root), 500);
    }
}

#[test]
fn damage_with_intact_messages_behind_it_stops_the_start() {
    let disk = SimDisk::new();
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let root = Path::new("/s");
    let mut store = open(&shared, root);
    fill(&mut store, 0, 100);
    drop(store);
    let log = root.join("commitlog/00000000000000000000");
    for number in [0, 7, 42] {
        let copy = disk.process_crash();
        let body = format!("body {number} ").into_bytes();
        copy.corrupt(&log, |bytes| {
            let at = bytes.windows(body.len()).position(|window| window == body).unwrap();
            bytes[at] ^= 1;
        });
        let copy: Arc<dyn Disk> = Arc::new(copy);
        let before = copy.read(&log).unwrap();
        match Store::open(small(root), Arc::clone(&copy), NOW) {
            Err(StoreError::Damaged { path, .. }) => assert_eq!(path, log),
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("opened with message {number} damaged"),
        }
        assert_eq!(copy.read(&log).unwrap(), before);
    }
}

#[test]
fn a_second_process_is_kept_out() {
    let dir = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let store = open(&disk, dir.path());
    let second = Store::open(small(dir.path()), Arc::clone(&disk), NOW);
    assert!(matches!(second, Err(StoreError::Locked(_))));
    drop(store);
    open(&disk, dir.path());
}

/// What Java writes with enableConsumeQueueExt: the place in an extension file instead of a code.
#[test]
fn units_with_extension_addresses_are_filtered_by_their_records() {
    let disk = SimDisk::new();
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let root = Path::new("/s");
    let mut store = open(&shared, root);
    let code = |tag: &str| i64::from(base::hash::java_hash(tag.as_bytes()));
    for (topic, properties) in [
        ("T", "TAGS\x01A\x02"),
        ("T", "TAGS\x01B\x02"),
        ("T", "KEYS\x01none\x02"),
        ("SCHEDULE_TOPIC_XXXX", "DELAY\x011\x02"),
    ] {
        let queue = store.queue_or_create(topic.as_bytes(), 0).unwrap();
        let mut put = message(topic, queue, 0, b"x");
        put.properties[0] = properties.as_bytes();
        store.append(&put).unwrap();
    }
    store.write().unwrap();
    store.close(NOW).unwrap();
    for topic in ["T", "SCHEDULE_TOPIC_XXXX"] {
        let path = root.join(format!("consumequeue/{topic}/0/00000000000000000000"));
        disk.corrupt(&path, |bytes| {
            for (at, unit) in bytes.as_chunks_mut::<20>().0.iter_mut().enumerate() {
                let address = i64::MIN + at as i64 * 48;
                unit[12..].copy_from_slice(&address.to_be_bytes());
            }
        });
    }
    let mut store = open(&shared, root);
    let queue = store.queue(b"T", 0).unwrap();
    for (wanted, count) in [("A", 1), ("B", 1), ("C", 0)] {
        let mut out = Vec::new();
        let mut filter = |found: i64| found == code(wanted);
        let got = store.get(queue, 0, 32, 1 << 20, &mut filter, &mut out).unwrap();
        assert_eq!((got.count, got.next_begin_offset), (count, 3), "{wanted}");
    }
    assert_eq!(bodies(&mut store, queue).len(), 3);
    let schedule = store.queue(b"SCHEDULE_TOPIC_XXXX", 0).unwrap();
    let unit = store.unit_at(schedule, 0).unwrap().unwrap();
    assert_eq!(unit.tags_code, NOW + 1000, "never early");
}
