//! Requests that need what is not in memory: while it is read from the device by `store-read`,
//! they wait here, and the loop serves the others.
//!
//! Invariants: who waits goes on exactly once when what was missing has come, and waits for the
//! device itself if it has gone again, or when more was missing than [`FETCHES_MAX`] times; reads
//! under way and who waits are bounded; a range is read once for all who need it, in the order in
//! which it was asked for. Who reads on finds the next range of the log read ahead.

mod errand;
mod kept;
mod sends;

use std::collections::VecDeque;
use std::sync::Mutex;

use protocol::FieldWriter;
use protocol::code::response_code;
use protocol::request::{Reply as ReplyFields, Request};
use remoting::{Call, Exchange, Refusal, Reply, ReplyHandle};
use store::{COLD_LOG_BYTES, ColdPlace, Fetch, QueueRef, Store, StoreError};

use crate::broker::{Broker, BrokerService};
use crate::handler::pull;
use crate::long_poll::ParkedPull;
use crate::pop::poll::Poll;
use crate::pop::take;
use crate::reply;

pub use errand::{AHEAD_MAX, Errand, Held, REST_MS, ask, message, place, places_of};
pub use kept::once_read;
pub use sends::{KeptSend, wait as wait_to_send};

/// Requests that wait at once; one more waits for the device on the loop.
const WAITING_MAX: usize = 4096;
/// Ranges that wait to be read for somebody, and as many ahead of somebody.
const READS_MAX: usize = 64;
/// Readers of the log whose next range is read ahead.
const STREAMS_MAX: usize = 16;
/// Reads made for one request before it waits for the device on the loop. A search by time in a
/// queue of a billion messages needs about 60.
const FETCHES_MAX: u32 = 256;
/// Longer calls are not kept; all that wait take 32 MiB at most.
const CALL_BYTES_MAX: usize = 8 << 10;

/// What was read for a request so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Fetches {
    count: u32,
    /// The newest first.
    last: [Option<ColdPlace>; 2],
}

impl Fetches {
    /// Whether to wait for one more range. One that came just now and is missing again is not
    /// waited for: there is not the memory to keep it.
    fn may_go_on(&self, place: ColdPlace) -> bool {
        let is_gone = self.last.iter().flatten().any(|last| last.begins(&place));
        self.count < FETCHES_MAX && !is_gone
    }

    /// With one more.
    fn and(self, place: ColdPlace) -> Fetches {
        Fetches { count: self.count + 1, last: [Some(place), self.last[0]] }
    }
}

/// Who waits, and how it goes on.
pub enum Waiter {
    /// A pull.
    Pull {
        /// Of this queue.
        queue: QueueRef,
        /// What it wants.
        pull: ParkedPull,
        /// Whether it may wait for a message, too.
        may_wait: bool,
    },
    /// A pop.
    Pop {
        /// What it wants.
        poll: Poll,
        /// Whether it may wait for a message, too.
        may_wait: bool,
    },
    /// A send.
    Send(KeptSend),
    /// A question, or a request about a message.
    Question(Box<dyn Again>),
    /// The broker itself.
    Errand(Errand),
}

/// Somebody who waits for bytes.
struct Waiting {
    who: Waiter,
    fetches: Fetches,
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
    /// Bytes of the sends among them.
    kept_bytes: usize,
    /// What somebody waits for, the oldest first.
    wanted: VecDeque<Fetch>,
    /// What is read ahead.
    ahead: VecDeque<Fetch>,
    running: Option<ColdPlace>,
    /// Read since the loop last looked.
    done: Vec<ColdPlace>,
    streams: Vec<Stream>,
    clock: u64,
    /// Errands that may go on, and what was read for them.
    errands: Vec<(Errand, Fetches)>,
}

impl ColdReads {
    /// Whether a request that needs something can wait for it.
    pub fn may_park(&self, fetches: &Fetches, fetch: &Fetch) -> bool {
        let has_room = self.has_place() && self.wanted.len() < READS_MAX;
        has_room && fetches.may_go_on(fetch.place())
    }

    fn has_place(&self) -> bool {
        self.waiting.len() < WAITING_MAX
    }

    fn add(&mut self, waiting: Waiting) {
        if let Waiter::Send(kept) = &waiting.who {
            self.kept_bytes += kept.len();
        }
        self.waiting.push(waiting);
    }

    /// Lets a request wait; ask [`ColdReads::may_park`] first. True when `store-read` has to be
    /// asked.
    fn park(&mut self, who: Waiter, fetches: Fetches, fetch: Fetch) -> bool {
        let needed = fetch.place();
        let coming = self.wanted.iter().map(Fetch::place).chain(self.running);
        let mut place = coming.into_iter().find(|coming| coming.begins(&needed));
        let is_new = place.is_none();
        if is_new {
            // What was to be read ahead is wanted now.
            let ahead = self.ahead.iter().position(|ahead| ahead.place().begins(&needed));
            let fetch = ahead.and_then(|at| self.ahead.remove(at)).unwrap_or(fetch);
            if let ColdPlace::Log { from, to } = fetch.place()
                && to - from > COLD_LOG_BYTES / 2
            {
                self.note_stream(from, to);
            }
            place = Some(fetch.place());
            self.wanted.push_back(fetch);
        }
        let place = place.unwrap_or(needed);
        self.add(Waiting { who, fetches: fetches.and(place), place });
        is_new
    }

