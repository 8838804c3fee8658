//! `ferrite bench`: an honest load generator for any RocketMQ broker, ours or Java's.
//!
//! Called by `main`. One thread makes all traffic, so that two cores are enough for generator and
//! broker; figures that count are the broker's CPU time per message and latencies from a
//! histogram. What is measured: a window after the warm-up. What fails: any message that was
//! refused, lost, doubled or delivered out of order.
//!
//! Reading order: `options` and `goal` say what to do, `target` asks the broker, `engine` runs
//! `producer` and `consumer` over `connection`; `template`, `slots`, `record`, `ledger`, `tally`
//! and `schedule` are their parts; `cpu`, `calibrate`, `stalls`, `observe`, `late` and `floor`
//! measure;
//! `report` and `table` tell; `late` and `transact` have loops of their own.

use std::io::{IsTerminal, Write};

use anyhow::{Context, bail};
use clap::ValueEnum;

mod calibrate;
mod connection;
mod consumer;
mod cpu;
mod engine;
mod floor;
mod goal;
mod late;
mod ledger;
mod observe;
mod options;
mod producer;
mod progress;
mod record;
mod report;
mod schedule;
mod slots;
mod stalls;
mod table;
mod tally;
mod target;
mod template;
mod timer;
mod transact;

use calibrate::Environment;
use consumer::{Cursor, PullShape};
use engine::{Plan, SendPlan};
use late::Wait;
use options::{Api, Mode, Workload};
use progress::Bar;
use report::{Header, Report};
use target::Target;
use template::SendShape;

pub use options::BenchArgs;

/// Runs what the command line asks for and prints the report.
///
/// # Errors
/// The broker cannot be reached or refuses; or messages were refused, lost, doubled or out of
/// order and `--allow-failures` was not given.
pub fn run(args: BenchArgs) -> anyhow::Result<()> {
    let mode = args.mode.or(args.goal.map(goal::Goal::mode));
    let mode = mode.context("say what to do: a mode such as `send`, or --goal")?;
    let workload = Workload::new(&args, mode);
    match mode {
        Mode::FloorServer => floor::serve(workload.batch),
        Mode::Idle => print_idle(&args),
        Mode::Disk => print_disk(&args),
        Mode::Table => print_table(&args),
        Mode::Floor => floor_run(&args, &workload),
        Mode::Memory => memory_run(&args, &workload),
        Mode::Delay => late_run(&args, Wait::Level),
        Mode::Timer => late_run(&args, Wait::Time),
        Mode::Transaction => transaction_run(&args),
        Mode::Send | Mode::Open | Mode::Tail | Mode::Pull => {
            let report = broker_run(&args, mode, &workload)?;
            finish(&args, &report)
        }
    }
}

/// Prints a report; its failures are this program's.
fn finish(args: &BenchArgs, report: &Report) -> anyhow::Result<()> {
    if args.json {
        print_json(report)?;
    } else {
        report.write(&mut anstream::stdout())?;
    }
    match report.failure() {
        Some(failure) if !args.allow_failures => bail!(failure),
        Some(failure) => Ok(writeln!(anstream::stderr(), "failures allowed: {failure}")?),
        None => Ok(()),
    }
}

fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    Ok(writeln!(anstream::stdout(), "{}", serde_json::to_string(value)?)?)
}

fn broker_run(args: &BenchArgs, mode: Mode, workload: &Workload) -> anyhow::Result<Report> {
    let environment = Environment::take();
    let (broker, namesrv) = (args.broker.as_deref(), args.namesrv.as_deref());
    let target = Target::find(broker, namesrv, &args.topic, args.remote, args.security())?;
    check_flush(args, &target)?;
    if !args.no_create && mode != Mode::Pull || args.fill > 0 {
        target.create_topic(&args.topic, workload.queues)?;
    }
    let mut bar = Bar::new(!args.json && std::io::stderr().is_terminal());
    if mode == Mode::Pull && args.fill > 0 {
        fill(args, workload, &target, &mut bar)?;
    }
    let before = target.max_offsets(&args.topic, workload.queues)?;
    let plan = plan(args, mode, workload, &target, &before)?;
    let outcome = engine::run(&plan, &mut bar)?;
    bar.clear();
    let stored = match mode {
        Mode::Pull => None,
        // A broker that is gone would hide the report behind its next refusal.
        _ if outcome.broken_off.is_some() => None,
        _ => Some(target.stored_since(&args.topic, &before, outcome.tally.acked)?),
    };
    let name = args.pid.and_then(cpu::process_name).unwrap_or_else(|| "process unknown".into());
    let header = Header {
        goal: goal_name(args),
        mode: value_name(&mode),
        workload: if mode == Mode::Pull {
            let (queues, batch) = (workload.queues, args.pull_messages);
            format!("{} connection(s), {queues} queue(s), {batch} a pull", workload.consumers)
        } else {
            workload.line()
        },
        target: format!("{name} at {} ({})", target.address, target.broker_name),
        flush_disk_type: target.flush_disk_type.clone(),
        environment,
    };
    Ok(Report::new(header, &outcome, stored))
}

