//! Locks and a bounded count of things in flight.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base::clock::mono_ns;

/// Locks. A listener's panic is caught before it can leave a table half changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits at most `timeout`; whether the wait ended early must be seen from the state.
pub(crate) fn wait<'a, T>(
    condition: &Condvar,
    guard: MutexGuard<'a, T>,
    timeout: Duration,
) -> MutexGuard<'a, T> {
    condition.wait_timeout(guard, timeout).unwrap_or_else(PoisonError::into_inner).0
}

/// Counts what is in flight and holds back whoever would exceed the bounds.
pub(crate) struct InFlight {
    state: Mutex<Load>,
    freed: Condvar,
    calls_max: usize,
    bytes_max: usize,
}

#[derive(Default)]
struct Load {
    calls: usize,
    bytes: usize,
}

impl InFlight {
    pub(crate) fn new(calls_max: usize, bytes_max: usize) -> InFlight {
        let (state, freed) = Default::default();
        InFlight { state, freed, calls_max: calls_max.max(1), bytes_max }
    }

    /// Waits for room; false when there was none in time. One call always has room, whatever its
    /// size.
    pub(crate) fn enter(&self, bytes: usize, timeout: Duration) -> bool {
        let due_ns = mono_ns().saturating_add(timeout.as_nanos() as u64);
        let mut load = lock(&self.state);
        loop {
            let fits = load.calls < self.calls_max && load.bytes + bytes <= self.bytes_max;
            if fits || load.calls == 0 {
                load.calls += 1;
                load.bytes += bytes;
                return true;
            }
            let left_ns = due_ns.saturating_sub(mono_ns());
            if left_ns == 0 {
                return false;
            }
            load = wait(&self.freed, load, Duration::from_nanos(left_ns));
        }
    }

    pub(crate) fn leave(&self, bytes: usize) {
        let mut load = lock(&self.state);
        load.calls -= 1;
        load.bytes -= bytes;
        self.freed.notify_all();
    }

    /// Waits until nothing is in flight; false when that took longer than `timeout`.
    pub(crate) fn drained(&self, timeout: Duration) -> bool {
        let due_ns = mono_ns().saturating_add(timeout.as_nanos() as u64);
        let mut load = lock(&self.state);
        while load.calls > 0 {
            let left_ns = due_ns.saturating_sub(mono_ns());
            if left_ns == 0 {
                return false;
            }
            load = wait(&self.freed, load, Duration::from_nanos(left_ns));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_and_bytes_are_bounded_but_one_call_always_fits() {
        let flights = InFlight::new(2, 10);
        assert!(flights.enter(100, Duration::ZERO));
        assert!(!flights.enter(1, Duration::ZERO));
        flights.leave(100);
        assert!(flights.enter(4, Duration::ZERO) && flights.enter(6, Duration::ZERO));
        assert!(!flights.enter(0, Duration::ZERO));
        assert!(!flights.drained(Duration::ZERO));
        flights.leave(4);
        flights.leave(6);
        assert!(flights.drained(Duration::ZERO));
    }
}
