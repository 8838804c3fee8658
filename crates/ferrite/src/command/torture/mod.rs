//! `ferrite torture`: the real binary, loaded over sockets and killed, again and again.
//!
//! Reading order: `process` (the broker), `wire` (what is said to it), `kind` (what a kind of load
//! has to do), the kinds, then the cycle here. Consumption in order is a run of its own: `order`.

mod kind;
mod order;
mod plain;
mod pops;
mod process;
mod timed;
mod transactions;
mod wire;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use base::clock::mono_ns;
use clap::{Args, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use kind::{Kind, Life};
use plain::Plain;
use pops::Pops;
use process::Broker;
use timed::{Timed, Wait};
use transactions::Transactions;
use wire::Wire;

/// A folder is given up for a new one after so many cycles.
const CYCLES_PER_FOLDER: u64 = 100;
/// Everything is read again after so many cycles, not only what is new.
const CYCLES_PER_FULL_READ: u64 = 25;
/// One cycle in so many is long enough for progress to be saved.
const CYCLES_PER_LONG_LIFE: u64 = 10;
/// Longest life under load, µs.
const LIFE_US_MAX: u64 = 500_000;
/// A long life lasts so much longer, µs.
const LONG_LIFE_US: u64 = 2_500_000;
/// Longest time until a starting broker is killed, µs.
const START_US_MAX: u64 = 40_000;

/// Options of `ferrite torture`.
#[derive(Args)]
pub struct TortureArgs {
    #[command(subcommand)]
    what: Torture,
}

#[derive(Subcommand)]
enum Torture {
    /// kill -9 at random moments; everything promised must hold afterwards
    #[command(after_help = "Each cycle starts a broker, compares what it serves with what was \
        promised before, loads it for up to 500 ms (every tenth 3 s) and kills it; every fifth \
        is killed while it starts.\n\n\
        Examples:\n  ferrite torture kill --cycles 1000\n  \
        ferrite torture kill --cycles 1000 --flush sync --seed 7 --kinds transaction,pop")]
    Kill(KillArgs),
    /// Consumes in order while members of the group come, go and die and the broker is killed
    #[command(after_help = "What every member was given is checked: one at a time, nothing \
        skipped, first deliveries strictly in order, repetitions from the committed offset.\n\n\
        Example:\n  ferrite torture order --seconds 600 --members 4")]
    Order(order::OrderArgs),
    /// Checks a history of ordered consumption, one event a line
    History(order::HistoryArgs),
    /// A member of `order`
    #[command(hide = true)]
    OrderMember(order::MemberArgs),
}

/// Options of `ferrite torture kill`.
#[derive(Args)]
struct KillArgs {
    /// How many times to kill
    #[arg(long, default_value_t = 100)]
    cycles: u64,
    /// When the broker acknowledges
    #[arg(long, value_enum, default_value_t = Flush::Async)]
    flush: Flush,
    /// What it is loaded with
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = KindName::ALL)]
    kinds: Vec<KindName>,
    /// Chooses the moments (default: the clock)
    #[arg(long)]
    seed: Option<u64>,
    /// Connections that send plain messages
    #[arg(long, default_value_t = 4)]
    connections: usize,
    /// Where to work (default: a folder that is removed unless something is wrong)
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Flush {
    /// `ASYNC_FLUSH`: when the page cache has the message
    Async,
    /// `SYNC_FLUSH`: when the disk has it
    Sync,
}

/// A kind of load.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum KindName {
    /// Plain messages: none is lost, doubled, damaged or out of order
    Plain,
    /// Delay levels: none is lost, none early
    Delay,
    /// Times of their own: none is lost, none early
    Timer,
    /// Transactions: no commit is lost or doubled, nothing rolled back is delivered
    Transaction,
    /// Pops: each message comes until it is acknowledged, and not after that
    Pop,
}

impl KindName {
    const ALL: [KindName; 5] =
        [KindName::Plain, KindName::Delay, KindName::Timer, KindName::Transaction, KindName::Pop];

    fn load(self, first_id: u64, args: &KillArgs) -> Box<dyn Kind> {
        match self {
            KindName::Plain => Box::new(Plain::new(first_id, args.connections)),
            KindName::Delay => Box::new(Timed::new(Wait::Level, first_id)),
            KindName::Timer => Box::new(Timed::new(Wait::Time, first_id)),
            KindName::Transaction => Box::new(Transactions::new(first_id)),
            KindName::Pop => Box::new(Pops::new(first_id)),
        }
    }
}

/// Counts of a run.
#[derive(Default)]
struct Done {
    kills: u64,
    start_kills: u64,
    verified: u64,
    acknowledged: u64,
    /// By kind and what is counted.
    counts: Vec<(&'static str, &'static str, u64)>,
}

impl Done {
    fn count(&mut self, kind: &dyn Kind) {
        for (what, count) in kind.counts() {
            let name = kind.name();
            match self.counts.iter_mut().find(|row| (row.0, row.1) == (name, what)) {
                Some(row) => row.2 += count,
                None => self.counts.push((name, what, count)),
            }
        }
    }
}

/// Runs the torture.
///
/// # Errors
/// A promise was broken, or a broker did not start.
pub fn run(args: TortureArgs) -> anyhow::Result<()> {
    match args.what {
        Torture::Kill(args) => kill(args),
        Torture::Order(args) => order::run(&args),
        Torture::History(args) => order::run_history(&args),
        Torture::OrderMember(args) => order::run_member(&args),
    }
}

