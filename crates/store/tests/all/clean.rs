//! Retention and full disks (G18, G19, G23, F29, CL43, CL44).

use crate::rig::{NOW, bodies, message, run_jobs, small};
use base::disk::Disk;
use std::path::Path;
use std::sync::Arc;
use store::{GetStatus, JobKind, PutError, QueueRef, Retention, Store, StoreConfig};
use testkit::disk::SimDisk;

const HOUR_MS: i64 = 3_600_000;

struct Rig {
    disk: SimDisk,
    config: StoreConfig,
    store: Store,
    now_ms: i64,
    count: usize,
}

/// Removes at any hour, and as fast as jobs run.
fn eager() -> Retention {
    Retention { delete_hours: u32::MAX, log_pause_ms: 0, queue_pause_ms: 0, ..Retention::default() }
}

fn open(disk: &SimDisk, config: &StoreConfig, now_ms: i64) -> Store {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    Store::open(config.clone(), disk, now_ms).unwrap()
}

impl Rig {
    fn new(capacity: Option<u64>, retention: Retention) -> Rig {
        let disk = SimDisk::new();
        if let Some(capacity) = capacity {
            disk.set_capacity(capacity);
        }
        let config = StoreConfig { retention, ..small("/s") };
        let store = open(&disk, &config, NOW);
        Rig { disk, config, store, now_ms: NOW, count: 0 }
    }

    fn queue(&mut self) -> QueueRef {
        self.store.queue_or_create(b"T", 0).unwrap()
    }

    /// A message of about a kilobyte, the key telling its number.
    fn put(&mut self) -> Result<(), PutError> {
        self.disk.set_now_ms(self.now_ms);
        let queue = self.queue();
        let body = format!("{:1000}", self.count);
        let key = format!("key-{}", self.count);
        let mut put = message("T", queue, 0, body.as_bytes());
        put.unique_key = key.as_bytes();
        let properties = format!("UNIQ_KEY\x01{key}\x02");
        put.properties[0] = properties.as_bytes();
        put.store_timestamp = self.now_ms;
        self.store.append(&put)?;
        self.store.write().unwrap();
        self.count += 1;
        Ok(())
    }

    fn later(&mut self, ms: i64) {
        self.now_ms += ms;
        run_jobs(&mut self.store, self.now_ms);
    }

    fn first(&mut self) -> i64 {
        let queue = self.queue();
        self.store.min_offset(queue).unwrap()
    }

    fn files(&self, dir: &str) -> Vec<String> {
        let below = |path: &Path| path.starts_with(Path::new("/s").join(dir));
        let names = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        self.disk.paths().iter().filter(|path| below(path)).map(|path| names(path)).collect()
    }
}

#[test]
fn old_files_go_and_everything_follows() {
    let mut rig = Rig::new(None, eager());
    for _ in 0..200 {
        rig.put().unwrap();
        rig.later(20_000);
    }
    assert_eq!(rig.first(), 0);
    let (log, queues) = (rig.files("commitlog").len(), rig.files("consumequeue").len());
    assert!(log > 10 && queues == 4, "{log} {queues}");
    // The first half of the messages turns 72 hours old.
    for _ in 0..72 * 2 - 1 {
        rig.later(HOUR_MS / 2);
    }
    let queue = rig.queue();
    let min = rig.first();
    assert!((50..150).contains(&min), "{min}");
    assert_eq!(rig.store.max_offset(queue).unwrap(), 200);
    assert_eq!(rig.files("consumequeue").len(), 4 - min as usize / 50);
    assert!(rig.store.min_commit_log_offset() > 0);
    let mut out = Vec::new();
    let got = rig.store.get(queue, 3, 32, 1 << 20, &mut |_| true, &mut out).unwrap();
    assert_eq!((got.status, got.next_begin_offset), (GetStatus::OffsetTooSmall, min));
    let left = bodies(&mut rig.store, queue);
    assert_eq!(left.len() as i64, 200 - min);
    assert_eq!(left[0], format!("{min:1000}").into_bytes());
    let stored = |at: i64| NOW + at * 20_000;
    assert_eq!(rig.store.earliest_store_time_of(queue).unwrap(), stored(min));
    assert_eq!(rig.store.earliest_store_time().unwrap(), stored(min));
    assert!(!rig.store.message_at(0, &mut out).unwrap());
    for (at, count) in [(0, 0), (min - 1, 0), (min, 1), (199, 1)] {
        let (key, span) = (format!("key-{at}"), (0, i64::MAX));
        let found = rig.store.query(b"T", key.as_bytes(), 8, span, true, &mut out).unwrap();
        assert_eq!(found.count, count, "{key}");
    }
    // All others turn old, too: the newest file stays, and offsets go on.
    for _ in 0..20 {
        rig.later(HOUR_MS / 2);
    }
    assert!(rig.files("commitlog").len() <= 2, "the one in use and perhaps the next");
    assert!(rig.first() > 180);
    let (min, end) = (rig.first(), rig.store.end());
    let killed = rig.disk.process_crash();
    for disk in [&killed, &rig.disk.crash(7), &rig.disk.crash(8)] {
        let mut again = open(disk, &rig.config, rig.now_ms);
        let queue = again.queue(b"T", 0).unwrap();
        assert_eq!(again.end(), end);
        assert_eq!(again.min_offset(queue).unwrap(), min);
        assert_eq!(bodies(&mut again, queue).len() as i64, 200 - min);
    }
}

