//! Time. The only file that asks the operating system what time it is; everybody else takes time
//! as an argument or holds a [`Clock`], so that tests and simulations decide what time it is.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A source of wall-clock and monotonic time.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970-01-01T00:00:00Z. May step back when the machine's clock is set.
    fn wall_ms(&self) -> i64;
    /// Nanoseconds since an arbitrary start. Never goes back.
    fn mono_ns(&self) -> u64;
}

/// The machine's clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn wall_ms(&self) -> i64 {
        wall_ms()
    }

    fn mono_ns(&self) -> u64 {
        mono_ns()
    }
}

/// Milliseconds since 1970-01-01T00:00:00Z by the machine's clock.
#[allow(clippy::disallowed_methods)]
pub fn wall_ms() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_millis() as i64,
        Err(before) => -(before.duration().as_millis() as i64),
    }
}

/// Nanoseconds since the first call in this process. Never goes back.
#[allow(clippy::disallowed_methods)]
pub fn mono_ns() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

#[cfg(test)]
mod tests {
    #[test]
    fn monotonic_time_does_not_go_back() {
        let a = super::mono_ns();
        assert!(super::mono_ns() >= a);
        assert!(super::wall_ms() > 1_700_000_000_000);
    }
}
