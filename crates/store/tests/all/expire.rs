//! Retention under faults: random work on a disk that fills, loses power or a process that is
//! killed while files expire, several lives in a row.
//! (FERRITE_SEED=n runs one seed.) After each: acknowledged messages are there, others are there
//! whole or not at all, queue offsets are dense, and starting twice gives the same.

use crate::rig::{NOW, bodies, message, small};
use base::disk::Disk;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{FlushType, Job, JobKind, PutError, Retention, Store, StoreConfig, StoreError};
use testkit::disk::{Random, SimDisk};

const TOPICS: [&str; 3] = ["Orders", "%RETRY%group", "Logs"];

/// What the store was told: per queue the messages in order, and where each record ends.
type Model = BTreeMap<(usize, i32), Vec<(i64, Vec<u8>)>>;

struct World {
    random: Random,
    disk: SimDisk,
    config: StoreConfig,
    model: Model,
    /// Whether the disk fills now and then.
    fills: bool,
    now_ms: i64,
    count: usize,
}

impl World {
    fn new(seed: u64) -> World {
        let mut random = Random(seed);
        let mut config = small("/s");
        config.record_crc = random.below(2) == 0;
        if random.below(2) == 0 {
            config.flush_type = FlushType::Sync;
        }
        if random.below(2) == 0 {
            // Files expire within a life or two.
            config.retention = Retention {
                reserved_ms: 40_000,
                delete_hours: u32::MAX,
                interval_ms: 1000,
                log_pause_ms: 0,
                queue_pause_ms: 0,
                ..Retention::default()
            };
        }
        let fills = random.below(3) == 0;
        let disk = SimDisk::new();
        World { fills, random, disk, config, model: Model::new(), now_ms: NOW, count: 0 }
    }

    fn open(&self, disk: &SimDisk) -> Store {
        let disk: Arc<dyn Disk> = Arc::new(disk.clone());
        Store::open(self.config.clone(), disk, self.now_ms)
            .unwrap_or_else(|error| panic!("cannot open: {error}"))
    }

