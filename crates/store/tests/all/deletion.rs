//! Deleted topics and crashes. What [`Store::deleted_topics`] says is kept, as the broker keeps it
//! before it acknowledges a deletion, and given back at the next start.

use crate::rig::{NOW, bodies, message, run_jobs, small};
use base::disk::Disk;
use std::sync::Arc;
use store::{JobKind, Retention, Store, StoreConfig};
use testkit::disk::SimDisk;

type Deleted = Vec<(String, i64)>;

fn open(disk: &SimDisk, deleted: &Deleted) -> Store {
    let config = StoreConfig { deleted_topics: deleted.clone(), ..small("/s") };
    Store::open(config, Arc::new(disk.clone()) as Arc<dyn Disk>, NOW).unwrap()
}

fn deleted(store: &Store) -> Deleted {
    store.deleted_topics().map(|(topic, at)| (topic.to_owned(), at)).collect()
}

fn put(store: &mut Store, topic: &str, count: usize) {
    let queue = store.queue_or_create(topic.as_bytes(), 0).unwrap();
    for i in 0..count {
        let body = format!("{topic} {i} {}", "x".repeat(100));
        store.append(&message(topic, queue, 0, body.as_bytes())).unwrap();
    }
    store.write().unwrap();
}

/// The log loses its end in a power cut, and a deletion was beyond it: what is put there later is
/// not deleted.
#[test]
fn what_is_put_where_the_log_lost_its_end_is_not_deleted() {
    let disk = SimDisk::new();
    let mut store = open(&disk, &Deleted::new());
    put(&mut store, "Other", 5);
    run_jobs(&mut store, NOW + 60_000);
    put(&mut store, "T", 50);
    store.delete_topic(b"T");
    let (kept, end) = (deleted(&store), store.end());
    let cuts = (0..50).map(|seed| disk.crash(seed));
    let mut shorter = 0;
    for cut in cuts {
        let mut again = open(&cut, &kept);
        if again.end() == end {
            continue;
        }
        shorter += 1;
        assert!(deleted(&again).iter().all(|(_, at)| *at <= again.end()));
        assert_eq!(again.queue(b"T", 0), None);
        put(&mut again, "T", 3);
        let killed = cut.process_crash();
        let mut third = open(&killed, &deleted(&again));
        let queue = third.queue(b"T", 0).expect("put after the deletion");
        assert_eq!(bodies(&mut third, queue).len(), 3);
    }
    assert!(shorter > 5, "{shorter}");
}

/// The removal of the topic's folder may be lost in a power cut; the mark of a running store never
/// is, so that no start after one looks like one after a clean stop.
#[test]
fn a_deletion_holds_after_a_power_cut_and_the_mark_of_a_running_store_stays() {
    let disk = SimDisk::new();
    let mut store = open(&disk, &Deleted::new());
    put(&mut store, "Other", 5);
    put(&mut store, "T", 120);
    store.close(NOW).unwrap();
    let mut store = open(&disk, &Deleted::new());
    store.delete_topic(b"T");
    let kept = deleted(&store);
    run_jobs(&mut store, NOW + 1000);
    for seed in 0..100 {
        let cut = disk.crash(seed);
        assert!(cut.exists("/s/abort".as_ref()), "{seed}");
        let mut again = open(&cut, &kept);
        assert_eq!(again.queue(b"T", 0), None, "{seed}");
        let other = again.queue(b"Other", 0).unwrap();
        assert_eq!(bodies(&mut again, other).len(), 5);
    }
}

/// Files of the log were given up, and with them all that was deleted; before they are gone for
/// good a crash may bring them back.
#[test]
fn a_deletion_is_remembered_until_its_messages_are_gone_for_good() {
    let retention = Retention {
        delete_hours: u32::MAX,
        log_pause_ms: 0,
        queue_pause_ms: 0,
        ..Retention::default()
    };
    let disk = SimDisk::new();
    let config = StoreConfig { retention, ..small("/s") };
    let mut store = Store::open(config, Arc::new(disk.clone()) as Arc<dyn Disk>, NOW).unwrap();
    disk.set_now_ms(NOW);
    put(&mut store, "T", 50);
    store.delete_topic(b"T");
    put(&mut store, "Other", 300);
    let later_ms = NOW + 100 * 3_600_000;
    let mut has_forgotten = false;
    for step in 0..200 {
        for kind in JobKind::ALL {
            if let Some(job) = store.next_job(later_ms + step * 5000, kind) {
                store.finish(job.run()).unwrap();
            }
            for image in [disk.process_crash(), disk.crash(step as u64)] {
                let mut again = open(&image, &deleted(&store));
                assert_eq!(again.queue(b"T", 0), None, "{step}");
                let other = again.queue(b"Other", 0);
                assert!(other.is_none() || again.max_offset(other.unwrap()).unwrap() <= 300);
            }
        }
        has_forgotten |= deleted(&store).is_empty();
    }
    assert!(store.min_commit_log_offset() > 0 && has_forgotten);
}

/// Files of a deleted topic that come back without their first ones, empty, or with units of
/// messages that were lost.
#[test]
fn what_comes_back_of_a_deleted_topic_leaves_no_offsets() {
    for what in 0..3 {
        let disk = SimDisk::new();
        let mut store = open(&disk, &Deleted::new());
        put(&mut store, "Other", 5);
        put(&mut store, "T", 120);
        run_jobs(&mut store, NOW + 60_000);
        store.delete_topic(b"T");
        let kept = deleted(&store);
        let image = disk.process_crash();
        let files: Vec<_> =
            image.paths().into_iter().filter(|p| p.starts_with("/s/consumequeue/T")).collect();
        assert_eq!(files.len(), 3);
        image.remove_file(&files[0]).unwrap();
        image.corrupt(&files[1], |bytes| match what {
            0 => {}
            1 => bytes.fill(0),
            _ => bytes[..8].copy_from_slice(&(store.end() + 1000).to_be_bytes()),
        });
        drop(store);
        for _ in 0..2 {
            let mut again = open(&image, &kept);
            assert_eq!(again.queue(b"T", 0), None, "{what}");
            let queue = again.queue_or_create(b"T", 0).unwrap();
            assert_eq!(again.next_offset(queue).unwrap(), 0, "{what}");
        }
    }
}

/// A light queue keeps the messages it shares with a deleted topic, and loses them with itself.
#[test]
fn a_light_queue_outlives_the_topic_that_its_messages_came_by() {
    let light = b"%LMQ%device";
    let disk = SimDisk::new();
    let mut store = open(&disk, &Deleted::new());
    for i in 0..10 {
        let queue = store.queue_or_create(b"T", 0).unwrap();
        let other = store.queue_or_create(light, 0).unwrap();
        let properties =
            format!("INNER_MULTI_DISPATCH\x01%LMQ%device\x02INNER_MULTI_QUEUE_OFFSET\x01{i}\x02");
        let mut put = message("T", queue, 0, b"body");
        put.properties[0] = properties.as_bytes();
        let appended = store.append(&put).unwrap();
        store.also_in(other, &appended, 0);
        store.write().unwrap();
    }
    store.delete_topic(b"T");
    let count = |disk: &SimDisk, deleted: &Deleted| {
        let mut again = open(disk, deleted);
        assert_eq!(again.queue(b"T", 0), None);
        again.queue(light, 0).map(|queue| again.max_offset(queue).unwrap())
    };
    assert_eq!(count(&disk.process_crash(), &deleted(&store)), Some(10));
    store.delete_topic(light);
    assert_eq!(count(&disk.process_crash(), &deleted(&store)), None);
}
