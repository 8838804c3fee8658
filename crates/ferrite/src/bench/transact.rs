//! Transactions: half messages, each committed as soon as it is acknowledged.
//!
//! Used by `mod`. Every connection is a thread that does one after the other; a commit is asked to
//! be answered, which Java's producer does not, so that a transaction ends when its message is put.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base::clock::{mono_ns, wall_ms};
use base::thread::spawn_named;
use client::Security;
use hdrhistogram::Histogram;
use model::message::system_flag::{TRANSACTION_COMMIT, TRANSACTION_PREPARED};
use model::message_id::MessageId;
use protocol::frame::HeaderKind;
use protocol::request::send::SendMessageV2;
use protocol::request::transaction::EndTransaction;
use remoting::Client;
use serde::Serialize;

use super::cpu::CpuSample;
use super::options::BenchArgs;
use super::report::Latency;
use super::tally::latencies;
use super::target::Target;

const TIMEOUT: Duration = Duration::from_secs(15);
const GROUP: &str = "ferrite_bench_producer";
/// Threads at most.
const THREADS_MAX: u32 = 256;

/// What a run found.
#[derive(Debug, Serialize)]
pub struct Transactions {
    mode: &'static str,
    target: String,
    threads: u32,
    body_bytes: usize,
    committed: u64,
    failed: u64,
    /// The first reason, if there was any.
    reason: Option<String>,
    seconds: f64,
    per_second: f64,
    /// From the half message's request to the commit's answer.
    latency: Option<Latency>,
    /// CPU time of the broker for each transaction, microseconds.
    broker_cpu_us: Option<f64>,
}

impl Transactions {
    /// Prints it for people.
    ///
    /// # Errors
    /// The output is closed.
    pub fn write(&self, out: &mut impl Write) -> std::io::Result<()> {
        let Transactions { target, threads, body_bytes, committed, per_second, .. } = self;
        writeln!(out, "transaction - {target}, {threads} threads, {body_bytes} bytes")?;
        let seconds = self.seconds;
        writeln!(out, "TPS         {per_second:.0}: {committed} committed in {seconds:.1} s")?;
        if let Some(latency) = &self.latency {
            writeln!(out, "latency     {}", latency.line())?;
        }
        match self.broker_cpu_us {
            Some(cpu_us) => writeln!(out, "C           {cpu_us:.1} us for each transaction"),
            None => Ok(()),
        }
    }

    /// What went wrong, if anything did.
    pub fn failure(&self) -> Option<String> {
        let why = self.reason.as_deref().unwrap_or_default();
        (self.failed > 0).then(|| format!("{} transactions failed: {why}", self.failed))
    }
}

/// What the threads of a run share. Times are monotonic ns.
struct Shared {
    address: String,
    topic: String,
    queues: i32,
    body: Vec<u8>,
    security: Security,
    counted_from_ns: u64,
    end_ns: u64,
    /// Transactions still to begin, where their number is limited.
    left: AtomicU64,
}

/// What one thread found.
struct Found {
    latency: Histogram<u64>,
    failed: u64,
    reason: Option<String>,
    last_ns: u64,
}

