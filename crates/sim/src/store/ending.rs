//! How lives end and begin: stops, kills, power cuts, faults, starts that are interrupted, and
//! bits that flip.

use crate::store::check::{self, Checked};
use crate::store::model::TOPICS;
use crate::store::tally::Tally;
use crate::store::world::{Jobs, World};
use model::record::{self, Entry};
use std::io;
use store::Store;
use testkit::disk::{Fault, Op, SimDisk};

impl World {
    /// Decides what shall go wrong in this life.
    pub(super) fn plan_faults(&mut self, tally: &mut Tally) {
        let seed = self.random.draw();
        self.disk.seed_media(seed);
        match self.random.below(12) {
            0..=3 => {
                self.disk.cut_at(1 + self.random.below(120) as u64);
                tally.count("machines stopped in the middle of a call");
            }
            4..=6 => self.plan_fault(30, tally),
            7 => {
                self.disk.leave_space(self.random.below(8) as u64 * 4096);
                tally.count("full devices");
            }
            _ => {}
        }
    }

    fn plan_fault(&mut self, nth_max: usize, tally: &mut Tally) {
        if self.random.one_in(8) {
            self.disk.shorten_read(1 + self.random.below(nth_max) as u64);
            tally.count("short reads");
            return;
        }
        let op = match self.random.below(3) {
            0 => [Op::Write, Op::Sync, Op::SyncDir][self.random.below(3)],
            _ => Op::ALL[self.random.below(Op::ALL.len())],
        };
        let may_be_full = matches!(op, Op::Write | Op::Create | Op::SetLen | Op::Allocate);
        let error = match may_be_full && self.random.one_in(2) {
            true => io::ErrorKind::StorageFull,
            false => io::ErrorKind::Other,
        };
        let nth = 1 + self.random.below(nth_max) as u64;
        self.disk.fail(Fault { ops: vec![op], nth, is_lasting: self.random.one_in(3), error });
        *tally.faults.entry(op).or_default() += 1;
    }

    /// Starts the store for good and takes what it holds for the truth.
    pub(super) fn start(&mut self, tally: &mut Tally) -> Checked<Store> {
        let disk = self.disk.clone();
        let mut store = self.open_whole(&disk)?;
        self.take_over(&mut store, tally)?;
        // Before anything is put: the log may have lost its end.
        self.save_deletions(&store);
        let shape = check::shape(&mut store, &self.model)?;
        self.check_again(&disk.process_crash(), &shape, tally)?;
        Ok(store)
    }

    /// Checks a store that has started; from now on everything it holds is promised.
    fn take_over(&mut self, store: &mut Store, tally: &mut Tally) -> Checked<()> {
        let promise = self.promise(self.kill_promise);
        let found = check::store(store, &self.model, promise)?;
        tally.states += 1;
        tally.promises += self.promised(promise);
        for (key, queue) in &mut self.model {
            let at = store.queue(TOPICS[key.0].as_bytes(), key.1);
            let next = at.map_or(Ok(0), |at| store.next_offset(at)).map_err(|e| e.to_string())?;
            queue.adopt(&found[key], next, store.end());
        }
        (self.kill_promise, self.power_promise) = (store.end(), store.end());
        self.blanks.retain(|(start, _)| *start < store.end());
        if store.flushed() != store.end() || store.written() != store.end() {
            return Err("what a start has found is not flushed".to_owned());
        }
        Ok(())
    }

    /// Starts that fail or are cut off; then the machine or the process is gone.
    pub(super) fn interrupted_starts(&mut self, tally: &mut Tally) -> Checked<()> {
        while self.random.one_in(3) {
            let seed = self.random.draw();
            self.disk.seed_media(seed);
            if self.random.one_in(2) {
                self.disk.cut_at(1 + self.random.below(40) as u64);
            } else {
                self.plan_fault(40, tally);
            }
            tally.count("starts interrupted or with a fault");
            match self.open(&self.disk) {
                Ok(mut store) => {
                    // It has started in spite of all: then it must be right.
                    self.disk.heal();
                    if !self.disk.is_off() {
                        self.take_over(&mut store, tally)
                            .map_err(|why| format!("a start with a fault: {why}"))?;
                    }
                }
                Err(_) if self.may_fail() => {}
                Err(error) => return Err(format!("does not start: {error}")),
            }
            self.crash(tally);
        }
        Ok(())
    }

