//! The generator's loop: one thread, one poll, all senders and consumers of a run.
//!
//! Used by `mod` for every mode that makes traffic. A run warms up, measures, then waits for what
//! is still under way; each step is bounded in time, and a run without progress is broken off.

use std::net::SocketAddr;
use std::time::Duration;

use mio::{Events, Poll, Token};
use rustix::time::{ClockId, clock_gettime};

use super::connection::Connection;
use super::consumer::{Consumer, Cursor, PullShape};
use super::cpu::CpuSample;
use super::ledger::Ledger;
use super::producer::{Due, Producer, Source};
use super::schedule::Schedule;
use super::stalls::{Latencies, Stalls, Watch};
use super::tally::Tally;
use super::template::SendShape;
use super::timer::Timer;

const NS_PER_MS: u64 = 1_000_000;
/// Token of the timer; connections have smaller ones.
const TIMER: Token = Token(usize::MAX);
/// The loop looks at the clock at least this often.
const TICK_NS: u64 = 20 * NS_PER_MS;
/// How long nothing may happen while something is under way.
const STALL_NS: u64 = 10_000 * NS_PER_MS;
/// How long to wait, after the last send, for what is under way.
const DRAIN_NS: u64 = 15_000 * NS_PER_MS;
/// How long a warm-up or a counted run may take at most.
const PHASE_NS_MAX: u64 = 900_000 * NS_PER_MS;

/// How fast to send.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// Each connection keeps this many requests under way.
    Closed(usize),
    /// Messages leave on a schedule, come what may.
    Open {
        /// How many a second.
        per_second: u64,
        /// How many at once.
        burst: u64,
    },
}

/// Who sends what.
#[derive(Clone, Debug)]
pub struct SendPlan {
    /// Sending connections, at least 1.
    pub connections: usize,
    /// How fast.
    pub pace: Pace,
    /// What.
    pub shape: SendShape,
    /// To queues 0 up to this.
    pub queues: i32,
}

/// Everything about a run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The broker.
    pub address: SocketAddr,
    /// The process whose CPU time is measured.
    pub pid: Option<u32>,
    /// Absent when only consuming.
    pub send: Option<SendPlan>,
    /// One connection each.
    pub consumers: Vec<(PullShape, Vec<Cursor>)>,
    /// Warm-up lasts at least this long, ns.
    pub warmup_ns: u64,
    /// Warm-up lasts at least this many messages.
    pub warmup_messages: u64,
    /// Measuring lasts this long, ns, unless `messages` says otherwise.
    pub measure_ns: u64,
    /// Measuring lasts this many messages.
    pub messages: Option<u64>,
    /// Whether the machine's stalls are to be measured, too.
    pub stalls: bool,
}

/// What a run found out.
pub struct Outcome {
    /// All counts since the start.
    pub tally: Tally,
    /// Length of the measured window, ns.
    pub window_ns: u64,
    /// Messages acknowledged in it.
    pub acked: u64,
    /// Messages delivered in it.
    pub delivered: u64,
    /// Bytes delivered in it.
    pub delivered_bytes: u64,
    /// CPU time of the measured process in it, ns.
    pub broker_cpu_ns: Option<u64>,
    /// How long its threads were ready to run without a CPU, ns.
    pub broker_waited_ns: Option<u64>,
    /// Threads of that process.
    pub broker_threads: Option<usize>,
    /// CPU time of the generator in it, ns.
    pub client_cpu_ns: u64,
    /// Messages acknowledged and never delivered, of tail runs.
    pub missing: u64,
    /// Extra deliveries, of tail runs.
    pub repeated: u64,
    /// Bytes of one send request.
    pub request_bytes: usize,
    /// Why the run was broken off.
    pub broken_off: Option<String>,
    /// When the machine stood still, if that was watched.
    pub stalls: Option<Stalls>,
}

/// Sees how far a run has come: phase, messages done, messages or ns wanted in it.
pub trait Progress {
    /// Called a few times a second.
    fn update(&mut self, phase: &'static str, done: u64, per_cent: u64);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Warmup,
    Measure,
    Drain,
    Done,
}

/// Counts and clocks at one end of the window.
#[derive(Clone, Default)]
struct Mark {
    at_ns: u64,
    broker: Option<CpuSample>,
    client_ns: u64,
    acked: u64,
    delivered: u64,
    delivered_bytes: u64,
}

struct Engine<'a> {
    plan: &'a Plan,
    poll: Poll,
    timer: Timer,
    producers: Vec<Producer>,
    source: Option<Source>,
    consumers: Vec<Consumer>,
    ledger: Option<Ledger>,
    tally: Tally,
    schedule: Option<Schedule>,
    scheduled: u64,
    next_producer: usize,
    phase: Phase,
    phase_since_ns: u64,
    progress_at: (u64, u64),
    updated_ns: u64,
    start: Mark,
    end: Mark,
    broken_off: Option<String>,
}