fn goal_name(args: &BenchArgs) -> Option<String> {
    args.goal.as_ref().map(value_name)
}

fn value_name(value: &impl ValueEnum) -> String {
    value.to_possible_value().map_or(String::new(), |value| value.get_name().to_owned())
}

/// A goal's figure is only worth something with the durability it is about.
fn check_flush(args: &BenchArgs, target: &Target) -> anyhow::Result<()> {
    let (Some(goal), Some(is)) = (args.goal, &target.flush_disk_type) else { return Ok(()) };
    let wanted = goal.flush_disk_type();
    anyhow::ensure!(is == wanted, "this goal needs flushDiskType={wanted}; the broker has {is}");
    Ok(())
}

/// Builds a backlog by batches.
fn fill(
    args: &BenchArgs,
    workload: &Workload,
    target: &Target,
    bar: &mut Bar,
) -> anyhow::Result<()> {
    let batch = workload.batch.max(16);
    let workload = Workload { batch, rate: None, tail: false, ..workload.clone() };
    let plan = Plan {
        messages: Some(args.fill),
        warmup_ns: 0,
        warmup_messages: 0,
        stalls: false,
        ..plan(args, Mode::Send, &workload, target, &[])?
    };
    let outcome = engine::run(&plan, bar)?;
    let before = vec![0; workload.queues as usize];
    target.stored_since(&args.topic, &before, outcome.tally.acked)?;
    match outcome.broken_off {
        Some(why) => bail!("filling the backlog: {why}"),
        None if outcome.tally.failed > 0 => {
            let first = outcome.tally.reasons.first_key_value();
            let ((code, _), (remark, _)) = first.context("refused without a reason")?;
            bail!("filling the backlog: refused with code {code}: {remark}")
        }
        None => Ok(()),
    }
}

fn plan(
    args: &BenchArgs,
    mode: Mode,
    workload: &Workload,
    target: &Target,
    max_offsets: &[i64],
) -> anyhow::Result<Plan> {
    let consumers = match mode {
        Mode::Pull => {
            let first = target.min_offsets(&args.topic, workload.queues)?;
            consumers(args, workload, target, &first, Some(max_offsets))
        }
        _ if workload.tail => consumers(args, workload, target, max_offsets, None),
        _ => Vec::new(),
    };
    let draining = mode == Mode::Pull;
    let ns = |seconds: f64| (seconds * 1e9) as u64;
    Ok(Plan {
        address: target.address,
        pid: args.pid,
        send: (!draining).then(|| send_plan(args, workload, &target.broker_name)),
        consumers,
        warmup_ns: if draining { 0 } else { ns(args.warmup_seconds) },
        warmup_messages: if draining { 0 } else { args.warmup_messages },
        measure_ns: ns(args.seconds),
        messages: args.messages,
        stalls: args.stalls,
    })
}

fn send_plan(args: &BenchArgs, workload: &Workload, broker_name: &str) -> SendPlan {
    SendPlan {
        connections: workload.connections,
        pace: workload.pace(),
        shape: SendShape {
            kind: workload.kind(),
            long_names: workload.api == Api::V1,
            batch: workload.batch,
            body_bytes: workload.body,
            topic: args.topic.clone(),
            broker_name: broker_name.to_owned(),
            credentials: args.credentials(),
        },
        queues: workload.queues,
    }
}

/// Deals the queues out among the consuming connections.
fn consumers(
    args: &BenchArgs,
    workload: &Workload,
    target: &Target,
    from: &[i64],
    to: Option<&[i64]>,
) -> Vec<(PullShape, Vec<Cursor>)> {
    let shape = PullShape {
        kind: workload.kind(),
        group: args.group.clone(),
        topic: args.topic.clone(),
        broker_name: target.broker_name.clone(),
        subscription_version: base::clock::wall_ms(),
        messages_max: args.pull_messages,
        suspend: to.is_none(),
    };
    let count = workload.consumers.clamp(1, from.len().max(1));
    let mut dealt = vec![Vec::new(); count];
    for (queue, next) in from.iter().enumerate() {
        let limit = to.map_or(i64::MAX, |to| to[queue]);
        dealt[queue % count].push(Cursor { queue_id: queue as i32, next: *next, limit });
    }
    dealt.into_iter().map(|cursors| (shape.clone(), cursors)).collect()
}

