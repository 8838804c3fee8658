//! How late messages that wait are delivered: by a delay level or by a time of their own, at a
//! fixed rate.
//!
//! Used by `mod`. One thread sends on a schedule, one for each queue waits in a long poll; the time
//! each message is due stands in its body, so that lateness is one subtraction at the receipt. It
//! contains the way of the message to the consumer, and for delay levels that to the broker.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use base::clock::{mono_ns, wall_ms};
use base::thread::spawn_named;
use hdrhistogram::Histogram;
use protocol::frame::HeaderKind;
use protocol::request::Request;
use protocol::request::pull::PullMessage;
use protocol::request::send::SendMessageV2;
use remoting::{CallError, Client};
use serde::Serialize;

use super::cpu::CpuSample;
use super::options::BenchArgs;
use super::record;
use super::report::Latency;
use super::schedule::Schedule;
use super::tally::latencies;
use super::target::Target;

const NS_PER_MS: u64 = 1_000_000;
/// Delays of the first levels as Java has them by default, ms.
const LEVELS_MS: [u64; 4] = [1_000, 5_000, 10_000, 30_000];
/// Flags of a pull: wait when there is nothing; the subscription comes with it.
const SUSPEND_WITH_SUBSCRIPTION: i32 = 2 | 4;
/// How long a broker holds a pull.
const SUSPEND_MS: i64 = 2_000;
const TIMEOUT: Duration = Duration::from_secs(15);
/// What is not there so long after it was due is missing.
const MISSING_NS: u64 = 15_000 * NS_PER_MS;

/// What messages wait for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// A delay level.
    Level,
    /// A time of their own.
    Time,
}

/// What a run found.
#[derive(Debug, Serialize)]
pub struct Late {
    mode: &'static str,
    target: String,
    rate: u64,
    wait_ms: u64,
    sent: u64,
    refused: u64,
    delivered: u64,
    missing: u64,
    repeated: u64,
    /// Delivered before their time.
    early: u64,
    /// The earliest was so much too early, ms.
    early_ms_max: f64,
    /// From the time due to the receipt.
    lateness: Option<Latency>,
    /// CPU time of the broker for each message, microseconds: taking it and delivering it.
    broker_cpu_us: Option<f64>,
}

impl Late {
    /// Prints it for people.
    ///
    /// # Errors
    /// The output is closed.
    pub fn write(&self, out: &mut impl Write) -> std::io::Result<()> {
        let Late { mode, target, rate, wait_ms, sent, delivered, .. } = self;
        writeln!(out, "{mode} - {target}, {rate} messages/s, each waits {wait_ms} ms")?;
        writeln!(out, "messages    {sent} sent, {delivered} delivered")?;
        if let Some(lateness) = &self.lateness {
            writeln!(out, "lateness    {}", lateness.line())?;
        }
        if self.early > 0 {
            let (early, most) = (self.early, self.early_ms_max);
            writeln!(out, "early       {early} messages, by {most:.3} ms at most")?;
        }
        match self.broker_cpu_us {
            Some(cpu_us) => writeln!(out, "C           {cpu_us:.1} us for each message"),
            None => Ok(()),
        }
    }

    /// What went wrong, if anything did.
    pub fn failure(&self) -> Option<String> {
        let Late { refused, missing, repeated, .. } = self;
        (refused + missing + repeated > 0)
            .then(|| format!("{refused} refused, {missing} missing, {repeated} repeated"))
    }
}

/// Everything that the threads of a run share.
struct Shared {
    address: String,
    topic: String,
    group: String,
    rate: u64,
    body_bytes: usize,
    wait: Wait,
    level: usize,
    wait_ns: u64,
    /// Wall time at monotonic 0, ns.
    epoch_ns: u64,
    count: u64,
    /// Messages before this one warm up.
    counted_from: u64,
    queues: i32,
    refused: AtomicU64,
    is_over: AtomicBool,
}

