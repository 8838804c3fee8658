//! An index that is far behind is brought up in pieces, and meanwhile everything is found.

use crate::rig::{NOW, message, small};
use base::disk::Disk;
use std::path::Path;
use std::sync::Arc;
use store::{JobKind, PutMessage, QueueRef, Store, StoreConfig};
use testkit::disk::SimDisk;

const BATCH: usize = 40;
const MESSAGES: usize = 500;

fn config() -> StoreConfig {
    StoreConfig { index_batch_keys_max: BATCH, index_backlog_keys_max: 300, ..small("/s") }
}

fn put(store: &mut Store, queue: QueueRef, number: usize) {
    let (body, key) = (format!("{number:50}"), format!("K{number}"));
    let plain = message("T", queue, 0, body.as_bytes());
    let keyed = PutMessage { unique_key: key.as_bytes(), ..plain };
    let properties = format!("UNIQ_KEY\x01{key}\x02");
    let put = PutMessage { properties: [properties.as_bytes(), b"", b""], ..keyed };
    store.append(&put).unwrap();
    store.write().unwrap();
}

fn is_found(store: &mut Store, number: usize) -> bool {
    let key = format!("K{number}");
    let mut out = Vec::new();
    let span = (0, i64::MAX);
    store.query(b"T", key.as_bytes(), 1, span, true, &mut out).unwrap().count == 1
}

#[test]
fn jobs_write_bounded_pieces_and_all_is_found_in_between() {
    let mut store = Store::open(config(), Arc::new(SimDisk::new()), NOW).unwrap();
    let queue = store.queue_or_create(b"T", 0).unwrap();
    (0..MESSAGES).for_each(|number| put(&mut store, queue, number));
    assert!(store.is_index_behind());
    assert!(store.next_job(NOW, JobKind::Checkpoint).is_none(), "the index must come first");
    let mut count = MESSAGES;
    let mut pieces = 0;
    let now_ms = NOW + 10_000;
    while let Some(job) = store.next_job(now_ms, JobKind::ApplyIndex) {
        // While the job runs, messages come and are found.
        put(&mut store, queue, count);
        assert!([0, MESSAGES / 2, count].into_iter().all(|number| is_found(&mut store, number)));
        store.finish(job.run()).unwrap();
        (count, pieces) = (count + 1, pieces + 1);
        assert!(pieces < MESSAGES, "the backlog does not shrink");
    }
    assert!((MESSAGES / BATCH..MESSAGES / BATCH + 4).contains(&pieces), "{pieces} pieces");
    assert!(!store.is_index_behind());
    assert!((0..count).all(|number| is_found(&mut store, number)));
    crate::rig::run_jobs(&mut store, now_ms + 20_000);
    store.close(now_ms).unwrap();
}

/// After a crash that took the index: what is built at the start is built in pieces, too.
#[test]
fn a_start_far_behind_finds_everything() {
    let disk = SimDisk::new();
    let mut store = Store::open(config(), Arc::new(disk.clone()), NOW).unwrap();
    let queue = store.queue_or_create(b"T", 0).unwrap();
    (0..MESSAGES).for_each(|number| put(&mut store, queue, number));
    for is_index_lost in [false, true] {
        let disk = disk.process_crash();
        if is_index_lost {
            disk.remove_dir_all(Path::new("/s/index")).unwrap();
        }
        let mut store = Store::open(config(), Arc::new(disk.clone()), NOW).unwrap();
        assert!(!store.is_index_behind(), "half of what may wait is left to jobs at most");
        assert!((0..MESSAGES).all(|number| is_found(&mut store, number)));
        // More than a batch waits when the store is closed.
        (MESSAGES..MESSAGES + 3 * BATCH).for_each(|number| put(&mut store, queue, number));
        store.close(NOW).unwrap();
        let mut store = Store::open(config(), Arc::new(disk), NOW).unwrap();
        assert!((0..MESSAGES + 3 * BATCH).all(|number| is_found(&mut store, number)));
    }
}
