//! Crashes: random histories (see `sim::store`), and a device that fails at each of its calls.
//! FERRITE_SEED=n repeats one history.
//!
//! Rows G14, G15, G27: a power cut loses nothing that was flushed before its answer, and of the
//! rest only the end.

use crate::rig::{NOW, bodies, message, small};
use base::disk::Disk;
use sim::store::{Tally, histories, history};
use std::sync::Arc;
use store::{FlushType, JobKind, Store};
use testkit::disk::SimDisk;

/// States that `cargo test` checks; `cargo run -p sim` checks as many as asked.
const STATES: u64 = 2500;

#[test]
fn acknowledged_messages_survive() {
    let mut tally = Tally::default();
    let result = match std::env::var("FERRITE_SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => history(seed, None, &mut tally),
        None => histories(1, STATES, &mut tally),
    };
    assert!(result.is_ok(), "{}", result.unwrap_err());
}

#[test]
fn a_failed_write_or_sync_ends_acknowledgements() {
    for (nth, is_write) in (1..12).flat_map(|nth| [(nth, true), (nth, false)]) {
        let disk = SimDisk::new();
        let open = |disk: &SimDisk| {
            let mut config = small("/s");
            config.flush_type = FlushType::Sync;
            Store::open(config, Arc::new(disk.clone()) as Arc<dyn Disk>, NOW).unwrap()
        };
        let mut store = open(&disk);
        // A lack of room refuses messages and is no failure, except in a sync.
        if is_write {
            disk.fail_write(nth, std::io::ErrorKind::Other)
        } else {
            disk.fail_sync(nth, std::io::ErrorKind::StorageFull)
        }
        let (mut acknowledged, mut is_failed) = (0, false);
        let mut ends = Vec::new();
        for step in 0..200 {
            let queue = store.queue_or_create(b"Orders", 0).unwrap();
            let body = format!("{step}").repeat(20);
            let mut failed = false;
            match store.append(&message("Orders", queue, 0, body.as_bytes())) {
                Ok(appended) => ends.push((appended.end, body)),
                Err(error) => {
                    assert!(store.is_poisoned(), "{error}");
                    failed = true;
                }
            }
            failed |= store.write().is_err();
            for job_kind in JobKind::ALL {
                if let Some(job) = store.next_job(NOW + step * 500, job_kind) {
                    failed |= store.finish(job.run()).is_err();
                }
            }
            assert!(!is_failed || store.is_poisoned());
            is_failed |= failed;
            if store.is_poisoned() {
                assert_eq!(acknowledged, store.flushed().min(acknowledged));
            } else {
                acknowledged = store.flushed();
            }
        }
        assert!(is_failed && store.is_poisoned(), "{nth} {is_write}");
        let flushed = store.flushed();
        let needed = ends.iter().filter(|(end, _)| *end <= flushed).count();
        for seed in 0..5 {
            let mut again = open(&disk.crash(seed));
            let queue = again.queue(b"Orders", 0);
            let found = queue.map_or(Vec::new(), |queue| bodies(&mut again, queue));
            assert!(found.len() >= needed, "{nth} {is_write} {seed}");
            assert!(found.iter().zip(&ends).all(|(found, (_, put))| found == put.as_bytes()));
        }
    }
}
