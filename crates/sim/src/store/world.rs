//! One history: the disk, the store's settings, what was put, and what was promised.

use crate::store::check::{self, Checked};
use crate::store::model::{Message, Model, Promise, TOPICS};
use crate::store::mutant::Mutant;
use crate::store::rig::{NOW, message, small};
use crate::store::tally::Tally;
use base::disk::Disk;
use model::batch::{self, BatchMessage};
use model::record::{self, Entry};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use store::{FlushType, Job, JobDone, JobKind, Store, StoreConfig, StoreError};
use testkit::disk::{Random, SimDisk};

/// A start that makes more calls than this does not end.
const CALLS_MAX: u64 = 2_000_000;
const QUEUE_IDS: usize = 3;

/// See the file's description.
pub(super) struct World {
    pub(super) random: Random,
    pub(super) disk: SimDisk,
    pub(super) config: StoreConfig,
    pub(super) model: Model,
    pub(super) now_ms: i64,
    pub(super) mutant: Option<Mutant>,
    /// Below this log offset everything survives a kill of the present process.
    pub(super) kill_promise: i64,
    /// Below this log offset everything survives a power cut.
    pub(super) power_promise: i64,
    /// Topics deleted of late, as the broker's file has them: replaced as a whole, on disk at
    /// once.
    saved_deletions: Vec<(String, i64)>,
    /// Below this log offset files were given up for lack of room.
    log_min: i64,
    /// Where messages lie whose bodies have many zeros: log offsets.
    pub(super) blanks: Vec<(i64, i64)>,
    count: u64,
}

/// Work that was packed, and work that was done and not reported.
#[derive(Default)]
pub(super) struct Jobs {
    pub(super) packed: Vec<Job>,
    pub(super) done: Vec<JobDone>,
}

impl World {
    pub(super) fn new(seed: u64, mutant: Option<Mutant>) -> World {
        let mut random = Random(seed);
        let mut config = small("/s");
        config.record_crc = random.one_in(2);
        if random.one_in(2) {
            config.flush_type = FlushType::Sync;
        }
        config.commit_log_file_bytes = [4 << 10, 8 << 10, 16 << 10][random.below(3)];
        config.consume_queue_file_bytes = 20 * [7, 25, 50][random.below(3)];
        config.index_entries = [40, 200][random.below(2)];
        config.checkpoint_units_max = [0, 100, 256 << 10][random.below(3)];
        config.queues_few = [0, 2, 1024][random.below(3)];
        config.index_backlog_keys_max = [4, 16 << 20][random.below(2)];
        config.note_bytes_min = [1, 2000, 16 << 20][random.below(3)];
        config.sync_each_max = [0, 3, 256][random.below(3)];
        config.tail_window_bytes = [1 << 10, 64 << 10][random.below(2)];
        config.index_batch_keys_max = [2, 9, 2 << 20][random.below(3)];
        Mutant::arm(mutant);
        World {
            random,
            disk: SimDisk::new(),
            config,
            model: Model::new(),
            now_ms: NOW,
            mutant,
            kill_promise: 0,
            power_promise: 0,
            saved_deletions: Vec::new(),
            log_min: 0,
            blanks: Vec::new(),
            count: 0,
        }
    }

    /// Runs the whole history.
    pub(super) fn run(mut self, tally: &mut Tally) -> Checked<()> {
        tally.histories += 1;
        for life in 0..1 + self.random.below(4) {
            let about = |why: String| format!("life {life}: {why}");
            self.one_life(tally).map_err(about)?;
            tally.lives += 1;
        }
        let about = |why: String| format!("after the last life: {why}");
        let store = self.start(tally).map_err(about)?;
        tally.messages += self.count;
        drop(store);
        Ok(())
    }

    fn one_life(&mut self, tally: &mut Tally) -> Checked<()> {
        self.interrupted_starts(tally)?;
        let mut store = self.start(tally)?;
        self.plan_faults(tally);
        let jobs = self.work(&mut store, tally)?;
        self.end(store, jobs, tally)
    }

    /// Starts a store on a disk.
    pub(super) fn open(&self, disk: &SimDisk) -> Result<Store, StoreError> {
        let disk = Mutant::disk(self.mutant, Arc::new(disk.clone()) as Arc<dyn Disk>);
        let deleted_topics = match self.mutant {
            Some(Mutant::DeletionsForgotten) => Vec::new(),
            _ => self.saved_deletions.clone(),
        };
        Store::open(StoreConfig { deleted_topics, ..self.config.clone() }, disk, self.now_ms)
    }