    /// A full disk may refuse.
    fn put(&mut self, store: &mut Store) {
        match self.try_put(store) {
            Ok(()) | Err(PutError::DiskFull(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }

    /// Lets the disk be full for a while, or have room again.
    fn change_capacity(&mut self) {
        let more = if self.random.below(2) == 0 { self.random.below(64 << 10) } else { 1 << 30 };
        self.disk.set_capacity(self.disk.used() + more as u64);
    }

    /// Only puts that succeed are in the model.
    fn try_put(&mut self, store: &mut Store) -> Result<(), PutError> {
        let (topic, id) = (self.random.below(TOPICS.len()), self.random.below(3) as i32);
        let queue = store.queue_or_create(TOPICS[topic].as_bytes(), id).unwrap();
        let len_max = if self.random.below(20) == 0 { 9000 } else { 400 };
        let mut body = format!("{}:", self.count).into_bytes();
        body.resize(self.random.below(len_max).max(body.len()), b'x');
        let key = format!("key-{}", self.count);
        let properties = format!("UNIQ_KEY\x01{key}\x02KEYS\x01a b{}\x02", self.count % 5);
        let mut put = message(TOPICS[topic], queue, id, &body);
        put.properties[0] = properties.as_bytes();
        put.unique_key = key.as_bytes();
        put.keys = b"a b0";
        put.store_timestamp = self.now_ms;
        let messages = self.model.entry((topic, id)).or_default();
        if self.random.below(4) == 0 {
            let mut batch = Vec::new();
            let count = 1 + self.random.below(5);
            for _ in 0..count {
                let part = model::batch::BatchMessage {
                    flag: 0,
                    body: &body[..body.len().min(300)],
                    properties: properties.as_bytes(),
                };
                model::batch::write(&mut batch, &part).unwrap();
            }
            put.body = &batch;
            let appended = store.append_batch(&put)?;
            assert_eq!(appended.count as usize, count);
            assert_eq!(appended.queue_offset as usize, messages.len());
            let offsets: Vec<i64> = store.record_offsets(&appended).collect();
            assert_eq!(offsets.len(), count);
            assert_eq!(offsets[0], appended.commit_log_offset);
            let ends = offsets.iter().skip(1).copied().chain([appended.end]);
            messages.extend(ends.map(|end| (end, body[..body.len().min(300)].to_vec())));
        } else {
            let appended = store.append(&put)?;
            assert_eq!(appended.queue_offset as usize, messages.len());
            messages.push((appended.end, body));
        }
        self.count += 1;
        Ok(())
    }

    /// Works for a while; jobs finish late, so that others overtake them.
    /// Answers the jobs that are still under way.
    fn work(&mut self, store: &mut Store) -> Vec<Job> {
        let mut running: Vec<Job> = Vec::new();
        for _ in 0..20 + self.random.below(60) {
            self.now_ms += self.random.below(2000) as i64;
            self.disk.set_now_ms(self.now_ms);
            if self.fills && self.random.below(8) == 0 {
                self.change_capacity();
            }
            for _ in 0..self.random.below(6) {
                self.put(store);
            }
            if self.random.below(3) > 0 {
                store.write().unwrap();
            }
            let kind = JobKind::ALL[self.random.below(JobKind::ALL.len())];
            running.extend(store.next_job(self.now_ms, kind));
            if !running.is_empty() && self.random.below(2) == 0 {
                let job = running.remove(self.random.below(running.len()));
                store.finish(job.run()).unwrap();
            }
        }
        running
    }

    /// Compares a store with the model; `must_have` is the acknowledged part of the log. The
    /// model forgets what was lost.
    fn check(&mut self, store: &mut Store, must_have: i64, what: &str) {
        for ((topic, id), messages) in &mut self.model {
            let required = messages.iter().filter(|(end, _)| *end <= must_have).count();
            let log_min = store.min_commit_log_offset();
            let (min, found) = match store.queue(TOPICS[*topic].as_bytes(), *id) {
                Some(queue) => (store.min_offset(queue).unwrap(), bodies(store, queue)),
                None => (0, Vec::new()),
            };
            let (min, until) = (min as usize, min as usize + found.len());
            assert!(
                until >= required && until <= messages.len(),
                "{what}: {} {id}: {min} to {until} of {} messages, {required} acknowledged",
                TOPICS[*topic],
                messages.len()
            );
            let removed = messages.iter().take_while(|(end, _)| *end <= log_min).count();
            assert_eq!(min, removed, "{what}: {} {id}: removed below {log_min}", TOPICS[*topic]);
            messages.truncate(until);
            for (at, (expected, found)) in messages[min..].iter().zip(&found).enumerate() {
                assert!(expected.1 == *found, "{what}: {} {id} message {at}", TOPICS[*topic]);
            }
        }
    }

    /// Every message is found by its key.
    fn check_keys(&mut self, store: &mut Store, what: &str) {
        let log_min = store.min_commit_log_offset();
        for ((topic, id), messages) in &self.model {
            let left = messages.iter().filter(|(end, _)| *end > log_min);
            for (at, (_, body)) in left.enumerate().step_by(7) {
                let number = body.split(|b| *b == b':').next().unwrap();
                let key = [b"key-", number].concat();
                let mut out = Vec::new();
                let span = (0, i64::MAX);
                let topic = TOPICS[*topic];
                let found = store.query(topic.as_bytes(), &key, 32, span, true, &mut out).unwrap();
                assert!(found.count > 0, "{what}: {topic} {id} message {at} by key");
            }
        }
    }
}

fn state(store: &mut Store) -> Vec<(String, i32, i64, i64)> {
    let queues: Vec<_> = store.queues().map(|(q, t, id)| (q, t.to_owned(), id)).collect();
    let mut state: Vec<_> = queues
        .into_iter()
        .map(|(queue, topic, id)| {
            let (min, max) = (store.min_offset(queue).unwrap(), store.max_offset(queue).unwrap());
            (topic, id, min, max)
        })
        .filter(|(_, _, _, max)| *max > 0)
        .collect();
    state.sort();
    state.push(("end".to_owned(), 0, store.min_commit_log_offset(), store.end()));
    state
}

fn lives(seed: u64) {
    let mut world = World::new(seed);
    let mut disk = world.disk.clone();
    for life in 0..4 {
        let what = format!("seed {seed} life {life}");
        let mut store = world.open(&disk);
        let running = world.work(&mut store);
        let (must_have, image) = match world.random.below(8) {
            0 => {
                running.into_iter().for_each(|job| store.finish(job.run()).unwrap());
                store.write().unwrap();
                let end = store.end();
                let seed = world.random.draw();
                match store.close(world.now_ms) {
                    Ok(()) => (end, disk.crash(seed)),
                    Err(StoreError::DiskFull | StoreError::Io { .. }) if world.fills => {
                        (end, disk.process_crash())
                    }
                    Err(error) => panic!("{what}: {error}"),
                }
            }
            1..=3 => (store.written(), disk.process_crash()),
            _ => {
                let seed = world.random.draw();
                (store.flushed(), disk.crash(seed))
            }
        };
        image.set_capacity(1 << 40);
        let mut first = world.open(&image);
        world.check(&mut first, must_have, &what);
        world.check_keys(&mut first, &what);
        let before = state(&mut first);
        drop(first);
        let mut second = world.open(&image);
        assert_eq!(state(&mut second), before, "{what}");
        drop(second);
        let crash_seed = world.random.draw();
        let mut third = world.open(&image.crash(crash_seed));
        assert_eq!(state(&mut third), before, "{what}: power cut right after the start");
        drop(third);
        world.disk = image.clone();
        disk = image;
    }
}

#[test]
fn acknowledged_messages_that_did_not_expire_survive() {
    let one = std::env::var("FERRITE_SEED").ok().and_then(|seed| seed.parse().ok());
    for seed in one.map_or(0..60, |seed: u64| seed..seed + 1) {
        lives(seed);
    }
}
