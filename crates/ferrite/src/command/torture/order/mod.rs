//! `ferrite torture order`: a group that consumes in order while its members come, go and die and
//! its broker is killed; what each member was given is checked as a history.
//!
//! Reading order: `history` (the rules), `member` (who consumes), `group` (the processes), then
//! the run here.

mod group;
pub mod history;
mod member;

use std::path::PathBuf;

use anyhow::{Context, bail};
use base::clock::mono_ns;
use clap::Args;
use rustix::time::{ClockId, clock_gettime};

use super::Random;
use group::Group;
use history::Event;

/// The queues are consumed to their ends within this time after the last trouble: a dead member's
/// lock lives for a minute.
const SETTLE_NS: u64 = 150_000_000_000;

/// Options of `ferrite torture order`.
#[derive(Args)]
pub struct OrderArgs {
    /// How long to make trouble
    #[arg(long, default_value_t = 120)]
    seconds: u64,
    /// Members of the group, at most
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=64))]
    members: u64,
    /// Queues of the topic
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(i32).range(1..=256))]
    queues: i32,
    /// Messages a second
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    rate: u64,
    /// Chooses the trouble (default: the clock)
    #[arg(long)]
    seed: Option<u64>,
    /// Write the history there
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
}

/// Options of `ferrite torture history`.
#[derive(Args)]
pub struct HistoryArgs {
    /// The history
    file: PathBuf,
}

/// Options of a member's process.
#[derive(Args)]
pub struct MemberArgs {
    /// The name server
    #[arg(long)]
    pub namesrv: String,
    /// The group
    #[arg(long)]
    pub group: String,
    /// The topic
    #[arg(long)]
    pub topic: String,
    /// Its name in the history
    #[arg(long)]
    pub name: String,
    /// Chooses what it does
    #[arg(long)]
    pub seed: u64,
}

/// The clock of histories: one for all processes of a machine, ns.
pub fn now_ns() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// A member's process.
///
/// # Errors
/// See [`member::run`].
pub fn run_member(args: &MemberArgs) -> anyhow::Result<()> {
    member::run(args)
}

/// Checks a history that somebody wrote.
///
/// # Errors
/// It cannot be read, or breaks a rule.
pub fn run_history(args: &HistoryArgs) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(&args.file);
    let text = text.with_context(|| args.file.display().to_string())?;
    let mut events = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let event = Event::parse(line);
        events.push(event.with_context(|| format!("line {number} is no event: {line}"))?);
    }
    verdict(events)
}

fn verdict(events: Vec<Event>) -> anyhow::Result<()> {
    let count = events.len();
    match history::check(events) {
        Ok(found) => {
            anstream::println!(
                "in order: {} deliveries ({} repeated), queues changed hands {} times; {count} \
                 events",
                found.deliveries,
                found.repeated,
                found.handed_over
            );
            Ok(())
        }
        Err(why) => bail!("not in order: {why}"),
    }
}

/// Makes trouble and checks the history.
///
/// # Errors
/// A process did not start, or the history breaks a rule.
pub fn run(args: &OrderArgs) -> anyhow::Result<()> {
    let seed = args.seed.unwrap_or_else(|| base::clock::wall_ms() as u64);
    let root = tempfile::Builder::new().prefix("ferrite-order").tempdir()?;
    let mut group = Group::start(root.path(), args.queues, args.rate, seed)?;
    let mut random = Random(seed);
    for _ in 0..args.members.div_ceil(2) {
        group.join()?;
    }
    let begin_ns = mono_ns();
    while mono_ns() - begin_ns < args.seconds * 1_000_000_000 {
        super::wait_us(500_000 + random.below(7_500_000));
        let count = group.members() as u64;
        let which = random.below(count.max(1)) as usize;
        match random.below(10) {
            0..3 if count > 0 => group.kill(which)?,
            3..5 if count > 0 => group.leave(which)?,
            5..7 => group.restart_broker(random.below(2_000_000))?,
            _ if count < args.members => group.join()?,
            _ => group.leave(which)?,
        }
        if group.members() == 0 {
            group.join()?;
        }
    }
    let trouble = group.trouble();
    let events = group.finish(SETTLE_NS)?;
    if let Some(path) = &args.history {
        let lines: Vec<String> = events.iter().map(|event| format!("{event}\n")).collect();
        base::disk::write_atomically(&base::disk::RealDisk, path, lines.concat().as_bytes())?;
    }
    anstream::println!("{trouble}; seed {seed}");
    verdict(events)
}