fn kill(args: KillArgs) -> anyhow::Result<()> {
    let seed = args.seed.unwrap_or_else(|| base::clock::wall_ms() as u64);
    let root = tempfile::Builder::new().prefix("ferrite-torture").tempdir()?;
    let folder = args.data.clone().unwrap_or_else(|| root.path().to_owned());
    let begin_ns = mono_ns();
    let mut done = Done::default();
    let bar = bar(args.cycles);
    let mut random = Random(seed);
    let mut cycle = 0;
    let mut result = Ok(());
    while cycle < args.cycles && result.is_ok() {
        let part = folder.join(format!("from-{cycle}"));
        let until = args.cycles.min(cycle + CYCLES_PER_FOLDER);
        result = cycles(&args, &part, (&mut cycle, until), &mut random, &mut done, &bar);
        if result.is_ok() && args.data.is_none() {
            std::fs::remove_dir_all(&part)?;
        }
    }
    bar.finish_and_clear();
    let seconds = (mono_ns() - begin_ns) as f64 / 1e9;
    anstream::println!(
        "{} kills, {} more while starting; {} acknowledgements, {} messages read back; \
         {seconds:.0} s; seed {seed}",
        done.kills,
        done.start_kills,
        done.acknowledged,
        done.verified,
    );
    for (kind, what, count) in &done.counts {
        anstream::println!("{kind}: {count} {what}");
    }
    if result.is_err() {
        let kept = root.keep();
        anstream::println!("The directory is kept: {}", args.data.unwrap_or(kept).display());
        anstream::println!("Again: ferrite torture kill --cycles {} --seed {seed}", args.cycles);
    }
    result.with_context(|| format!("cycle {cycle}"))
}

fn cycles(
    args: &KillArgs,
    folder: &Path,
    (cycle, until): (&mut u64, u64),
    random: &mut Random,
    done: &mut Done,
    bar: &ProgressBar,
) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)?;
    let flush = if args.flush == Flush::Sync { "SYNC_FLUSH" } else { "ASYNC_FLUSH" };
    let mut kinds: Vec<_> = args.kinds.iter().map(|kind| kind.load(*cycle << 40, args)).collect();
    let mut is_new = true;
    while *cycle < until {
        if random.below(5) == 0 {
            let mut life = Life::new("");
            let starting = Broker::launch(folder, flush)?;
            wait_us(random.below(START_US_MAX));
            starting.kill()?;
            life.end();
            for kind in &mut kinds {
                kind.stop(&life)?;
            }
            done.start_kills += 1;
        }
        let is_full = *cycle % CYCLES_PER_FULL_READ == 0 || *cycle + 1 == until;
        let is_long = *cycle % CYCLES_PER_LONG_LIFE == CYCLES_PER_LONG_LIFE - 1;
        let life_us = random.below(LIFE_US_MAX) + if is_long { LONG_LIFE_US } else { 0 };
        let broker = Broker::launch(folder, flush)?.wait_until_up()?;
        for kind in &mut kinds {
            let wire = Wire::new(broker.address());
            match is_new {
                true => kind.prepare(&wire)?,
                false => done.verified += verify(&mut **kind, &wire, is_full)?,
            }
        }
        is_new = false;
        done.acknowledged += live(broker, &mut kinds, life_us)?;
        done.kills += 1;
        *cycle += 1;
        bar.set_position(*cycle);
        bar.set_message(format!("{} acknowledgements", done.acknowledged));
    }
    let broker = Broker::launch(folder, flush)?.wait_until_up()?;
    let wire = Wire::new(broker.address());
    for kind in &mut kinds {
        let name = kind.name();
        kind.settle(&wire).with_context(|| format!("{name}, after the last kill"))?;
        done.count(&**kind);
    }
    if done.acknowledged == 0 && args.cycles > 5 {
        bail!("nothing was acknowledged: the load does not reach the broker");
    }
    broker.kill()
}

fn verify(kind: &mut dyn Kind, wire: &Wire, is_full: bool) -> anyhow::Result<u64> {
    let name = kind.name();
    kind.verify(wire, is_full).with_context(|| name)
}

/// Loads a broker for `life_us` and kills it. Answers how much was acknowledged.
fn live(broker: Broker, kinds: &mut [Box<dyn Kind>], life_us: u64) -> anyhow::Result<u64> {
    let mut life = Life::new(broker.address());
    for kind in &mut *kinds {
        kind.start(&life)?;
    }
    wait_us(life_us);
    let killed = broker.kill();
    life.end();
    let mut acknowledged = 0;
    for kind in kinds {
        let name = kind.name();
        acknowledged += kind.stop(&life).with_context(|| name)?;
    }
    killed.map(|()| acknowledged)
}

fn bar(cycles: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(cycles), ProgressDrawTarget::stderr_with_hz(5));
    let style = "{wide_bar} {pos} of {len} kills, {msg}, {per_sec}, {eta} left";
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style);
    }
    bar
}

/// Waits; nothing can end it early.
fn wait_us(us: u64) {
    let until_ns = mono_ns() + us * 1000;
    loop {
        let left_ns = until_ns.saturating_sub(mono_ns());
        if left_ns == 0 {
            return;
        }
        std::thread::park_timeout(Duration::from_nanos(left_ns));
    }
}

/// Random numbers that a seed repeats (SplitMix64).
struct Random(u64);

impl Random {
    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.draw() % bound.max(1)
    }
}
