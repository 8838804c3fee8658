//! Wakes a helper thread: there is work, or it is time to stop. A notice costs a system call only
//! when the helper sleeps.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

#[derive(Debug, Default, Clone, Copy)]
struct State {
    due: bool,
    stop: bool,
}

/// What a helper found when it woke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Woken {
    /// Somebody asked for work.
    Asked,
    /// Nobody asked; the interval passed.
    Timeout,
    /// The process ends.
    Stop,
}

/// One helper's bell.
#[derive(Debug, Default)]
pub struct Signal {
    state: Mutex<State>,
    bell: Condvar,
}

impl Signal {
    /// Asks the helper for work.
    pub fn ask(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.due {
            state.due = true;
            self.bell.notify_one();
        }
    }

    /// Asks the helper to end.
    pub fn stop(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).stop = true;
        self.bell.notify_one();
    }

    /// Waits until asked, stopped, or for `longest`.
    pub fn wait(&self, longest: Duration) -> Woken {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut state, _) = self
            .bell
            .wait_timeout_while(state, longest, |s| !s.due && !s.stop)
            .unwrap_or_else(PoisonError::into_inner);
        if state.stop {
            Woken::Stop
        } else if std::mem::take(&mut state.due) {
            Woken::Asked
        } else {
            Woken::Timeout
        }
    }
}

/// The bells of the broker's helpers.
#[derive(Debug, Default)]
pub struct Signals {
    /// `store-flush`: producers wait for `fdatasync`.
    pub flush: Signal,
    /// `store-work`: queue write-back, index, checkpoint, next segment.
    pub work: Signal,
    /// `store-read`: requests wait for what is not in memory.
    pub read: Signal,
    /// `broker-save`: somebody waits for a state file.
    pub save: Signal,
    /// `broker-member`: name servers must hear of a change.
    pub member: Signal,
}

impl Signals {
    /// Ends every helper.
    pub fn stop(&self) {
        for signal in [&self.flush, &self.work, &self.read, &self.save, &self.member] {
            signal.stop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_seen_once_and_stop_stays() {
        let signal = Signal::default();
        signal.ask();
        signal.ask();
        assert_eq!(signal.wait(Duration::ZERO), Woken::Asked);
        assert_eq!(signal.wait(Duration::ZERO), Woken::Timeout);
        signal.stop();
        assert_eq!(signal.wait(Duration::from_secs(9)), Woken::Stop);
        assert_eq!(signal.wait(Duration::from_secs(9)), Woken::Stop);
    }
}
