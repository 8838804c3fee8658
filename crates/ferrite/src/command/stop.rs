//! Waiting for the operator to end a server: SIGTERM, or ^C on a terminal.

use anyhow::Context;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Returns when the process is asked to end.
///
/// # Errors
/// The operating system refuses to deliver signals.
pub fn wait() -> anyhow::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM]).context("cannot listen for signals")?;
    signals.forever().next();
    Ok(())
}