/// Runs a plan.
///
/// # Errors
/// No connection, or the system has no poll to give. Whatever goes wrong later is in the outcome.
pub fn run(plan: &Plan, progress: &mut dyn Progress) -> anyhow::Result<Outcome> {
    let mut engine = Engine::new(plan)?;
    let mut events = Events::with_capacity(1_024);
    let watch = if plan.stalls { Some(Watch::start()?) } else { None };
    while engine.phase != Phase::Done {
        engine.turn(&mut events, progress)?;
    }
    let stalls = watch.map(Watch::finish).transpose()?;
    Ok(Outcome { stalls, ..engine.outcome() })
}

/// CPU time of this process, ns.
pub fn own_cpu_ns() -> u64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

impl<'a> Engine<'a> {
    fn new(plan: &'a Plan) -> anyhow::Result<Engine<'a>> {
        let poll = Poll::new()?;
        let timer = Timer::new(poll.registry(), TIMER)?;
        let mut producers = Vec::new();
        let mut source = None;
        if let Some(send) = &plan.send {
            source = Some(Source::new(&send.shape, send.queues)?);
            for number in 0..send.connections.max(1) {
                let mut producer = Producer::new(Connection::open(plan.address)?);
                producer.connection_mut().register(poll.registry(), Token(number))?;
                producers.push(producer);
            }
        }
        let mut consumers = Vec::new();
        for (number, (shape, cursors)) in plan.consumers.iter().enumerate() {
            let mut consumer =
                Consumer::open(plan.address, shape.clone(), number, cursors.clone())?;
            let token = Token(producers.len() + number);
            consumer.connection_mut().register(poll.registry(), token)?;
            consumers.push(consumer);
        }
        let tail = source.is_some() && !consumers.is_empty();
        let now_ns = base::clock::mono_ns();
        let mut tally = Tally::new();
        tally.spans = plan.stalls.then(Latencies::new);
        let mut engine = Engine {
            plan,
            poll,
            timer,
            producers,
            source,
            consumers,
            ledger: tail.then(Ledger::default),
            tally,
            schedule: None,
            scheduled: 0,
            next_producer: 0,
            phase: Phase::Warmup,
            phase_since_ns: now_ns,
            progress_at: (0, now_ns),
            updated_ns: 0,
            start: Mark::default(),
            end: Mark::default(),
            broken_off: None,
        };
        engine.first_sends(now_ns);
        engine.advance(now_ns);
        Ok(engine)
    }

    fn first_sends(&mut self, now_ns: u64) {
        match self.plan.send.as_ref().map(|send| send.pace) {
            Some(Pace::Closed(depth)) => {
                for index in 0..self.producers.len() {
                    self.top_up(index, depth.max(1), now_ns);
                }
            }
            Some(Pace::Open { per_second, burst }) => {
                let batch = self.source.as_ref().map_or(1, Source::batch);
                // A little later, so that the consumers' first pulls are waiting by then.
                let start_ns = now_ns + 50 * NS_PER_MS;
                let schedule = Schedule::new(start_ns, (per_second / batch).max(1));
                self.schedule = Some(schedule.in_bursts(burst));
            }
            None => {}
        }
        for consumer in &mut self.consumers {
            consumer.flush(now_ns, &mut self.tally);
        }
    }

    /// One wake-up.
    fn turn(&mut self, events: &mut Events, progress: &mut dyn Progress) -> anyhow::Result<()> {
        let timeout = self.timeout()?;
        match self.poll.poll(events, Some(timeout)) {
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => return Ok(()),
            result => result?,
        }
        for event in events.iter() {
            self.ready(event.token().0);
        }
        let now_ns = base::clock::mono_ns();
        self.send_due(now_ns);
        self.advance(now_ns);
        if now_ns.saturating_sub(self.updated_ns) > 250 * NS_PER_MS {
            self.updated_ns = now_ns;
            self.tell(progress, now_ns);
        }
        Ok(())
    }

    fn ready(&mut self, token: usize) {
        let sent = self.source.as_ref().map_or(0, Source::messages);
        if let Some(producer) = self.producers.get_mut(token) {
            let source = self.source.as_ref().expect("producers come with a source");
            let answered = producer.ready(source, &mut self.tally, self.ledger.as_mut());
            if answered > 0
                && matches!(self.phase, Phase::Warmup | Phase::Measure)
                && let Some(Pace::Closed(depth)) = self.plan.send.as_ref().map(|send| send.pace)
            {
                let now_ns = base::clock::mono_ns();
                self.top_up(token, depth, now_ns);
            } else {
                let source = self.source.as_ref().expect("producers come with a source");
                self.producers[token].flush(source, &mut self.tally);
            }
        } else if let Some(consumer) =
            self.consumers.get_mut(token - self.producers.len().min(token))
        {
            consumer.ready(&mut self.tally, self.ledger.as_mut(), sent);
            consumer.flush(base::clock::mono_ns(), &mut self.tally);
        }
    }

    /// Closed loop: sends until `depth` requests are under way.
    fn top_up(&mut self, index: usize, depth: usize, now_ns: u64) {
        let Some(source) = self.source.as_mut() else { return };
        let producer = &mut self.producers[index];
        let due = Due { intended_ns: now_ns, born_ms: base::clock::wall_ms() };
        while producer.under_way() < depth && producer.push(source, &mut self.tally, due) {}
        producer.flush(source, &mut self.tally);
    }

    /// Open loop: sends what is due, in turn over the connections.
    fn send_due(&mut self, now_ns: u64) {
        let (Some(schedule), Some(source)) = (self.schedule, self.source.as_mut()) else { return };
        if !matches!(self.phase, Phase::Warmup | Phase::Measure) {
            return;
        }
        let due = schedule.due_by(now_ns);
        if due <= self.scheduled {
            return;
        }
        let born_ms = base::clock::wall_ms();
        let connections = self.producers.len();
        while self.scheduled < due {
            let intended_ns = schedule.due_at(self.scheduled);
            let producer = &mut self.producers[self.next_producer];
            self.next_producer = (self.next_producer + 1) % connections;
            if !producer.push(source, &mut self.tally, Due { intended_ns, born_ms }) {
                // Full or broken: what is due stays due, and its latency grows.
                break;
            }
            if self.tally.window.holds(intended_ns) {
                self.tally.lateness.saturating_record(now_ns.saturating_sub(intended_ns).max(1));
            }
            self.scheduled += 1;
        }
        for producer in &mut self.producers {
            producer.flush(source, &mut self.tally);
        }
    }

    fn timeout(&mut self) -> anyhow::Result<Duration> {
        let mut wait_ns = TICK_NS;
        if let Some(schedule) = self.schedule
            && matches!(self.phase, Phase::Warmup | Phase::Measure)
        {
            let next_ns = schedule.due_at(self.scheduled);
            let now_ns = base::clock::mono_ns();
            let until_ns = next_ns.saturating_sub(now_ns);
            if until_ns == 0 {
                return Ok(Duration::ZERO);
            }
            if until_ns < TICK_NS && !self.timer.wake_in(until_ns)? {
                wait_ns = until_ns;
            }
        }
        Ok(Duration::from_nanos(wait_ns))
    }

    /// Goes on to the next phase when this one has done its part.
    fn advance(&mut self, now_ns: u64) {
        let elapsed_ns = now_ns.saturating_sub(self.phase_since_ns);
        match self.phase {
            Phase::Warmup => {
                let enough = self.tally.acked >= self.plan.warmup_messages;
                if elapsed_ns >= self.plan.warmup_ns && enough {
                    self.start = self.mark();
                    self.tally.window.open(self.start.at_ns);
                    self.enter(Phase::Measure, self.start.at_ns);
                }
            }
            Phase::Measure => {
                if self.measured(elapsed_ns) {
                    self.end = self.mark();
                    self.tally.window.close(self.end.at_ns);
                    self.enter(Phase::Drain, self.end.at_ns);
                }
            }
            Phase::Drain => self.drained(elapsed_ns),
            Phase::Done => {}
        }
        self.watch(now_ns);
    }

    fn measured(&self, elapsed_ns: u64) -> bool {
        if self.source.is_none() {
            return self.consumers.iter().all(Consumer::finished);
        }
        match self.plan.messages {
            Some(wanted) => self.messages_done() - self.messages_at_start() >= wanted,
            None => elapsed_ns >= self.plan.measure_ns,
        }
    }

    /// Messages that count: delivered ones when there is a consumer.
    fn messages_done(&self) -> u64 {
        if self.consumers.is_empty() { self.tally.acked } else { self.tally.delivered }
    }

    fn messages_at_start(&self) -> u64 {
        if self.consumers.is_empty() { self.start.acked } else { self.start.delivered }
    }

    fn drained(&mut self, elapsed_ns: u64) {
        let under_way: usize = self.producers.iter().map(Producer::under_way).sum();
        let missing = self.ledger.as_ref().map_or(0, Ledger::missing);
        if (under_way == 0 && missing == 0) || elapsed_ns >= DRAIN_NS {
            self.finish();
        }
    }

    /// Breaks off a run that does not come on.
    fn watch(&mut self, now_ns: u64) {
        if self.phase == Phase::Done {
            return;
        }
        let progress = self.tally.progress();
        if progress != self.progress_at.0 {
            self.progress_at = (progress, now_ns);
        }
        let all_broken = !self.producers.is_empty()
            && self.producers.iter().all(|producer| producer.broken.is_some());
        let consumer_broken = self.consumers.iter().find_map(|consumer| consumer.broken.as_ref());
        let quiet_ns = now_ns.saturating_sub(self.progress_at.1);
        let why = if let Some(why) = consumer_broken {
            why.clone()
        } else if all_broken {
            "every sending connection broke".to_owned()
        } else if quiet_ns >= STALL_NS && self.phase != Phase::Drain {
            let s = quiet_ns / 1_000 / NS_PER_MS;
            format!("nothing was acknowledged or delivered for {s} s")
        } else if now_ns.saturating_sub(self.phase_since_ns) >= PHASE_NS_MAX {
            "the run took longer than 15 minutes".to_owned()
        } else {
            return;
        };
        self.broken_off = Some(why);
        if self.phase == Phase::Measure {
            self.end = self.mark();
        }
        self.finish();
    }

    fn finish(&mut self) {
        if let Some(source) = &self.source {
            for producer in &mut self.producers {
                producer.give_up(source, &mut self.tally);
            }
        }
        self.phase = Phase::Done;
    }

    fn enter(&mut self, phase: Phase, now_ns: u64) {
        self.phase = phase;
        self.phase_since_ns = now_ns;
    }

    /// Clocks first at the start and last at the end would each favour one side; sampling takes
    /// about a millisecond, so both ends do it the same way.
    fn mark(&self) -> Mark {
        let broker = self.plan.pid.and_then(CpuSample::take);
        Mark {
            broker,
            client_ns: own_cpu_ns(),
            at_ns: base::clock::mono_ns(),
            acked: self.tally.acked,
            delivered: self.tally.delivered,
            delivered_bytes: self.tally.delivered_bytes,
        }
    }

    fn tell(&self, progress: &mut dyn Progress, now_ns: u64) {
        let elapsed_ns = now_ns.saturating_sub(self.phase_since_ns);
        let part = |done: u64, of: u64| (done.saturating_mul(100) / of.max(1)).min(100);
        let (name, per_cent) = match self.phase {
            Phase::Warmup => {
                let by_time = part(elapsed_ns, self.plan.warmup_ns);
                let by_count = part(self.tally.acked, self.plan.warmup_messages);
                ("warming up", if self.plan.warmup_messages == 0 { by_time } else { by_count })
            }
            Phase::Measure => {
                let done = self.messages_done() - self.messages_at_start();
                let by_time = part(elapsed_ns, self.plan.measure_ns);
                ("measuring", self.plan.messages.map_or(by_time, |wanted| part(done, wanted)))
            }
            Phase::Drain | Phase::Done => ("waiting for the rest", 100),
        };
        progress.update(name, self.messages_done(), per_cent);
    }

    fn outcome(self) -> Outcome {
        let (start, end) = (self.start, self.end);
        let both = start.broker.as_ref().zip(end.broker.as_ref());
        Outcome {
            window_ns: end.at_ns.saturating_sub(start.at_ns),
            acked: end.acked.saturating_sub(start.acked),
            delivered: end.delivered.saturating_sub(start.delivered),
            delivered_bytes: end.delivered_bytes.saturating_sub(start.delivered_bytes),
            broker_cpu_ns: both.map(|(before, after)| after.since(before)),
            broker_waited_ns: both.map(|(before, after)| after.waited_since(before)),
            broker_threads: end.broker.as_ref().map(CpuSample::thread_count),
            client_cpu_ns: end.client_ns.saturating_sub(start.client_ns),
            missing: self.ledger.as_ref().map_or(0, Ledger::missing),
            repeated: self.ledger.as_ref().map_or(0, Ledger::repeated),
            request_bytes: self.source.as_ref().map_or(0, Source::request_bytes),
            broken_off: self.broken_off,
            stalls: None,
            tally: self.tally,
        }
    }
}