    /// Whether a call was made to fail, so that errors are in order.
    pub(super) fn may_fail(&self) -> bool {
        self.disk.hits() > 0 || self.disk.is_off()
    }

    /// Whether the device has an end, so that puts may be refused and old files may go.
    fn is_disk_small(&self) -> bool {
        !matches!(self.disk.space(Path::new("/")), Ok(Some(space)) if space.total >= 1 << 40)
    }

    fn expect<T, E: std::fmt::Display>(
        &self,
        what: &str,
        result: Result<T, E>,
    ) -> Checked<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(_) if self.may_fail() => Ok(None),
            Err(error) => Err(format!("{what}: {error}, though no call failed")),
        }
    }

    /// Writes what is staged, and notes what is acknowledged by that.
    fn write(&mut self, store: &mut Store) -> Checked<()> {
        let written = store.write().map(|written| written.written);
        if let Some(written) = self.expect("write", written)? {
            self.kill_promise = self.kill_promise.max(written);
        }
        self.note(store)
    }

    /// Notes what is acknowledged now.
    pub(super) fn note(&mut self, store: &Store) -> Checked<()> {
        if store.flushed() > store.written() {
            return Err("more is flushed than was written".to_owned());
        }
        self.log_min = self.log_min.max(store.min_commit_log_offset());
        self.power_promise = self.power_promise.max(store.flushed());
        match self.mutant {
            Some(Mutant::AckBeforeWrite) => self.kill_promise = store.end(),
            Some(Mutant::AckBeforeSync) => self.power_promise = store.written(),
            _ => {}
        }
        self.kill_promise = self.kill_promise.max(self.power_promise);
        Ok(())
    }

    /// Random work; jobs finish late and overtake each other.
    fn work(&mut self, store: &mut Store, tally: &mut Tally) -> Checked<Jobs> {
        let mut jobs = Jobs::default();
        for _ in 0..10 + self.random.below(50) {
            self.now_ms += self.random.below(2000) as i64;
            for _ in 0..self.random.below(6) {
                self.put(store)?;
            }
            if !self.random.one_in(3) {
                self.write(store)?;
            }
            self.some_jobs(store, &mut jobs)?;
            self.note(store)?;
            if self.random.one_in(30) {
                self.delete_topic(store, tally);
            }
            if self.random.one_in(4) {
                self.save_deletions(store);
            }
            if self.random.one_in(4) {
                self.peek(store)?;
            }
            if self.random.one_in(6) {
                self.probe(tally)?;
            }
            if self.random.one_in(40) {
                self.flip(tally)?;
            }
            if self.disk.is_off() {
                break;
            }
        }
        Ok(jobs)
    }

    fn some_jobs(&mut self, store: &mut Store, jobs: &mut Jobs) -> Checked<()> {
        let kind = JobKind::ALL[self.random.below(JobKind::ALL.len())];
        jobs.packed.extend(store.next_job(self.now_ms, kind));
        if !jobs.packed.is_empty() && self.random.one_in(2) {
            let job = jobs.packed.remove(self.random.below(jobs.packed.len()));
            jobs.done.push(job.run());
        }
        if !jobs.done.is_empty() && !self.random.one_in(3) {
            let done = jobs.done.remove(self.random.below(jobs.done.len()));
            self.expect("a job", store.finish(done))?;
        }
        Ok(())
    }

    /// Ends all jobs.
    pub(super) fn finish_jobs(&mut self, store: &mut Store, jobs: Jobs) -> Checked<()> {
        let run = jobs.packed.into_iter().map(Job::run);
        for done in jobs.done.into_iter().chain(run.collect::<Vec<_>>()) {
            self.expect("a job", store.finish(done))?;
        }
        Ok(())
    }

    fn body(&mut self) -> Rc<[u8]> {
        let len_max = match self.random.below(20) {
            0 => self.config.commit_log_file_bytes as usize / 2,
            _ => 300,
        };
        let mut body = format!("{}:", self.count).into_bytes();
        let len = body.len() + self.random.below(len_max);
        let (is_blank, first) = (self.random.one_in(20), body.len());
        let salt = self.count as usize;
        let filler = |i: usize| if is_blank { 0 } else { (salt * 31 + i * 7) as u8 };
        body.extend((first..len).map(filler));
        body.into()
    }

    fn next_message(&mut self) -> Message {
        let body = self.body();
        let number = self.count;
        self.count += 1;
        let (unique_key, key) = (format!("id-{number}"), format!("key-{number}"));
        let properties = format!("UNIQ_KEY\x01{unique_key}\x02KEYS\x01a {key} b{}\x02", number % 5);
        Message {
            start: 0,
            end: 0,
            body,
            properties: properties.into_bytes().into(),
            unique_key: unique_key.into(),
            key: key.into(),
            store_timestamp: self.now_ms,
            is_deleted: false,
        }
    }

    fn put(&mut self, store: &mut Store) -> Checked<()> {
        let key = (self.random.below(TOPICS.len()), self.random.below(QUEUE_IDS) as i32);
        let topic = TOPICS[key.0];
        let queue = store.queue_or_create(topic.as_bytes(), key.1).map_err(|e| e.to_string())?;
        let count = if self.random.one_in(5) { 1 + self.random.below(5) } else { 0 };
        let mut messages: Vec<Message> = (0..count.max(1)).map(|_| self.next_message()).collect();
        let first = &messages[0];
        let words = [&b"a "[..], first.key.as_bytes(), b" b"].concat();
        let (body, properties, unique) =
            (Rc::clone(&first.body), Rc::clone(&first.properties), Rc::clone(&first.unique_key));
        let mut put = message(topic, queue, key.1, &body);
        put.store_timestamp = self.now_ms;
        let mut parts = Vec::new();
        let appended = if count > 0 {
            for message in &messages {
                let (body, properties) = (&*message.body, &*message.properties);
                let part = BatchMessage { flag: 0, body, properties };
                batch::write(&mut parts, &part).map_err(|e| e.to_string())?;
            }
            put.body = &parts;
            put.properties = [&[]; 3];
            store.append_batch(&put)
        } else {
            put.properties[0] = &properties;
            put.unique_key = unique.as_bytes();
            put.keys = &words;
            store.append(&put)
        };
        let appended = match appended {
            Err(store::PutError::MessageTooLong { .. }) => return Ok(()),
            Err(store::PutError::DiskFull(_)) if self.is_disk_small() => return Ok(()),
            other => match self.expect("put", other)? {
                Some(appended) => appended,
                None => return Ok(()),
            },
        };
        let model = self.model.entry(key).or_default();
        if appended.queue_offset != model.next() || appended.count as usize != messages.len() {
            return Err(format!(
                "{topic} {}: a message gets offset {}, {} is next",
                key.1,
                appended.queue_offset,
                model.next()
            ));
        }
        let starts: Vec<i64> = store.record_offsets(&appended).collect();
        let ends = starts.iter().skip(1).copied().chain([appended.end]);
        for ((message, start), end) in messages.iter_mut().zip(&starts).zip(ends) {
            (message.start, message.end) = (*start, end);
            if message.body.iter().filter(|b| **b == 0).count() > 400 {
                self.blanks.push((*start, end));
            }
        }
        if starts.len() != messages.len() {
            return Err("a batch has another number of records than messages".to_owned());
        }
        model.live.extend((appended.queue_offset..).zip(messages));
        Ok(())
    }

    fn delete_topic(&mut self, store: &mut Store, tally: &mut Tally) {
        if store.is_poisoned() {
            return;
        }
        let topic = self.random.below(TOPICS.len());
        store.delete_topic(TOPICS[topic].as_bytes());
        self.model.iter_mut().filter(|((t, _), _)| *t == topic).for_each(|(_, q)| q.delete());
        tally.count("topic deletions");
        if self.random.one_in(2) {
            self.save_deletions(store);
        }
    }

    /// Keeps what the next start must know of deleted topics, as the broker does before it
    /// acknowledges a deletion. From now on their messages never come back.
    pub(super) fn save_deletions(&mut self, store: &Store) {
        if self.disk.is_off() {
            return;
        }
        self.saved_deletions =
            store.deleted_topics().map(|(topic, at)| (topic.to_owned(), at)).collect();
        for ((topic, _), queue) in &mut self.model {
            let saved = self.saved_deletions.iter().find(|(name, _)| name == TOPICS[*topic]);
            queue.forget_ghosts(saved.map_or(0, |(_, at)| *at));
        }
    }

    /// Gets as a consumer would: nothing that a crash may take back, and the right bytes.
    fn peek(&mut self, store: &mut Store) -> Checked<()> {
        let queues = check::list(store);
        if queues.is_empty() {
            return Ok(());
        }
        let (queue, topic, id) = &queues[self.random.below(queues.len())];
        let Some(topic) = TOPICS.iter().position(|t| t == topic) else { return Ok(()) };
        let model = self.model.entry((topic, *id)).or_default();
        let next = model.next().max(1) as usize;
        let from = self.random.below(next) as i64;
        let mut out = Vec::new();
        let got = store.get(*queue, from, 8, 1 << 16, &mut |_| true, &mut out);
        let limit = match self.config.flush_type {
            FlushType::Sync => store.flushed(),
            FlushType::Async => store.written(),
        };
        let (mut rest, mut at) = (&out[..], from);
        let model = &self.model[&(topic, *id)];
        let got = match got {
            Ok(got) => got,
            Err(error) => {
                return self.expect("get", Err::<(), _>(error)).map(|_| ());
            }
        };
        if got.next_begin_offset < from && got.count > 0 {
            return Err("a get goes backwards".to_owned());
        }
        while !rest.is_empty() {
            let Ok(Entry::Record(record)) = record::decode(rest) else {
                return Err(format!("a get at {from} yields no record"));
            };
            rest = &rest[record.total_len..];
            check::message(&record, at, (topic, *id), model)
                .map_err(|why| format!("{} {id}: {why}", TOPICS[topic]))?;
            if record.commit_log_offset + record.total_len as i64 > limit {
                return Err(format!("{} {id}: message {at} is read too early", TOPICS[topic]));
            }
            at += 1;
        }
        Ok(())
    }

    /// What a crash just here would leave.
    fn probe(&mut self, tally: &mut Tally) -> Checked<()> {
        let (image, below, what) = if self.random.one_in(3) {
            (self.disk.process_crash(), self.kill_promise, "killed")
        } else {
            (self.disk.crash(self.random.draw()), self.power_promise, "power cut")
        };
        tally.count(if what == "killed" { "kills" } else { "power cuts" });
        self.check_image(&image, below, tally).map_err(|why| format!("{what} amid work: {why}"))
    }

    /// Starts a store on an image, compares, and starts it again twice.
    fn check_image(&mut self, image: &SimDisk, below: i64, tally: &mut Tally) -> Checked<()> {
        let mut store = self.open_whole(image)?;
        check::store(&mut store, &self.model, self.promise(below))?;
        tally.states += 1;
        tally.promises += self.promised(self.promise(below));
        if self.random.one_in(3) {
            let shape = check::shape(&mut store, &self.model)?;
            drop(store);
            self.check_again(image, &shape, tally)?;
        }
        Ok(())
    }

    /// Starts a store where nothing fails; it must start, and end starting.
    pub(super) fn open_whole(&self, disk: &SimDisk) -> Checked<Store> {
        disk.limit_calls(CALLS_MAX);
        self.open(disk).map_err(|error| match disk.is_exhausted() {
            true => "recovery does not end".to_owned(),
            false => format!("does not start: {error}"),
        })
    }

    /// A start after a start finds the same, even if the power goes right after the first.
    pub(super) fn check_again(
        &mut self,
        image: &SimDisk,
        shape: &[(String, i32, i64, i64)],
        tally: &mut Tally,
    ) -> Checked<()> {
        let cut = image.crash(self.random.draw());
        for (disk, what) in [(image.process_crash(), "second start"), (cut, "start after a cut")] {
            let mut again = self.open_whole(&disk).map_err(|why| format!("{what}: {why}"))?;
            let found = check::shape(&mut again, &self.model)?;
            if found != shape {
                return Err(format!("{what} finds {found:?}, the first found {shape:?}"));
            }
            tally.states += 1;
        }
        Ok(())
    }

    /// What is promised of the messages below a log offset.
    pub(super) fn promise(&self, below: i64) -> Promise {
        Promise { from: self.log_min, below }
    }

    pub(super) fn promised(&self, promise: Promise) -> u64 {
        self.model.values().map(|queue| queue.promised(promise).count() as u64).sum()
    }
}
