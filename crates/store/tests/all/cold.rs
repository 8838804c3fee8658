//! Gets that do not wait for the device.

use crate::rig::{NOW, bodies, message, small};
use base::disk::Disk;
use std::sync::Arc;
use store::{ColdPlace, GetStatus, PutMessage, Store, StoreConfig, StoreError, TryGet};
use testkit::disk::SimDisk;

#[test]
fn what_is_not_in_memory_is_named_and_then_got() {
    let disk = SimDisk::new();
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    // Several records in a file, several files.
    let config = StoreConfig { in_memory_messages_max: 1000, ..small("/s") };
    let mut store = Store::open(config.clone(), Arc::clone(&shared), NOW).unwrap();
    let queue = store.queue_or_create(b"T", 0).unwrap();
    for i in 0..300 {
        let body = format!("{i:500}");
        store.append(&message("T", queue, 0, body.as_bytes())).unwrap();
        store.write().unwrap();
    }
    store.close(NOW).unwrap();
    let mut store = Store::open(config, shared, NOW).unwrap();
    disk.drop_caches();
    let (mut out, mut buf) = (Vec::new(), Vec::new());
    let (mut at, mut reads, mut queue_reads, mut bounds, mut idle) = (0, 0, 0, 0, 0);
    while at < 300 {
        out.clear();
        match store.try_get(queue, at, 300, 1 << 20, &mut |_| true, &mut out).unwrap() {
            TryGet::Done(got) => {
                assert_eq!(got.status, GetStatus::Found);
                assert_eq!(crate::rig::records(&out).len() as i64, got.next_begin_offset - at);
                assert!(store.last_file_read().is_some());
                (at, idle) = (got.next_begin_offset, 0);
            }
            TryGet::Cold(read) => {
                assert!(out.is_empty());
                match read.place() {
                    ColdPlace::Log { .. } => reads += 1,
                    ColdPlace::Queue { .. } => queue_reads += 1,
                    ColdPlace::Bounds(_) => bounds += 1,
                    ColdPlace::Keys { .. } => unreachable!("a get asks for no keys"),
                }
                assert!(read.place().begins(&read.place()));
                buf = store.fetched(read.run(buf));
                idle += 1;
                assert!(idle < 3, "cold again and again at {at}");
            }
        }
    }
    assert_eq!(bounds, 1, "the queue's files are looked at once");
    let end = store.end();
    assert!((1..=2 * end as usize / (16 << 10)).contains(&reads), "{reads} reads of the log");
    assert!(queue_reads <= 6, "{queue_reads} reads of the queue");
    assert!(store.cold_log(0).is_some() && store.cold_log(end).is_none());
    assert_eq!(bodies(&mut store, queue).len(), 300);
}