/// Runs it.
///
/// # Errors
/// The broker cannot be reached or refuses.
pub fn run(args: &BenchArgs, wait: Wait, target: &Target) -> anyhow::Result<Late> {
    let queues = args.queues.unwrap_or(4).min(64);
    target.create_topic(&args.topic, queues)?;
    let from = target.max_offsets(&args.topic, queues)?;
    let shared = Arc::new(shared(args, wait, target, queues)?);
    let before = args.pid.and_then(CpuSample::take);
    let mut consumers = Vec::new();
    for (queue_id, from) in (0..).zip(from) {
        let shared = Arc::clone(&shared);
        consumers.push(spawn_named("bench-late", move || consume(&shared, queue_id, from))?);
    }
    let sending = Arc::clone(&shared);
    let sender = spawn_named("bench-send", move || send(&sending))?;
    let sent = sender.join().map_err(|_| anyhow::anyhow!("the sender panicked"))?;
    let mut found = Found::new(shared.count);
    for consumer in consumers {
        let received = consumer.join().map_err(|_| anyhow::anyhow!("a consumer panicked"))??;
        received.into_iter().for_each(|(number, late_ns)| found.take(&shared, number, late_ns));
    }
    let refused = shared.refused.load(Ordering::Relaxed);
    let after = args.pid.and_then(CpuSample::take);
    let cpu_ns = after.zip(before).map(|(after, before)| after.since(&before));
    Ok(Late {
        mode: if wait == Wait::Level { "delay" } else { "timer" },
        target: format!("{} ({})", shared.address, target.broker_name),
        rate: shared.rate,
        wait_ms: shared.wait_ns / NS_PER_MS,
        sent,
        refused,
        delivered: found.delivered,
        missing: (sent - refused).saturating_sub(found.delivered),
        repeated: found.repeated,
        early: found.early,
        early_ms_max: found.early_ns_max as f64 / NS_PER_MS as f64,
        lateness: Latency::of(&found.lateness),
        broker_cpu_us: cpu_ns.map(|ns| ns as f64 / 1e3 / found.delivered.max(1) as f64),
    })
}

fn shared(args: &BenchArgs, wait: Wait, target: &Target, queues: i32) -> anyhow::Result<Shared> {
    let level = args.level as usize;
    ensure!((1..=LEVELS_MS.len()).contains(&level), "--level goes from 1 to {}", LEVELS_MS.len());
    let wait_ms = if wait == Wait::Level { LEVELS_MS[level - 1] } else { args.wait_ms };
    let rate = args.rate.unwrap_or(1_000);
    let messages = |seconds: f64| (seconds * rate as f64) as u64;
    let counted_from = messages(args.warmup_seconds);
    // The edge of a millisecond, so that both clocks agree to a few microseconds.
    let edge_ms = wall_ms();
    while wall_ms() == edge_ms {}
    let epoch_ns = wall_ms() as u64 * NS_PER_MS - mono_ns();
    Ok(Shared {
        address: target.address.to_string(),
        topic: args.topic.clone(),
        group: args.group.clone(),
        rate,
        body_bytes: args.body.unwrap_or(128) as usize,
        wait,
        level,
        wait_ns: wait_ms * NS_PER_MS,
        epoch_ns,
        count: counted_from + args.messages.unwrap_or_else(|| messages(args.seconds)),
        counted_from,
        queues,
        refused: AtomicU64::new(0),
        is_over: AtomicBool::new(false),
    })
}

/// Sends on the schedule; how many.
fn send(shared: &Arc<Shared>) -> u64 {
    let client = Client::new(HeaderKind::Binary);
    let schedule = Schedule::new(mono_ns() + 100 * NS_PER_MS, shared.rate);
    for number in 0..shared.count {
        wait_until(schedule.due_at(number));
        let now_ns = mono_ns();
        // To the millisecond, as the property says it.
        let due_wall_ms = (shared.epoch_ns + now_ns + shared.wait_ns) / NS_PER_MS;
        let (due_ns, property) = match shared.wait {
            // Counted from the millisecond the broker stores it in.
            Wait::Level => (
                due_wall_ms * NS_PER_MS - shared.epoch_ns,
                format!("DELAY\x01{}\x02", shared.level),
            ),
            Wait::Time => (
                due_wall_ms * NS_PER_MS - shared.epoch_ns,
                format!("TIMER_DELIVER_MS\x01{due_wall_ms}\x02"),
            ),
        };
        let mut body = [number.to_le_bytes(), due_ns.to_le_bytes()].concat();
        body.resize(shared.body_bytes.max(16), b'x');
        let request = request(shared, number, &property);
        let counting = Arc::clone(shared);
        let done = move |answer: Result<&protocol::Frame<'_>, CallError>| {
            if !answer.is_ok_and(|frame| frame.code == 0) {
                counting.refused.fetch_add(1, Ordering::Relaxed);
            }
        };
        let fields = |w: &mut protocol::FieldWriter<'_>| request.encode(w);
        client.call_later(&shared.address, SendMessageV2::CODE, fields, &body, TIMEOUT, done);
    }
    wait_until(mono_ns() + shared.wait_ns + 500 * NS_PER_MS);
    shared.is_over.store(true, Ordering::Relaxed);
    client.close();
    shared.count
}

