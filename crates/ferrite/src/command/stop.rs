//! What servers say to whoever started them, and waiting for the operator to end them: SIGTERM,
//! or ^C on a terminal.

use std::io::Write;

use anyhow::Context;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Prints a line on standard output. That it cannot be written is no reason to end.
pub fn say(line: &str) {
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Returns when the process is asked to end.
///
/// # Errors
/// The operating system refuses to deliver signals.
pub fn wait() -> anyhow::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM]).context("cannot listen for signals")?;
    signals.forever().next();
    Ok(())
}