/// Asks until nothing is missing any more; the answer, and what was missing. Asking never waits.
fn ask<T>(
    disk: &SimDisk,
    store: &mut Store,
    mut ask: impl FnMut(&mut Store) -> Result<T, StoreError>,
) -> (T, Vec<ColdPlace>) {
    let thread = std::thread::current().name().unwrap().to_owned();
    let mut places = Vec::new();
    loop {
        let before = disk.waits_of(&thread);
        let answer = store.without_waiting(&mut ask);
        assert_eq!(disk.waits_of(&thread), before, "waited after {places:?}");
        match answer {
            Ok(answer) => return (answer, places),
            Err(StoreError::Cold(fetch)) => {
                assert!(!places.contains(&fetch.place()), "{fetch:?} after {places:?}");
                places.push(fetch.place());
                store.fetched(fetch.run(Vec::new()));
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// A store of one queue whose messages all have the key `all`, and each one of its own; closed,
/// opened again, and nothing of it in memory.
fn keyed(config: &StoreConfig, disk: &SimDisk, count: i64) -> Store {
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let mut store = Store::open(config.clone(), Arc::clone(&shared), NOW).unwrap();
    let queue = store.queue_or_create(b"T", 0).unwrap();
    for i in 0..count {
        let (keys, body) = (format!("K{i} all"), format!("{i:200}"));
        let properties = format!("KEYS\x01{keys}\x02");
        let plain = message("T", queue, 0, body.as_bytes());
        let put = PutMessage {
            keys: keys.as_bytes(),
            properties: [properties.as_bytes(), b"", b""],
            store_timestamp: NOW + i * 1000,
            ..plain
        };
        store.append(&put).unwrap();
        store.write().unwrap();
    }
    store.close(NOW).unwrap();
    let store = Store::open(config.clone(), shared, NOW).unwrap();
    disk.drop_caches();
    store
}

#[test]
fn a_long_chain_of_keys_is_fetched_in_pieces() {
    let config = StoreConfig { index_slots: 1, index_entries: 5000, ..small("/s") };
    let disk = SimDisk::new();
    let mut store = keyed(&config, &disk, 700);
    for (key, span, expected) in [
        ("K3", (0, i64::MAX), 1),
        ("all", (0, i64::MAX), 64),
        ("all", (NOW + 10_000, NOW + 19_000), 10),
        ("none", (0, i64::MAX), 0),
    ] {
        disk.drop_caches();
        let (mut warm, mut cold) = (Vec::new(), Vec::new());
        let (found, places) = ask(&disk, &mut store, |store| {
            cold.clear();
            store.query(b"T", key.as_bytes(), 64, span, false, &mut cold)
        });
        assert_eq!(found.count, expected, "{key} {span:?}");
        // 1400 entries in one slot, 128 at a time; but one page holds 200.
        let is_of_keys = |place: &&ColdPlace| matches!(place, ColdPlace::Keys { .. });
        let walks = places.iter().filter(is_of_keys).count();
        assert!((1..=12).contains(&walks), "{key}: {places:?}");
        let others = places.len() - walks;
        assert!(others <= 1, "the records are fetched at once: {places:?}");
        let again = store.query(b"T", key.as_bytes(), 64, span, false, &mut warm).unwrap();
        assert!(again == found && warm == cold);
    }
}

#[test]
fn times_and_bounds_are_fetched() {
    let disk = SimDisk::new();
    let mut store = keyed(&small("/s"), &disk, 700);
    let queue = store.queue(b"T", 0).unwrap();
    let (bounds, places) =
        ask(&disk, &mut store, |store| Ok((store.min_offset(queue)?, store.max_offset(queue)?)));
    assert_eq!((bounds, places), ((0, 700), vec![ColdPlace::Bounds(queue)]));
    for second in [0, 1, 350, 699, 5000] {
        disk.drop_caches();
        let (at, places) = ask(&disk, &mut store, |store| {
            store.offset_by_time(queue, NOW + second * 1000, store::Boundary::Lower)
        });
        assert_eq!(at, second.min(700));
        assert!(places.len() <= 22, "{places:?}");
    }
    disk.drop_caches();
    let (earliest, _) = ask(&disk, &mut store, |store| store.earliest_store_time_of(queue));
    assert_eq!(earliest, NOW);
    // Where reads wait, they wait as ever.
    disk.drop_caches();
    assert_eq!(store.store_time_at(queue, 650).unwrap(), NOW + 650_000);
}

/// Bounds that were looked at before the topic was deleted, or the log's files were removed, are
/// not believed.
#[test]
fn stale_bounds_are_not_taken_over() {
    let disk = SimDisk::new();
    let mut store = keyed(&small("/s"), &disk, 300);
    let queue = store.queue(b"T", 0).unwrap();
    let Err(StoreError::Cold(fetch)) = store.without_waiting(|store| store.max_offset(queue))
    else {
        panic!("nobody looked yet");
    };
    let fetched = fetch.run(Vec::new());
    assert_eq!(store.delete_topic(b"T"), 1);
    assert_eq!(store.queue_or_create(b"T", 0).unwrap(), queue);
    store.append(&message("T", queue, 0, b"anew")).unwrap();
    store.write().unwrap();
    store.fetched(fetched);
    assert_eq!((store.min_offset(queue).unwrap(), store.max_offset(queue).unwrap()), (0, 1));
}