#[test]
fn index_files_go_with_the_log() {
    let mut rig = Rig::new(None, eager());
    for _ in 0..1000 {
        rig.put().unwrap();
        rig.later(5_000);
    }
    assert_eq!(rig.files("index").len(), 6);
    for _ in 0..72 * 2 - 1 {
        rig.later(HOUR_MS / 2);
    }
    let first = rig.first();
    assert_eq!(rig.files("index").len() as i64, 6 - first / 199, "first message {first}");
}

#[test]
fn a_file_that_cannot_be_removed_is_tried_again() {
    let mut rig = Rig::new(None, eager());
    for _ in 0..100 {
        rig.put().unwrap();
        rig.later(1000);
    }
    let before = rig.files("commitlog").len();
    rig.disk.fail_removals(true);
    for _ in 0..80 {
        rig.later(HOUR_MS);
    }
    rig.later(HOUR_MS / 2);
    assert_eq!(rig.files("commitlog").len(), before);
    rig.disk.fail_removals(false);
    for _ in 0..10 {
        rig.later(HOUR_MS / 2);
    }
    assert!(rig.files("commitlog").len() <= 2);
}

#[test]
fn a_request_removes_at_once_what_is_too_old() {
    let mut rig = Rig::new(None, Retention { delete_hours: 0, ..eager() });
    for _ in 0..100 {
        rig.put().unwrap();
        rig.later(1000);
    }
    for _ in 0..80 {
        rig.later(HOUR_MS / 2);
    }
    rig.store.clean_by_request();
    rig.later(0);
    assert_eq!(rig.first(), 0, "not old enough");
    for _ in 0..80 {
        rig.later(HOUR_MS / 2);
    }
    assert_eq!(rig.first(), 0, "nobody asked");
    rig.store.clean_by_request();
    rig.later(0);
    assert!(rig.first() > 50);
}

#[test]
fn a_disk_that_fills_loses_its_oldest_files_and_goes_on() {
    let mut rig = Rig::new(Some(400 << 10), eager());
    let mut refused = 0;
    while rig.count < 2000 {
        match rig.put() {
            Ok(()) => {}
            Err(PutError::DiskFull(_)) => refused += 1,
            Err(error) => panic!("{error}"),
        }
        rig.later(1000);
    }
    assert!(refused < 50, "{refused}");
    let usage = rig.store.disk_usage();
    assert!((70..=95).contains(&usage.log_percent), "{usage:?}");
    assert!(rig.first() > 1600);
}

/// Fills the disk; the store is not allowed to remove anything.
fn filled(looks: bool) -> Rig {
    let mut rig = Rig::new(Some(400 << 10), Retention { force_enabled: false, ..eager() });
    loop {
        match rig.put() {
            Ok(()) => assert!(rig.count < 500),
            Err(PutError::DiskFull(_)) => return rig,
            Err(error) => panic!("{error}"),
        }
        rig.now_ms += 1000;
        for kind in JobKind::ALL {
            if (looks || kind != JobKind::Clean)
                && let Some(job) = rig.store.next_job(rig.now_ms, kind)
            {
                rig.store.finish(job.run()).unwrap();
            }
        }
    }
}

