//! Putting and getting on the real disk.

use crate::rig::{NOW, bodies, message, records, run_jobs, small};
use base::disk::RealDisk;
use std::sync::Arc;
use store::{GetStatus, Store};

#[test]
fn what_is_put_is_got() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(small(dir.path()), Arc::new(RealDisk), NOW).unwrap();
    let queue = store.queue_or_create(b"TopicTest", 3).unwrap();
    let mut expected = Vec::new();
    for i in 0..1000_usize {
        let body = vec![i as u8; i % 700];
        let appended = store.append(&message("TopicTest", queue, 3, &body)).unwrap();
        assert_eq!(appended.queue_offset, i as i64);
        expected.push(body);
        if i % 7 == 0 {
            assert_eq!(store.max_offset(queue).unwrap(), (i as i64 - 6).max(0));
            let written = store.write().unwrap();
            assert_eq!(written.written, appended.end);
            assert_eq!(store.arrivals().last().unwrap().queue_offset, i as i64);
        }
        if i % 100 == 0 {
            run_jobs(&mut store, NOW + i as i64 * 1000);
        }
    }
    store.write().unwrap();
    assert_eq!(bodies(&mut store, queue), expected);
}

#[test]
fn the_states_of_a_get() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(small(dir.path()), Arc::new(RealDisk), NOW).unwrap();
    let queue = store.queue_or_create(b"T", 0).unwrap();
    let mut out = Vec::new();
    let mut get = |store: &mut Store, offset, count| {
        out.clear();
        let got = store.get(queue, offset, count, 1 << 20, &mut |code| code == 0, &mut out);
        let got = got.unwrap();
        assert_eq!(records(&out).len(), got.count);
        (got.status, got.next_begin_offset, got.count)
    };
    assert_eq!(get(&mut store, 0, 8), (GetStatus::NoMessageInQueue, 0, 0));
    for i in 0..10 {
        let mut put = message("T", queue, 0, b"body");
        put.tags_code = i64::from(i >= 5);
        store.append(&put).unwrap();
    }
    assert_eq!(get(&mut store, 0, 8), (GetStatus::NoMessageInQueue, 0, 0));
    store.write().unwrap();
    assert_eq!(get(&mut store, 0, 3), (GetStatus::Found, 3, 3));
    assert_eq!(get(&mut store, 3, 32), (GetStatus::Found, 10, 2));
    assert_eq!(get(&mut store, 5, 32), (GetStatus::NoMatchedMessage, 10, 0));
    assert_eq!(get(&mut store, 10, 32), (GetStatus::OffsetOverflowOne, 10, 0));
    assert_eq!(get(&mut store, 11, 32), (GetStatus::OffsetOverflowBadly, 10, 0));
    assert_eq!(get(&mut store, -1, 32), (GetStatus::OffsetTooSmall, 0, 0));
}
