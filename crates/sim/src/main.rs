//! `cargo run -p sim -- store --states N --seed S`: checks as many crash states as asked.

use clap::{Parser, Subcommand};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sim::store::{Tally, history};
use std::io::IsTerminal;
use std::process::ExitCode;

/// Crashes without end: random histories of FerriteMQ's parts on simulated devices
#[derive(Parser)]
#[command(name = "sim", arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The store: kills, power cuts, failing calls, full devices, flipped bits
    #[command(after_help = "Examples:\n  \
        cargo run --profile quick -p sim -- store --states 1000000 --seed 1\n  \
        cargo run -p sim -- store --states 1 --seed 4711      repeats one history")]
    Store(StoreArgs),
}

#[derive(clap::Args)]
struct StoreArgs {
    /// How many states to check at least
    #[arg(long, default_value_t = 100_000)]
    states: u64,
    /// Seed of the first history; each next one has the next seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Goes on after a failure, at most this many times
    #[arg(long, default_value_t = 0)]
    keep_going: u64,
}

fn main() -> ExitCode {
    let Command::Store(args) = Cli::parse().command;
    if store(&args) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn bar(states: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(states), ProgressDrawTarget::stderr_with_hz(5));
    let style = "{msg} {wide_bar} {human_pos} of {human_len} states, {per_sec}, {eta} left";
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style);
    }
    bar
}

/// Says whether all went well.
fn store(args: &StoreArgs) -> bool {
    let begin_ns = base::clock::mono_ns();
    // Panics are failures, reported as such.
    std::panic::set_hook(Box::new(|_| {}));
    let bar = bar(args.states);
    let (mut tally, mut seed, mut failures) = (Tally::default(), args.seed, 0);
    while tally.states < args.states && failures <= args.keep_going {
        if let Err(failure) = history(seed, None, &mut tally) {
            failures += 1;
            bar.suspend(|| {
                anstream::println!("FAILED {failure}");
                anstream::println!("  again: cargo run -p sim -- store --states 1 --seed {seed}");
            });
        }
        bar.set_position(tally.states);
        seed += 1;
    }
    bar.finish_and_clear();
    let seconds = (base::clock::mono_ns() - begin_ns) as f64 / 1e9;
    let (first, last) = (args.seed, seed - 1);
    anstream::println!("{tally}  seeds {first} to {last}, {failures} failures");
    anstream::println!("  {:.0} states a second", tally.states as f64 / seconds);
    failures == 0
}