    /// Readers that have come to the same place are one from there on: each range is read once.
    fn note_stream(&mut self, from: i64, to: i64) {
        self.clock += 1;
        let used = self.clock;
        self.streams.retain(|stream| stream.to != from);
        if let Some(stream) = self.streams.iter_mut().find(|stream| stream.to == to) {
            stream.used = used;
            return;
        }
        if self.streams.len() >= STREAMS_MAX {
            let oldest = (0..self.streams.len()).min_by_key(|at| self.streams[*at].used);
            self.streams.swap_remove(oldest.unwrap_or(0));
        }
        self.streams.push(Stream { to, used });
    }

    /// Somebody read the log's files at `at`: from where to read ahead, if that is due.
    fn next_ahead(&self, at: i64) -> Option<i64> {
        if self.ahead.len() >= READS_MAX {
            return None;
        }
        let mut ends = self.streams.iter().map(|stream| stream.to);
        ends.find(|to| (0..COLD_LOG_BYTES).contains(&(to - at)))
    }

    /// False when it is coming already, or there is no room for it.
    fn add_ahead(&mut self, fetch: Fetch) -> bool {
        let needed = fetch.place();
        let coming = self.wanted.iter().chain(&self.ahead).map(Fetch::place).chain(self.running);
        let is_due = self.ahead.len() < READS_MAX
            && !coming.into_iter().any(|coming| coming.begins(&needed));
        if is_due {
            self.ahead.push_back(fetch);
        }
        is_due
    }

    fn next(&mut self) -> Option<Fetch> {
        let next = self.wanted.pop_front().or_else(|| self.ahead.pop_front());
        self.running = next.as_ref().map(Fetch::place);
        next
    }

    /// Those whose range has come, the longest waiting first.
    fn take_ready(&mut self, done: &[ColdPlace]) -> Vec<Waiting> {
        let (ready, waiting): (Vec<Waiting>, _) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|waiting| done.contains(&waiting.place));
        self.waiting = waiting;
        for Waiting { who, .. } in &ready {
            if let Waiter::Send(kept) = who {
                self.kept_bytes -= kept.len();
            }
        }
        ready
    }
}

/// Lets a request wait for what it needs; ask [`ColdReads::may_park`] first.
pub fn park(broker: &mut Broker, who: Waiter, fetches: Fetches, fetch: Fetch) {
    if broker.cold.park(who, fetches, fetch) {
        broker.signals.read.ask();
    }
}

/// Reads what somebody will need who does not wait for it.
pub fn fetch_ahead(broker: &mut Broker, fetch: Fetch) {
    if broker.cold.add_ahead(fetch) {
        broker.signals.read.ask();
    }
}

/// A get was served from files at `at`: reads ahead for it if it reads on.
pub fn read_ahead(broker: &mut Broker, at: i64) {
    let Some(from) = broker.cold.next_ahead(at) else { return };
    let Some(read) = broker.store.cold_log(from) else { return };
    if let ColdPlace::Log { from, to } = read.place {
        broker.cold.note_stream(from, to);
        if !broker.store.is_at_hand(from) {
            fetch_ahead(broker, read.into());
        }
    }
}

/// Lets those go on whose bytes have come.
pub fn answer_ready(broker: &mut Broker, exchange: &mut Exchange<'_>) {
    if broker.cold.done.is_empty() {
        return;
    }
    let done = std::mem::take(&mut broker.cold.done);
    let ready = broker.cold.take_ready(&done);
    for Waiting { who, fetches, .. } in ready {
        match who {
            Waiter::Pull { queue, pull, may_wait } => {
                pull::answer_again(broker, exchange, queue, pull, may_wait, fetches);
            }
            Waiter::Pop { poll, may_wait } => {
                take::answer_again(broker, exchange, poll, may_wait, fetches);
            }
            Waiter::Send(kept) => kept.go_on(broker, exchange, fetches),
            Waiter::Question(question) => question.go_on(broker, exchange, fetches),
            Waiter::Errand(errand) => errand::go_on(broker, errand, fetches),
        }
    }
}

/// Reads one range, without the lock; false when none waits. `spare` is memory used again.
pub fn read_next(service: &Mutex<BrokerService>, spare: &mut Vec<u8>) -> bool {
    let next = service.lock().expect("the loop panicked").broker.cold.next();
    let Some(fetch) = next else { return false };
    let fetched = fetch.run(std::mem::take(spare));
    let broker = &mut service.lock().expect("the loop panicked").broker;
    broker.cold.running = None;
    broker.cold.done.push(fetched.place);
    *spare = broker.store.fetched(fetched);
    true
}