fn request(shared: &Shared, number: u64, property: &str) -> SendMessageV2 {
    SendMessageV2 {
        producer_group: "ferrite_bench_producer".to_owned(),
        topic: shared.topic.clone(),
        default_topic: "TBW102".to_owned(),
        default_topic_queue_nums: shared.queues,
        queue_id: (number % shared.queues as u64) as i32,
        sys_flag: 0,
        born_timestamp: wall_ms(),
        flag: 0,
        properties: Some(format!("UNIQ_KEY\x01{number:032X}\x02WAIT\x01true\x02{property}")),
        reconsume_times: Some(0),
        unit_mode: Some(false),
        max_reconsume_times: None,
        batch: Some(false),
        broker_name: None,
    }
}

fn wait_until(due_ns: u64) {
    loop {
        let left_ns = due_ns.saturating_sub(mono_ns());
        if left_ns == 0 {
            return;
        }
        std::thread::park_timeout(Duration::from_nanos(left_ns));
    }
}

/// Numbers of a queue's messages and how late each came, ns; until nothing more is to come.
fn consume(shared: &Shared, queue_id: i32, from: i64) -> anyhow::Result<Vec<(u64, i64)>> {
    let client = Client::new(HeaderKind::Binary);
    let wanted = shared.count / shared.queues as u64 + 1;
    let mut found = Vec::with_capacity(wanted as usize);
    let (mut next, mut last_ns) = (from, mono_ns());
    loop {
        let is_over = shared.is_over.load(Ordering::Relaxed);
        let is_whole = found.len() as u64 + 1 >= wanted;
        if is_over && (is_whole || mono_ns() - last_ns > MISSING_NS) {
            return Ok(found);
        }
        let pull = PullMessage {
            consumer_group: shared.group.clone(),
            topic: shared.topic.clone(),
            queue_id,
            queue_offset: next,
            max_msg_nums: 32,
            sys_flag: SUSPEND_WITH_SUBSCRIPTION,
            suspend_timeout_ms: SUSPEND_MS,
            subscription: Some("*".to_owned()),
            expression_type: Some("TAG".to_owned()),
            ..PullMessage::default()
        };
        let fields = |w: &mut protocol::FieldWriter<'_>| pull.encode(w);
        let code = PullMessage::CODE;
        let mut answer = client.call_raw(&shared.address, code, fields, b"", TIMEOUT)?;
        let now_ns = mono_ns();
        let (reply, body) = answer.fields::<PullMessage>()?;
        let mut rest = &body[..];
        while answer.code == 0
            && let Some(record) = record::next(&mut rest)?
        {
            let word = |at: usize| record.body.get(at..).and_then(<[u8]>::first_chunk);
            let number = word(0).context("a body of another")?;
            let due_ns = word(8).context("a body of another")?;
            let due_ns = u64::from_le_bytes(*due_ns);
            found.push((u64::from_le_bytes(*number), now_ns as i64 - due_ns as i64));
            last_ns = now_ns;
        }
        next = reply.next_begin_offset.max(from);
    }
}

/// All deliveries together.
struct Found {
    is_there: Vec<bool>,
    delivered: u64,
    repeated: u64,
    early: u64,
    early_ns_max: u64,
    lateness: Histogram<u64>,
}

impl Found {
    fn new(count: u64) -> Found {
        Found {
            is_there: vec![false; count as usize],
            delivered: 0,
            repeated: 0,
            early: 0,
            early_ns_max: 0,
            lateness: latencies(),
        }
    }

    fn take(&mut self, shared: &Shared, number: u64, late_ns: i64) {
        // One of an earlier run on the same topic.
        let Some(is_there) = self.is_there.get_mut(number as usize) else { return };
        if std::mem::replace(is_there, true) {
            self.repeated += 1;
            return;
        }
        self.delivered += 1;
        if number < shared.counted_from {
            return;
        }
        if late_ns < 0 {
            self.early += 1;
            self.early_ns_max = self.early_ns_max.max(late_ns.unsigned_abs());
        }
        self.lateness.saturating_record(late_ns.max(1) as u64);
    }
}
