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

/// Hears from its making on when the process is asked to end. Made before a server says that it is
/// up: whoever reads that may end it at once.
pub struct Ending(Signals);

impl Ending {
    /// Begins to listen.
    ///
    /// # Errors
    /// The operating system refuses to deliver signals.
    pub fn listen() -> anyhow::Result<Ending> {
        Ok(Ending(Signals::new([SIGINT, SIGTERM]).context("cannot listen for signals")?))
    }

    /// Returns when the process is asked to end, or was already.
    pub fn wait(mut self) {
        self.0.forever().next();
    }
}
