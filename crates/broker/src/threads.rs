//! The broker's threads. This is the whole of its concurrency: one loop that serves requests, and
//! helpers that take a job under the lock, run it without, and report under the lock.
//!
//! | thread | woken by | does |
//! |---|---|---|
//! | `broker-loop` | the network, helpers | everything in memory, the log's write |
//! | `store-flush` | SYNC_FLUSH on a slow disk, `flushIntervalCommitLog` | `fdatasync`, journal |
//! | `store-work` | every `flushIntervalConsumeQueue` | queues, index, checkpoint, log files |
//! | `store-read` | requests for old messages | reads them from the device |
//! | `broker-save` | changes, every `flushConsumerOffsetInterval` | state files, accounts |
//! | `broker-http` | Prometheus, probes | `/metrics`, `/healthz`, `/readyz` |
//! | `broker-member` | changes of topics, every `registerNameServerPeriod` | registration |

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use base::clock::{mono_ns, wall_ms};
use base::disk::{Disk, write_atomically};
use base::thread::spawn_vital;
use model::topic::TopicConfig;
use remoting::Stopper;
use store::JobKind;

use crate::acl::{self, Watch};
use crate::broker::BrokerService;
use crate::cold;
use crate::member::Registrar;
use crate::persist;
use crate::saved::StateFile;
use crate::signal::{Signals, Woken};
use crate::topic_journal::TopicJournal;

/// What every helper holds.
#[derive(Clone)]
pub struct Shared {
    /// The broker behind its lock.
    pub service: Arc<Mutex<BrokerService>>,
    /// Wakes the loop.
    pub waker: Stopper,
    /// Wakes the helpers.
    pub signals: Arc<Signals>,
    /// Where the state files go.
    pub disk: Arc<dyn Disk>,
    /// The folder of the state files.
    pub config_dir: PathBuf,
    /// What `topics.json` does not say yet.
    pub topic_journal: Arc<Mutex<TopicJournal>>,
}

/// Intervals of the helpers.
#[derive(Debug, Clone, Copy)]
pub struct Intervals {
    /// Between flushes.
    pub flush: Duration,
    /// Between looks for store work.
    pub work: Duration,
    /// Between saves of consumer offsets.
    pub offsets: Duration,
    /// Between registrations.
    pub register: Duration,
}

/// Starts the helpers.
///
/// # Errors
/// The system has no thread to give.
pub fn spawn_helpers(
    shared: &Shared,
    intervals: Intervals,
    mut registrar: Registrar,
) -> io::Result<Vec<JoinHandle<()>>> {
    let mut helpers = Vec::new();
    let own = shared.clone();
    helpers.push(spawn_vital("store-flush", move || flush_loop(&own, intervals.flush))?);
    let own = shared.clone();
    helpers.push(spawn_vital("store-work", move || work_loop(&own, intervals.work))?);
    let own = shared.clone();
    helpers.push(spawn_vital("store-read", move || read_loop(&own))?);
    let own = shared.clone();
    helpers.push(spawn_vital("broker-save", move || save_loop(&own, intervals.offsets))?);
    let own = shared.clone();
    helpers.push(spawn_vital("broker-member", move || {
        registrar.run(&own, intervals.register);
    })?);
    Ok(helpers)
}

fn with_broker<T>(shared: &Shared, step: impl FnOnce(&mut BrokerService) -> T) -> T {
    // A panic under the lock leaves the tables in doubt: the process ends rather than guess.
    let mut service = shared.service.lock().expect("the loop panicked");
    step(&mut service)
}

/// Runs one job of a kind, if there is one; true when there was.
fn run_job(shared: &Shared, kind: JobKind) -> bool {
    let job = with_broker(shared, |service| service.broker.store.next_job(wall_ms(), kind));
    let Some(job) = job else { return false };
    let done = job.run();
    with_broker(shared, |service| {
        // A failure poisons the store, which logs it; the loop tells whoever waits.
        if service.broker.store.finish(done).is_ok() && kind == JobKind::Flush {
            service.broker.note_arrivals();
        }
    });
    true
}

/// What `store-work` looks for, the most urgent first.
const BACKGROUND: [JobKind; 5] = [
    JobKind::Preallocate,
    JobKind::WriteQueues,
    JobKind::ApplyIndex,
    JobKind::Checkpoint,
    JobKind::Clean,
];

/// Nothing but requests give `store-read` work; after this long without any it gives memory back.
const READ_IDLE: Duration = Duration::from_secs(10);

fn flush_loop(shared: &Shared, interval: Duration) {
    loop {
        let woken = shared.signals.flush.wait(interval);
        if woken == Woken::Stop {
            return;
        }
        // Producers wait for this flush, and consumers for what it made readable. To look for the
        // next flush at once would only fight with the loop for the lock: measured, it doubled
        // the round trip of a single producer.
        let has_waiters = || with_broker(shared, |service| service.broker.acks.has_unflushed());
        if run_job(shared, JobKind::Flush) && (woken == Woken::Asked || has_waiters()) {
            shared.waker.wake();
        }
        // It tells of what is flushed, and must not wait for what takes `store-work` seconds.
        while run_job(shared, JobKind::Journal) {}
    }
}

fn work_loop(shared: &Shared, interval: Duration) {
    while shared.signals.work.wait(interval) != Woken::Stop {
        // In turns: one kind may have work for longer than another can wait.
        while BACKGROUND.map(|kind| run_job(shared, kind)).contains(&true) {}
    }
}