    /// The process is killed, or the power goes.
    fn crash(&mut self, tally: &mut Tally) {
        if self.random.one_in(2) {
            self.disk = self.disk.process_crash();
            tally.count("kills");
        } else {
            let seed = self.random.draw();
            self.disk = self.disk.crash(seed);
            self.kill_promise = self.power_promise;
            tally.count("power cuts");
        }
    }

    /// Ends a life.
    pub(super) fn end(&mut self, mut store: Store, jobs: Jobs, tally: &mut Tally) -> Checked<()> {
        if !self.random.one_in(5) {
            drop((store, jobs));
            self.crash(tally);
            return Ok(());
        }
        self.finish_jobs(&mut store, jobs)?;
        self.note(&store)?;
        self.save_deletions(&store);
        let end = store.end();
        match store.close(self.now_ms) {
            Ok(()) => {
                (self.kill_promise, self.power_promise) = (end, end);
                tally.count("clean stops");
            }
            Err(_) if self.may_fail() => tally.count("stops that failed"),
            Err(error) => return Err(format!("does not stop: {error}")),
        }
        self.crash(tally);
        Ok(())
    }

    /// A bit flips in some file of what a kill leaves. The store refuses to start and leaves the
    /// log as it is, or starts without loss of any other message; wrong bytes are never taken for
    /// right ones.
    pub(super) fn flip(&mut self, tally: &mut Tally) -> Checked<()> {
        let image = self.disk.process_crash();
        let mut paths = image.paths();
        paths.retain(|path| !path.ends_with("lock") && !path.ends_with("abort"));
        if paths.is_empty() {
            return Ok(());
        }
        let path = paths.swap_remove(self.random.below(paths.len()));
        let at = image.flip_bit(&path, &mut self.random);
        tally.count("flipped bits");
        let is_log = path.parent().is_some_and(|dir| dir.ends_with("commitlog"));
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let log_at = name.parse::<i64>().unwrap_or(0) + at as i64;
        let about = |why: String| format!("a bit of {} byte {at} flipped: {why}", path.display());
        let log = log_of(&image);
        if is_log && self.is_blank(log_at) {
            return Ok(());
        }
        image.limit_calls(2_000_000);
        let mut store = match self.open(&image) {
            Ok(store) => store,
            Err(_) => {
                tally.count("flipped bits: refused to start");
                tally.states += 1;
                return if log_of(&image) == log {
                    Ok(())
                } else {
                    Err(about("it refuses to start, and has changed the log".to_owned()))
                };
            }
        };
        tally.states += 1;
        self.after_flip(&mut store, is_log.then_some(log_at)).map_err(about)
    }

    /// Whether the message at a place of the log has so many zeros in its body that a flipped bit
    /// cannot be told from a sector that never reached the disk.
    fn is_blank(&self, at: i64) -> bool {
        self.blanks.iter().any(|(start, end)| *start <= at && at < *end)
    }

    /// Every acknowledged message that the flip did not touch is still in the log.
    fn after_flip(&self, store: &mut Store, flipped: Option<i64>) -> Checked<()> {
        let mut out = Vec::new();
        for (key, queue) in &self.model {
            for (offset, message) in queue.promised(self.promise(self.kill_promise)) {
                if flipped.is_some_and(|at| message.start <= at && at < message.end) {
                    continue;
                }
                out.clear();
                let is_found = store.message_at(message.start, &mut out);
                let is_found = is_found.map_err(|e| e.to_string())?;
                let is_it = matches!(record::decode(&out), Ok(Entry::Record(record))
                    if check::message(&record, *offset, *key, queue).is_ok());
                if !is_found || !is_it {
                    return Err(format!(
                        "{} {}: acknowledged message {offset} (log {}) is lost",
                        TOPICS[key.0], key.1, message.start
                    ));
                }
            }
        }
        Ok(())
    }
}

fn log_of(disk: &SimDisk) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut files = disk.contents();
    files.retain(|(path, _)| path.parent().is_some_and(|dir| dir.ends_with("commitlog")));
    files
}
