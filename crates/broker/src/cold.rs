//! Pulls of old messages: while their bytes are read from the device by `store-read`, they wait
//! here, and the loop serves the others.
//!
//! Invariants: a waiting pull is tried again exactly once when its bytes are there, and waits for
//! the device itself if they have gone again; reads under way and pulls that wait are bounded; a
//! range is read once for all who need it. Who reads on finds the next range read ahead.

use std::collections::VecDeque;
use std::sync::Mutex;

use remoting::Exchange;
use store::{COLD_LOG_BYTES, ColdPlace, ColdRead, QueueRef};

use crate::broker::{Broker, BrokerService};
use crate::handler::pull;
use crate::long_poll::ParkedPull;

/// Pulls that wait at once; one more waits for the device on the loop.
const WAITING_MAX: usize = 4096;
/// Ranges that wait to be read.
const READS_MAX: usize = 64;
/// Readers of the log whose next range is read ahead.
const STREAMS_MAX: usize = 16;

/// A pull that waits for bytes.
struct Waiting {
    queue: QueueRef,
    pull: ParkedPull,
    may_wait: bool,
    place: ColdPlace,
}

/// A reader of the log.
struct Stream {
    /// The log is read up to here for it.
    to: i64,
    /// When it last read, as a count of reads.
    used: u64,
}

/// See the file's description.
#[derive(Default)]
pub struct ColdReads {
    waiting: Vec<Waiting>,
    queued: VecDeque<ColdRead>,
    running: Option<ColdPlace>,
    /// Read since the loop last looked.
    done: Vec<ColdPlace>,
    streams: Vec<Stream>,
    clock: u64,
}

impl ColdReads {
    /// Whether a pull that needs a range can wait for it.
    pub fn has_room(&self) -> bool {
        self.waiting.len() < WAITING_MAX && self.queued.len() < READS_MAX
    }

    /// Lets a pull wait for a range; ask [`ColdReads::has_room`] first. True when `store-read`
    /// has to be asked.
    pub fn park(
        &mut self,
        queue: QueueRef,
        pull: ParkedPull,
        may_wait: bool,
        read: ColdRead,
    ) -> bool {
        let is_coming = |place: &ColdPlace| place.begins(&read.place);
        let coming = self.queued.iter().map(|read| read.place).chain(self.running);
        let place = coming.into_iter().find(is_coming);
        let is_new = place.is_none();
        let place = place.unwrap_or(read.place);
        self.waiting.push(Waiting { queue, pull, may_wait, place });
        if is_new {
            if let ColdPlace::Log { from, to } = place
                && to - from > COLD_LOG_BYTES / 2
            {
                self.note_stream(from, to);
            }
            // Before what is only read ahead.
            self.queued.push_front(read);
        }
        is_new
    }

    fn note_stream(&mut self, from: i64, to: i64) {
        self.clock += 1;
        let used = self.clock;
        if let Some(stream) = self.streams.iter_mut().find(|stream| stream.to == from) {
            (stream.to, stream.used) = (to, used);
            return;
        }
        if self.streams.len() >= STREAMS_MAX {
            let oldest = (0..self.streams.len()).min_by_key(|at| self.streams[*at].used);
            self.streams.swap_remove(oldest.unwrap_or(0));
        }
        self.streams.push(Stream { to, used });
    }

    /// Somebody read the log's files at `at`: from where to read ahead, if that is due.
    fn next_ahead(&mut self, at: i64) -> Option<i64> {
        if self.queued.len() >= READS_MAX {
            return None;
        }
        let near = |stream: &&mut Stream| (0..COLD_LOG_BYTES).contains(&(stream.to - at));
        let stream = self.streams.iter_mut().find(near)?;
        self.clock += 1;
        stream.used = self.clock;
        Some(stream.to)
    }

    fn take_done(&mut self) -> Vec<Waiting> {
        if self.done.is_empty() {
            return Vec::new();
        }
        let done = std::mem::take(&mut self.done);
        let (ready, waiting) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|waiting| done.contains(&waiting.place));
        self.waiting = waiting;
        ready
    }
}

/// A get was served from files at `at`: reads ahead for it if it reads on.
pub fn read_ahead(broker: &mut Broker, at: i64) {
    let Some(from) = broker.cold.next_ahead(at) else { return };
    let Some(read) = broker.store.cold_log(from) else { return };
    if let ColdPlace::Log { from, to } = read.place {
        broker.cold.note_stream(from, to);
        broker.cold.queued.push_back(read);
        broker.signals.read.ask();
    }
}

/// Answers the pulls whose bytes have come.
pub fn answer_ready(broker: &mut Broker, exchange: &mut Exchange<'_>) {
    for Waiting { queue, pull, may_wait, .. } in broker.cold.take_done() {
        let pull = ParkedPull { is_warm: true, ..pull };
        let Some(pull) = pull::answer(broker, exchange, queue, pull, may_wait) else { continue };
        let pull = ParkedPull { is_warm: false, ..pull };
        if let Err(pull) = broker.long_poll.park(queue, pull) {
            pull::answer(broker, exchange, queue, pull, false);
        }
    }
}

/// Reads one range, without the lock; false when none waits. `spare` is memory used again.
pub fn read_next(service: &Mutex<BrokerService>, spare: &mut Vec<u8>) -> bool {
    let read = {
        let cold = &mut service.lock().expect("the loop panicked").broker.cold;
        let read = cold.queued.pop_front();
        cold.running = read.as_ref().map(|read| read.place);
        read
    };
    let Some(read) = read else { return false };
    let bytes = read.run(std::mem::take(spare));
    let broker = &mut service.lock().expect("the loop panicked").broker;
    broker.cold.running = None;
    broker.cold.done.push(read.place);
    *spare = broker.store.keep_cold(read.place, bytes);
    true
}