/// Whether a question may wait for the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// No: it ends with [`StoreError::Cold`] instead.
    None,
    /// Yes.
    Waits,
}

impl Patience {
    /// Asks the store.
    ///
    /// # Errors
    /// As [`Store::without_waiting`], or as `ask`.
    pub fn ask<T>(
        self,
        store: &mut Store,
        ask: impl FnOnce(&mut Store) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match self {
            Patience::None => store.without_waiting(ask),
            Patience::Waits => ask(store),
        }
    }
}

/// Why a question has no answer.
pub enum NoAnswer {
    /// This is not in memory.
    Cold(Box<Fetch>),
    /// The peer is told so.
    Refused(Refusal),
}

impl From<Refusal> for NoAnswer {
    fn from(refusal: Refusal) -> NoAnswer {
        NoAnswer::Refused(refusal)
    }
}

impl From<StoreError> for NoAnswer {
    fn from(error: StoreError) -> NoAnswer {
        match error {
            StoreError::Cold(fetch) => NoAnswer::Cold(fetch),
            error => NoAnswer::Refused(reply::store_error(&error)),
        }
    }
}

/// Finds the answer to a question. Nothing may have changed when it ends with
/// [`NoAnswer::Cold`]: then it is asked again.
pub type Ask<R> = fn(&mut Broker, &Exchange<'_>, &R) -> Result<Reply<R>, NoAnswer>;

/// More than the bytes that keeping a call's header takes.
fn header_len(call: &Call<'_>) -> usize {
    call.frame.fields.iter().map(|(key, value)| key.len() + value.len() + 8).sum::<usize>() + 64
}

/// A question that can be asked again.
pub trait Again: Send {
    /// Asks again: what was missing has come.
    fn go_on(self: Box<Self>, broker: &mut Broker, exchange: &mut Exchange<'_>, fetches: Fetches);
}

/// Does something that asks the store and puts no messages: what would wait for the device ends
/// with [`StoreError::Cold`].
pub fn without_waiting<T>(broker: &mut Broker, step: impl FnOnce(&mut Broker) -> T) -> T {
    let waited = broker.store.set_waits(false);
    let result = step(broker);
    broker.store.set_waits(waited);
    result
}

struct Question<R: Request> {
    to: ReplyHandle,
    request: R,
    ask: Ask<R>,
}

impl Broker {
    /// Answers a question, at once or when what it needs was read from the device.
    pub fn ask<R: Request + Send + 'static>(
        &mut self,
        exchange: &mut Exchange<'_>,
        call: &Call<'_>,
        request: R,
        ask: Ask<R>,
    ) {
        let question = Question { to: call.reply_handle(), request, ask };
        match header_len(call) <= CALL_BYTES_MAX {
            true => question.answer_or_park(self, exchange, Fetches::default()),
            false => question.answer(self, exchange),
        }
    }
}

impl<R: Request + Send + 'static> Again for Question<R> {
    fn go_on(self: Box<Self>, broker: &mut Broker, exchange: &mut Exchange<'_>, fetches: Fetches) {
        self.answer_or_park(broker, exchange, fetches);
    }
}

impl<R: Request + Send + 'static> Question<R> {
    fn answer_or_park(self, broker: &mut Broker, exchange: &mut Exchange<'_>, fetches: Fetches) {
        match without_waiting(broker, |broker| (self.ask)(broker, exchange, &self.request)) {
            Err(NoAnswer::Cold(fetch)) if broker.cold.may_park(&fetches, &fetch) => {
                park(broker, Waiter::Question(Box::new(self)), fetches, *fetch);
            }
            Err(NoAnswer::Cold(_)) => self.answer(broker, exchange),
            other => self.reply(exchange, other),
        }
    }

    fn answer(&self, broker: &mut Broker, exchange: &mut Exchange<'_>) {
        let answer = (self.ask)(broker, exchange, &self.request);
        self.reply(exchange, answer);
    }

    fn reply(&self, exchange: &mut Exchange<'_>, answer: Result<Reply<R>, NoAnswer>) {
        let refusal = match answer {
            Ok(Reply { header, body, remark }) => {
                let fields = |w: &mut FieldWriter<'_>| header.encode(w);
                let code = response_code::SUCCESS;
                return exchange.reply(self.to, code, remark.as_deref(), fields, &body);
            }
            Err(NoAnswer::Refused(refusal)) => refusal,
            Err(NoAnswer::Cold(fetch)) => reply::store_error(&StoreError::Cold(fetch)),
        };
        exchange.refuse(self.to, refusal.code, &refusal.remark);
    }
}

#[cfg(test)]
mod tests;