/// Runs it.
///
/// # Errors
/// The broker cannot be reached or refuses to make the topic.
pub fn run(args: &BenchArgs, target: &Target) -> anyhow::Result<Transactions> {
    let queues = args.queues.unwrap_or(4).min(64);
    if !args.no_create {
        target.create_topic(&args.topic, queues)?;
    }
    let threads = args.depth.unwrap_or(32).min(THREADS_MAX);
    let ns = |seconds: f64| (seconds * 1e9) as u64;
    let began_ns = mono_ns();
    // A number of messages is measured from the first one on.
    let warmup_ns = if args.messages.is_some() { 0 } else { ns(args.warmup_seconds) };
    let counted_from_ns = began_ns + warmup_ns;
    let shared = Arc::new(Shared {
        address: target.address.to_string(),
        topic: args.topic.clone(),
        queues,
        body: vec![b'x'; args.body.unwrap_or(128) as usize],
        security: args.security(),
        counted_from_ns,
        end_ns: args.messages.map_or(counted_from_ns + ns(args.seconds), |_| u64::MAX),
        left: AtomicU64::new(args.messages.unwrap_or(u64::MAX)),
    });
    let before = args.pid.and_then(CpuSample::take);
    let mut running = Vec::new();
    for number in 0..threads {
        let shared = Arc::clone(&shared);
        running.push(spawn_named("bench-transact", move || transact(&shared, number))?);
    }
    let mut all = Found { latency: latencies(), failed: 0, reason: None, last_ns: 0 };
    for thread in running {
        let one = thread.join().map_err(|_| anyhow::anyhow!("a thread panicked"))?;
        all.latency.add(&one.latency)?;
        all.failed += one.failed;
        all.reason = all.reason.or(one.reason);
        all.last_ns = all.last_ns.max(one.last_ns);
    }
    let after = args.pid.and_then(CpuSample::take);
    let cpu_ns = after.zip(before).map(|(after, before)| after.since(&before));
    let committed = all.latency.len();
    let seconds = all.last_ns.saturating_sub(counted_from_ns) as f64 / 1e9;
    Ok(Transactions {
        mode: "transaction",
        target: format!("{} ({})", shared.address, target.broker_name),
        threads,
        body_bytes: shared.body.len(),
        committed,
        failed: all.failed,
        reason: all.reason,
        seconds,
        per_second: committed as f64 / seconds.max(1e-9),
        latency: Latency::of(&all.latency),
        // The warm-up is in it: a share of one tenth or two.
        broker_cpu_us: cpu_ns.map(|ns| ns as f64 / 1e3 / committed.max(1) as f64),
    })
}

/// One transaction after the other until the time is over or none is left.
fn transact(shared: &Shared, thread: u32) -> Found {
    let client = shared.security.apply(Client::new(HeaderKind::Binary));
    let mut found = Found { latency: latencies(), failed: 0, reason: None, last_ns: 0 };
    let mut number = u64::from(thread) << 32;
    let take = |left: u64| left.checked_sub(1);
    loop {
        let began_ns = mono_ns();
        let order = (Ordering::Relaxed, Ordering::Relaxed);
        if began_ns >= shared.end_ns || shared.left.fetch_update(order.0, order.1, take).is_err() {
            client.close();
            return found;
        }
        number += 1;
        let done = one(shared, &client, number);
        let now_ns = mono_ns();
        match done {
            Ok(()) if began_ns >= shared.counted_from_ns => {
                found.latency.saturating_record(now_ns - began_ns);
                found.last_ns = now_ns;
            }
            Ok(()) => {}
            Err(why) => {
                found.failed += 1;
                found.reason.get_or_insert(why);
            }
        }
    }
}

fn one(shared: &Shared, client: &Client, number: u64) -> Result<(), String> {
    let key = format!("{number:032X}");
    let half = SendMessageV2 {
        producer_group: GROUP.to_owned(),
        topic: shared.topic.clone(),
        default_topic: "TBW102".to_owned(),
        default_topic_queue_nums: shared.queues,
        queue_id: (number % shared.queues as u64) as i32,
        sys_flag: TRANSACTION_PREPARED,
        born_timestamp: wall_ms(),
        flag: 0,
        properties: Some(format!(
            "UNIQ_KEY\x01{key}\x02WAIT\x01true\x02TRAN_MSG\x01true\x02PGROUP\x01{GROUP}\x02"
        )),
        reconsume_times: Some(0),
        unit_mode: Some(false),
        max_reconsume_times: None,
        batch: Some(false),
        broker_name: None,
    };
    let sent = client.call(&shared.address, &half, &shared.body, TIMEOUT);
    let (reply, _) = sent.map_err(|e| e.to_string())?;
    let id: MessageId = reply.msg_id.parse().map_err(|e| format!("msgId: {e}"))?;
    let commit = EndTransaction {
        topic: Some(shared.topic.clone()),
        producer_group: GROUP.to_owned(),
        tran_state_table_offset: reply.queue_offset,
        commit_log_offset: id.commit_log_offset,
        commit_or_rollback: TRANSACTION_COMMIT,
        from_transaction_check: false,
        msg_id: Some(key),
        transaction_id: reply.transaction_id,
    };
    client.call(&shared.address, &commit, b"", TIMEOUT).map_err(|e| e.to_string())?;
    Ok(())
}
