//! `ferrite torture`: the real binary, loaded over sockets and killed, again and again.
//!
//! Reading order: `process` (the broker), `load` (what is sent), `ledger` (what must be there and
//! how it is looked for), then the cycle here.

mod ledger;
mod load;
mod process;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use base::clock::mono_ns;
use clap::{Args, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use ledger::Ledger;
use process::Broker;

/// A folder is given up for a new one after so many cycles.
const CYCLES_PER_FOLDER: u64 = 100;
/// Everything is read again after so many cycles, not only what is new.
const CYCLES_PER_FULL_READ: u64 = 25;
/// Longest life under load, µs.
const LIFE_US_MAX: u64 = 500_000;
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
    /// kill -9 at random moments; every acknowledged message must be there afterwards
    #[command(after_help = "Each cycle starts a broker, reads back what was acknowledged before, \
        loads it for up to 500 ms and kills it; every fifth is killed while it starts.\n\n\
        Examples:\n  ferrite torture kill --cycles 1000\n  \
        ferrite torture kill --cycles 1000 --flush sync --seed 7")]
    Kill(KillArgs),
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
    /// Chooses the moments (default: the clock)
    #[arg(long)]
    seed: Option<u64>,
    /// Connections that send
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

/// Counts of a run.
#[derive(Default)]
struct Done {
    kills: u64,
    start_kills: u64,
    acknowledged: u64,
    verified: u64,
}

/// Runs the torture.
///
/// # Errors
/// A message was lost, doubled, damaged or out of order, or a broker did not start.
pub fn run(args: TortureArgs) -> anyhow::Result<()> {
    let Torture::Kill(args) = args.what;
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
        "{} kills, {} more while starting; {} messages acknowledged, {} read back; \
         {:.1} cycles a second; seed {seed}",
        done.kills,
        done.start_kills,
        done.acknowledged,
        done.verified,
        done.kills as f64 / seconds
    );
    if result.is_err() {
        let kept = root.keep();
        anstream::println!("The directory is kept: {}", args.data.unwrap_or(kept).display());
        anstream::println!("Again: ferrite torture kill --cycles {} --seed {seed}", args.cycles);
    }
    result.with_context(|| format!("cycle {cycle}"))
}

fn cycles(
    args: &KillArgs,
    folder: &std::path::Path,
    (cycle, until): (&mut u64, u64),
    random: &mut Random,
    done: &mut Done,
    bar: &ProgressBar,
) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)?;
    let flush = if args.flush == Flush::Sync { "SYNC_FLUSH" } else { "ASYNC_FLUSH" };
    let mut ledger = Ledger::new(*cycle << 40);
    while *cycle < until {
        if random.below(5) == 0 {
            let starting = Broker::launch(folder, flush)?;
            wait_us(random.below(START_US_MAX));
            starting.kill()?;
            done.start_kills += 1;
        }
        let broker = Broker::launch(folder, flush)?.wait_until_up()?;
        let is_full = *cycle % CYCLES_PER_FULL_READ == 0 || *cycle + 1 == until;
        done.verified += ledger.verify(broker.address(), is_full)?;
        if ledger.is_new() {
            ledger.create_topic(broker.address())?;
        }
        let life = Duration::from_micros(random.below(LIFE_US_MAX));
        let sent = load::send_until_dead(&mut ledger, args.connections, broker, life)?;
        done.acknowledged += sent;
        done.kills += 1;
        *cycle += 1;
        bar.set_position(*cycle);
        bar.set_message(format!("{} messages", done.acknowledged));
    }
    let broker = Broker::launch(folder, flush)?.wait_until_up()?;
    done.verified += ledger.verify(broker.address(), true)?;
    if done.acknowledged == 0 && args.cycles > 5 {
        bail!("nothing was acknowledged: the load does not reach the broker");
    }
    broker.kill()
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
