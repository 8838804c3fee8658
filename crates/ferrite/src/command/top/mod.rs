//! `ferrite top`: a live view of a cluster, ours or Apache's: brokers, rates, lag by group, the
//! worst queues. A thread asks the servers; the main one draws and reads keys.

mod frame;
mod history;
mod sample;
mod screen;

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use client::Admin;

use history::History;
use sample::Sample;
use screen::{Screen, Wish};

/// How often keys and new samples are looked for.
const LOOK: Duration = Duration::from_millis(100);
/// Columns where nobody says how many there are.
const PIPE_WIDTH: usize = 120;
/// Where a name server is that nobody has said anything about.
const LOCAL: &str = "127.0.0.1:9876";
const FOOT: &str = "q quits, p pauses";

/// Options of `ferrite top`.
#[derive(Args)]
#[command(after_help = "Examples:\n  ferrite top -n 127.0.0.1:9876\n  \
    ferrite top --once | grep my-group")]
pub struct TopArgs {
    /// Name servers, host:port, separated by ';' (else $NAMESRV_ADDR, else 127.0.0.1:9876)
    #[arg(short = 'n', long = "namesrv", value_name = "ADDRS")]
    name_servers: Option<String>,
    /// Seconds between two looks
    #[arg(short, long, value_name = "SECONDS", default_value_t = 2)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=3600))]
    interval: u64,
    /// Print one frame as plain text and exit; status 1 when no name server answers
    #[arg(long)]
    once: bool,
}

/// Shows the cluster until the operator leaves.
///
/// # Errors
/// Standard output is no terminal and `--once` is missing; with it, no name server answers.
pub fn run(args: TopArgs) -> anyhow::Result<()> {
    let name_servers = args
        .name_servers
        .or_else(|| std::env::var("NAMESRV_ADDR").ok())
        .unwrap_or_else(|| LOCAL.to_owned());
    let admin = Admin::new(&name_servers)?;
    if args.once {
        return once(&admin, &name_servers);
    }
    if !io::stdout().is_terminal() {
        bail!("this is no terminal: give --once for one frame of plain text");
    }
    let (sender, receiver) = sync_channel(1);
    let is_over = Arc::new(AtomicBool::new(false));
    let interval = Duration::from_secs(args.interval);
    let flag = is_over.clone();
    let asking = base::thread::spawn_named("top-sampler", move || {
        ask(&admin, &sender, interval, &flag);
    })
    .context("cannot start a thread")?;
    // A terminal in raw mode makes ^C a key; what comes as a signal ends the loop as well.
    signal_hook::flag::register(signal_hook::consts::SIGTERM, is_over.clone())
        .context("cannot listen for signals")?;
    let result = watch(&receiver, &name_servers, &is_over);
    is_over.store(true, Ordering::Release);
    asking.thread().unpark();
    // It may be waiting for a server; the process ends without it.
    result.context("the terminal is gone")
}

fn once(admin: &Admin, name_servers: &str) -> anyhow::Result<()> {
    let mut history = History::default();
    history.add(sample::take(admin));
    let failure = history.last.failure.clone();
    let width = std::env::var("COLUMNS").ok().and_then(|width| width.parse().ok());
    let lines = frame::draw(&history, name_servers, width.unwrap_or(PIPE_WIDTH), usize::MAX);
    match io::stdout().write_all(frame::plain(&lines).as_bytes()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => return Err(e.into()),
        _ => {}
    }
    match failure {
        Some(why) => bail!("{why}"),
        None => Ok(()),
    }
}

/// Takes samples until told to end, or until nobody wants them.
fn ask(admin: &Admin, sender: &SyncSender<Sample>, interval: Duration, is_over: &AtomicBool) {
    while !is_over.load(Ordering::Acquire) {
        if sender.send(sample::take(admin)).is_err() {
            return;
        }
        let due_ns = base::clock::mono_ns() + interval.as_nanos() as u64;
        while !is_over.load(Ordering::Acquire) {
            let left_ns = due_ns.saturating_sub(base::clock::mono_ns());
            if left_ns == 0 {
                break;
            }
            std::thread::park_timeout(Duration::from_nanos(left_ns));
        }
    }
}

fn watch(receiver: &Receiver<Sample>, name_servers: &str, is_over: &AtomicBool) -> io::Result<()> {
    let mut screen = Screen::take()?;
    let (mut history, mut is_paused, mut is_stale) = (History::default(), false, true);
    while !is_over.load(Ordering::Acquire) {
        match receiver.try_recv() {
            Ok(sample) => {
                history.add(sample);
                is_stale |= !is_paused;
            }
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => {
                return Err(io::Error::other("the thread that asks the servers has ended"));
            }
        }
        if is_stale {
            let (width, height) = screen.size();
            let mut lines = frame::draw(&history, name_servers, width, height.saturating_sub(1));
            lines.resize(height.saturating_sub(1), frame::Line::new());
            let foot = if is_paused { "paused: p goes on, q quits" } else { FOOT };
            lines.push(vec![(frame::Tone::Dim, foot.to_owned())]);
            screen.show(&lines)?;
            is_stale = false;
        }
        match screen.wish(LOOK)? {
            Some(Wish::Quit) => return Ok(()),
            Some(Wish::Pause) => {
                is_paused = !is_paused;
                is_stale = true;
            }
            Some(Wish::Redraw) => is_stale = true,
            None => {}
        }
    }
    Ok(())
}
