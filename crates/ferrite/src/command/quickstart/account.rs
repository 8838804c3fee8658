//! The account `quickstart` gives: coloured on a terminal, plain in pipes.

use std::cell::Cell;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use base::clock::mono_ns;
use indicatif::{ProgressBar, ProgressDrawTarget};

const GREEN: Style = AnsiColor::Green.on_default();
const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// Waits shorter than this are not worth a spinner.
const SPINNER_AFTER: Duration = Duration::from_millis(200);

/// Prints one line per step with the time since the step before.
pub(super) struct Account {
    begin_ns: u64,
    step_ns: u64,
}

impl Account {
    pub(super) fn begin() -> Account {
        let begin_ns = mono_ns();
        anstream::println!("{BOLD}FerriteMQ quickstart{BOLD:#}\n");
        Account { begin_ns, step_ns: begin_ns }
    }

    pub(super) fn since_begin_ns(&self) -> u64 {
        mono_ns() - self.begin_ns
    }

    pub(super) fn step(&mut self, what: &str, detail: &str) {
        let time = took(mono_ns() - self.step_ns);
        anstream::println!("  {GREEN}✓{GREEN:#} {what:<46}{time:>9}  {DIM}{detail}{DIM:#}");
        self.step_ns = mono_ns();
    }

    /// A remark on the step above.
    pub(super) fn note(&self, text: &str) {
        anstream::println!("    {DIM}{text}{DIM:#}");
    }

    /// One way of sending.
    pub(super) fn sent(&self, what: &str, count: usize, ns: u64) {
        let (each, rate) = (took(ns / count as u64), rate(count, ns));
        anstream::println!(
            "    {count:>7}  {what:<36}{:>9}  {DIM}{each} each, {rate}{DIM:#}",
            took(ns)
        );
    }

    pub(super) fn end(self, count: usize, is_own: bool, name_server: &str) {
        let total = took(self.since_begin_ns());
        let all = match count {
            1 => "The message".to_owned(),
            _ => format!("All {count} messages"),
        };
        anstream::println!(
            "\n{GREEN}{BOLD}{all} arrived exactly once{GREEN:#}{BOLD:#} in {total}.\n"
        );
        anstream::println!("Try next:");
        let hint = |command: &str, why: &str| {
            anstream::println!("  {BOLD}{command:<44}{BOLD:#} {DIM}{why}{DIM:#}");
        };
        if is_own {
            hint("ferrite dev", "servers that stay, for any RocketMQ client");
            hint("ferrite quickstart --namesrv 127.0.0.1:9876", "the same on a running cluster");
        } else {
            hint(&format!("ferrite bench --namesrv {name_server}"), "put load on this cluster");
        }
        hint("ferrite quickstart --messages 100000", "more messages");
    }
}

/// A time as people read it.
pub(super) fn took(ns: u64) -> String {
    let ns = ns as f64;
    if ns < 1e6 {
        format!("{:.0} µs", ns / 1e3)
    } else if ns < 1e9 {
        format!("{:.1} ms", ns / 1e6)
    } else {
        format!("{:.2} s", ns / 1e9)
    }
}

/// Messages per second as people read it.
pub(super) fn rate(count: usize, ns: u64) -> String {
    let per_second = count as f64 * 1e9 / ns.max(1) as f64;
    if per_second < 10_000.0 {
        format!("{per_second:.0}/s")
    } else {
        format!("{:.0},000/s", per_second / 1e3)
    }
}

/// Turns on terminals while something takes long.
pub(super) struct Spinner {
    bar: ProgressBar,
    begin_ns: u64,
    is_shown: Cell<bool>,
}

impl Spinner {
    pub(super) fn new(what: &str) -> Spinner {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        bar.set_message(what.to_owned());
        bar.set_style(indicatif::ProgressStyle::default_spinner());
        Spinner { bar, begin_ns: mono_ns(), is_shown: Cell::new(false) }
    }

    /// To be called again and again.
    pub(super) fn turn(&self) {
        if mono_ns() - self.begin_ns < SPINNER_AFTER.as_nanos() as u64 {
            return;
        }
        if !self.is_shown.replace(true) {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.tick();
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_rates_are_short() {
        for (ns, text) in
            [(850, "1 µs"), (85_400, "85 µs"), (1_234_000, "1.2 ms"), (2_345_000_000, "2.35 s")]
        {
            assert_eq!(took(ns), text);
        }
        assert_eq!(rate(100, 1_000_000_000), "100/s");
        assert_eq!(rate(1000, 10_000_000), "100,000/s");
        assert_eq!(rate(1, 100_000), "10,000/s");
    }
}
