//! One run of one command: what its function gets.

use std::collections::BTreeSet;

use crate::command::Command;
use crate::error::Error;
use crate::options::Options;
use crate::out::Out;
use crate::remote::{NO_CLUSTER, Remote};
use crate::usage::usage;

/// What a command's function works with.
pub struct Call {
    /// The command's row.
    pub command: &'static Command,
    /// Its options.
    pub options: Options,
    /// The servers.
    pub remote: Remote,
    /// Where what is found goes.
    pub out: Out,
    /// Whether the command may go on in a loop (`-i`); off under `--watch`.
    pub may_loop: bool,
}

impl Call {
    /// Prints the command's usage: Java does so when options say nothing to do.
    pub fn print_usage(&mut self) {
        self.out.plain(&usage(self.command));
    }

    /// The brokers that `-b` (an address) or `-c` (a cluster, masters alone) mean; `-b` wins
    /// (DN04, DN05). Says so when the cluster is not known, and returns none. `None` when neither
    /// option is there.
    ///
    /// # Errors
    /// No name server answers.
    pub fn chosen_masters(&mut self) -> Result<Option<BTreeSet<String>>, Error> {
        if let Some(address) = self.options.get("b") {
            return Ok(Some(BTreeSet::from([address.to_owned()])));
        }
        let Some(cluster) = self.options.get("c").map(str::to_owned) else { return Ok(None) };
        self.masters(&cluster).map(Some)
    }

    /// The masters of a cluster; says so when it is not known, and returns none.
    ///
    /// # Errors
    /// No name server answers.
    pub fn masters(&mut self, cluster: &str) -> Result<BTreeSet<String>, Error> {
        let masters = self.remote.masters(cluster)?;
        Ok(masters.unwrap_or_else(|| {
            self.out.text(&format!("[error] {NO_CLUSTER}"));
            BTreeSet::new()
        }))
    }

    /// As [`Call::chosen_masters`], with the cluster's slaves.
    ///
    /// # Errors
    /// No name server answers.
    pub fn chosen_brokers(&mut self) -> Result<Option<BTreeSet<String>>, Error> {
        if let Some(address) = self.options.get("b") {
            return Ok(Some(BTreeSet::from([address.to_owned()])));
        }
        let Some(cluster) = self.options.get("c").map(str::to_owned) else { return Ok(None) };
        let brokers = self.remote.brokers(&cluster)?;
        Ok(Some(brokers.unwrap_or_else(|| {
            self.out.text(&format!("[error] {NO_CLUSTER}"));
            BTreeSet::new()
        })))
    }

    /// Says on standard error what went wrong with a part, where the command goes on with the rest.
    pub fn report(&mut self, part: &str, error: &Error) {
        // What came before stands before it on the terminal.
        let _ = self.out.flush();
        let text = format!("{part}: {error}");
        eprintln!("{}", crate::out::harmless(text.trim_end()));
    }

    /// Waits between two rounds of a loop. False when the loop is over: nobody reads any more, or
    /// the command runs under `--watch`.
    pub fn wait_ms(&mut self, ms: u64) -> bool {
        if !self.may_loop || self.out.flush().is_err() {
            return false;
        }
        crate::start::wait_ms(ms);
        true
    }
}