fn read_loop(shared: &Shared) {
    let mut spare = Vec::new();
    loop {
        match shared.signals.read.wait(READ_IDLE) {
            Woken::Stop => return,
            Woken::Timeout => {
                // An idle helper holds no memory, nor what it read last.
                spare = Vec::new();
                with_broker(shared, |service| service.broker.store.forget_cold());
            }
            Woken::Asked => {
                while cold::read_next(&shared.service, &mut spare) {
                    shared.waker.wake();
                }
            }
        }
    }
}

fn save_loop(shared: &Shared, interval: Duration) {
    let mut next_offsets_ns = 0;
    let mut accounts = with_broker(shared, |service| service.broker.acl.as_ref().map(Watch::new));
    let longest = if accounts.is_some() { interval.min(acl::WATCH_INTERVAL) } else { interval };
    loop {
        let woken = shared.signals.save.wait(longest);
        if woken == Woken::Stop {
            return;
        }
        if let Some(accounts) = &mut accounts {
            accounts.make_changes(shared);
            accounts.look(shared, mono_ns());
        }
        let offsets_due = mono_ns() >= next_offsets_ns;
        if offsets_due {
            next_offsets_ns = mono_ns() + interval.as_nanos() as u64;
        }
        let pace = if woken == Woken::Asked { Pace::Quick } else { Pace::Whole };
        let files = StateFile::ALL.into_iter().filter(|f| f.is_urgent() || offsets_due);
        save(shared, files, pace);
    }
}

/// How much a save may leave for later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Somebody waits: single changes of topics go to the journal.
    Quick,
    /// There is time to write whole files.
    Whole,
}

/// Saves what changed.
pub fn save(shared: &Shared, files: impl Iterator<Item = StateFile>, pace: Pace) {
    let mut saved_any = false;
    for file in files {
        let saved = match file {
            StateFile::Topics => save_topics(shared, pace),
            _ => save_file(shared, file),
        };
        match saved {
            Ok(saved) => saved_any |= saved,
            // Nothing is lost: the old file stands, and the next interval tries again.
            Err(e) => tracing::error!("cannot save {}: {e}", file.name()),
        }
    }
    if saved_any {
        shared.waker.wake();
    }
}

/// Writes a file if it changed; whether it did.
fn save_file(shared: &Shared, file: StateFile) -> io::Result<bool> {
    let changed = with_broker(shared, |service| {
        let broker = &mut service.broker;
        let change = file.changes(broker);
        let is_behind = change > broker.saves.saved(file);
        let bytes = is_behind.then(|| file.encode(broker, wall_ms())).flatten();
        bytes.map(|bytes| (change, bytes))
    });
    let Some((change, bytes)) = changed else { return Ok(false) };
    write_atomically(&*shared.disk, &shared.config_dir.join(file.name()), &bytes)?;
    with_broker(shared, |service| service.broker.saves.note(file, change));
    Ok(true)
}

/// What has to be written of the topics.
enum TopicChange {
    Nothing,
    Some(Vec<TopicConfig>),
    All,
}

/// Saves changed topics: few of them to the journal, else the whole table. Whether there were any.
///
/// # Errors
/// The device failed; the old file stands.
pub fn save_topics(shared: &Shared, pace: Pace) -> io::Result<bool> {
    let file = StateFile::Topics;
    let mut journal = shared.topic_journal.lock().expect("nobody panics with the journal");
    let may_append = pace == Pace::Quick && !journal.is_long();
    let is_behind = pace == Pace::Whole && journal.is_used();
    let (change, what) = with_broker(shared, |service| {
        let broker = &mut service.broker;
        let (change, saved) = (file.changes(broker), broker.saves.saved(file));
        let some = broker.topics.changed_since(saved).filter(|_| may_append);
        let what = match some {
            _ if change == saved && !is_behind => TopicChange::Nothing,
            Some(topics) => TopicChange::Some(topics),
            None => TopicChange::All,
        };
        (change, what)
    });
    match what {
        TopicChange::Nothing => return Ok(false),
        TopicChange::Some(topics) => journal.append(&*shared.disk, &topics)?,
        TopicChange::All => {
            let bytes = encode_topics(shared);
            journal.replace(&*shared.disk, &shared.config_dir.join(file.name()), &bytes)?;
        }
    }
    with_broker(shared, |service| service.broker.saves.note(file, change));
    Ok(true)
}

/// Topics copied under one hold of the lock.
const TOPICS_PER_HOLD: usize = 2_000;

/// `topics.json`, put together in steps so that the loop need not wait for all of it. What changes
/// in between is saved again: the changes since are counted from before.
fn encode_topics(shared: &Shared) -> Vec<u8> {
    let (deleted, version) = with_broker(shared, |service| {
        let broker = &mut service.broker;
        let deleted = broker.store.deleted_topics();
        let deleted: BTreeMap<String, i64> = deleted.map(|(t, at)| (t.to_owned(), at)).collect();
        (deleted, broker.topics.version())
    });
    let (mut topics, mut next) = (Vec::new(), Some(0));
    while let Some(from) = next {
        let page;
        (page, next) =
            with_broker(shared, |service| service.broker.topics.page(from, TOPICS_PER_HOLD));
        topics.extend(page);
    }
    persist::encode_topics(&topics, version, &deleted)
}