#[test]
fn a_full_disk_refuses_puts_serves_reads_and_recovers() {
    for looks in [true, false] {
        let mut rig = filled(looks);
        let count = rig.count;
        let full_at = rig.disk.used() * 100 / (400 << 10);
        assert!(full_at >= if looks { 88 } else { 95 }, "{full_at}");
        assert!(rig.store.is_disk_full() && !rig.store.is_poisoned());
        let queue = rig.queue();
        assert_eq!(bodies(&mut rig.store, queue).len(), count);
        for _ in 0..20 {
            rig.later(1000);
            assert!(matches!(rig.put(), Err(PutError::DiskFull(_))));
        }
        let mut again = open(&rig.disk.process_crash(), &rig.config, rig.now_ms);
        assert_eq!(again.max_offset(again.queue(b"T", 0).unwrap()).unwrap(), count as i64);
        // Somebody makes room.
        rig.disk.set_capacity(2 << 20);
        rig.later(2000);
        for _ in 0..100 {
            rig.put().unwrap();
            rig.later(1000);
        }
        let found = bodies(&mut rig.store, queue);
        assert_eq!(found.len(), count + 100);
        for at in (0..rig.count).step_by(11) {
            let (key, span) = (format!("key-{at}"), (0, i64::MAX));
            let mut out = Vec::new();
            let found = rig.store.query(b"T", key.as_bytes(), 8, span, true, &mut out).unwrap();
            assert_eq!(found.count, 1, "{key}");
        }
        let store = std::mem::replace(&mut rig.store, open(&SimDisk::new(), &rig.config, NOW));
        store.close(rig.now_ms).unwrap();
        let mut again = open(&rig.disk, &rig.config, rig.now_ms);
        assert_eq!(bodies(&mut again, queue), found);
    }
}

#[test]
fn a_deleted_topic_stays_deleted() {
    for crash in [0, 1, 2, 3] {
        let mut rig = Rig::new(None, Retention::default());
        for _ in 0..100 {
            rig.put().unwrap();
        }
        rig.later(if crash % 2 == 0 { 60_000 } else { 0 });
        assert_eq!(rig.store.delete_topic(b"T"), 1);
        assert_eq!(rig.store.queue(b"T", 0), None);
        let other = rig.store.queue_or_create(b"Other", 0).unwrap();
        rig.store.append(&message("Other", other, 0, b"x")).unwrap();
        rig.store.write().unwrap();
        if crash >= 2 {
            // Made anew at once: its offsets begin again.
            rig.put().unwrap();
            let queue = rig.queue();
            assert_eq!(bodies(&mut rig.store, queue).len(), 1);
        }
        let kept = rig.store.deleted_topics().map(|(topic, at)| (topic.to_owned(), at));
        let config = StoreConfig { deleted_topics: kept.collect(), ..rig.config.clone() };
        for disk in [rig.disk.process_crash(), rig.disk.crash(crash)] {
            let mut again = open(&disk, &config, rig.now_ms);
            assert!(again.queue(b"Other", 0).is_some() || again.end() < rig.store.end());
            match again.queue(b"T", 0) {
                None => assert!(crash < 2 || again.end() < rig.store.end()),
                Some(queue) => {
                    assert!(crash >= 2);
                    assert_eq!(bodies(&mut again, queue).len(), 1);
                }
            }
        }
    }
}

/// G23: however long the removal of a file takes, the store goes on meanwhile.
#[test]
fn nothing_waits_for_a_removal() {
    let mut rig = Rig::new(None, eager());
    for _ in 0..200 {
        rig.put().unwrap();
        rig.later(20_000);
    }
    let before = rig.files("commitlog").len();
    let mut removed = 0;
    for _ in 0..80 * 2 {
        rig.now_ms += HOUR_MS / 2;
        for kind in JobKind::ALL {
            let Some(job) = rig.store.next_job(rig.now_ms, kind) else { continue };
            // The job is under way.
            rig.put().unwrap();
            let (last, mut out) = (rig.count as i64 - 1, Vec::new());
            let queue = rig.queue();
            let got = rig.store.get(queue, last, 1, 1 << 20, &mut |_| true, &mut out).unwrap();
            assert_eq!((got.status, got.count), (GetStatus::Found, 1));
            let there = rig.files("commitlog").len();
            let done = job.run();
            removed += there.saturating_sub(rig.files("commitlog").len());
            rig.store.finish(done).unwrap();
        }
    }
    assert!(removed > before / 2, "{removed} of {before}");
}