fn floor_run(args: &BenchArgs, workload: &Workload) -> anyhow::Result<()> {
    if workload.header == options::Header::Json {
        bail!("the echo server speaks the binary header only: its floor is the same for both");
    }
    let environment = Environment::take();
    let server = floor::FloorServer::start(workload.batch)?;
    let workload = Workload { tail: false, ..workload.clone() };
    let ns = |seconds: f64| (seconds * 1e9) as u64;
    let plan = Plan {
        address: server.address,
        pid: Some(server.pid()),
        send: Some(send_plan(args, &workload, "floor")),
        consumers: Vec::new(),
        warmup_ns: ns(args.warmup_seconds.min(1.0)),
        warmup_messages: 0,
        measure_ns: ns(args.seconds),
        messages: args.messages,
        stalls: args.stalls,
    };
    let mut bar = Bar::new(!args.json && std::io::stderr().is_terminal());
    let outcome = engine::run(&plan, &mut bar)?;
    bar.clear();
    let header = Header {
        goal: goal_name(args),
        mode: value_name(&Mode::Floor),
        workload: workload.line(),
        target: format!("echo server at {}", server.address),
        flush_disk_type: None,
        environment,
    };
    finish(args, &Report::new(header, &outcome, None))
}

fn memory_run(args: &BenchArgs, workload: &Workload) -> anyhow::Result<()> {
    let pid = args.pid.context("whose memory? give --pid")?;
    let sample = || cpu::anonymous_bytes(pid).context("the process does not tell its memory");
    let before = sample()?;
    let messages = args.messages.unwrap_or(1_000_000);
    let args = BenchArgs { messages: Some(messages), ..args.clone() };
    let report = broker_run(&args, Mode::Send, workload)?;
    let after = sample()?;
    if args.json {
        let growth = after as i64 - before as i64;
        print_json(&serde_json::json!({
            "mode": "memory", "messages": report.acked, "anonymous_bytes_before": before,
            "anonymous_bytes_after": after, "growth_bytes": growth,
        }))?;
    } else {
        let mib = |bytes: u64| bytes as f64 / 1_048_576.0;
        writeln!(
            anstream::stdout(),
            "memory - {:.1} MiB anonymous before, {:.1} MiB after {} messages",
            mib(before),
            mib(after),
            report.acked
        )?;
    }
    match report.failure() {
        Some(failure) if !args.allow_failures => bail!(failure),
        _ => Ok(()),
    }
}

fn late_run(args: &BenchArgs, wait: Wait) -> anyhow::Result<()> {
    let (broker, namesrv) = (args.broker.as_deref(), args.namesrv.as_deref());
    let target = Target::find(broker, namesrv, &args.topic, args.remote, args.security())?;
    let late = late::run(args, wait, &target)?;
    match args.json {
        true => print_json(&late)?,
        false => late.write(&mut anstream::stdout())?,
    }
    match late.failure() {
        Some(failure) if !args.allow_failures => bail!(failure),
        _ => Ok(()),
    }
}

fn transaction_run(args: &BenchArgs) -> anyhow::Result<()> {
    let (broker, namesrv) = (args.broker.as_deref(), args.namesrv.as_deref());
    let target = Target::find(broker, namesrv, &args.topic, args.remote, args.security())?;
    let found = transact::run(args, &target)?;
    match args.json {
        true => print_json(&found)?,
        false => found.write(&mut anstream::stdout())?,
    }
    match found.failure() {
        Some(failure) if !args.allow_failures => bail!(failure),
        _ => Ok(()),
    }
}

fn print_idle(args: &BenchArgs) -> anyhow::Result<()> {
    let pid = args.pid.context("which process? give --pid")?;
    let idle = observe::idle(pid, args.seconds)?;
    if args.json { print_json(&idle) } else { Ok(idle.write(&mut anstream::stdout())?) }
}

fn print_disk(args: &BenchArgs) -> anyhow::Result<()> {
    let times = observe::disk(&args.directory, args.seconds)?;
    if args.json {
        return print_json(&serde_json::json!({ "mode": "disk", "fdatasync_ms": times }));
    }
    let (p50, p99, count) = (times.p50, times.p99, times.count);
    let mut out = anstream::stdout();
    Ok(writeln!(out, "disk - 4 KiB fdatasync: p50 {p50:.3} p99 {p99:.3} ms ({count} writes)")?)
}

fn print_table(args: &BenchArgs) -> anyhow::Result<()> {
    let path = args.results.as_ref().context("which results? give --results FILE")?;
    let results = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    Ok(write!(anstream::stdout(), "{}", table::render(&results)?)?)
}
