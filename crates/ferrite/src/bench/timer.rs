//! Wakes the engine at a time finer than the milliseconds `epoll` waits in.
//!
//! An open loop of a thousand messages a second would otherwise measure the generator's own
//! rounding. Where there is no such timer the wait is rounded to milliseconds, and the report's
//! lateness shows it.

use std::io;

use mio::{Registry, Token};

#[cfg(target_os = "linux")]
mod system {
    use std::io;
    use std::os::fd::{AsRawFd, OwnedFd};

    use mio::unix::SourceFd;
    use mio::{Interest, Registry, Token};
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };

    /// A timer that reports to a poll.
    pub struct Timer(OwnedFd);

    impl Timer {
        pub fn new(registry: &Registry, token: Token) -> io::Result<Timer> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            let fd = timer.as_raw_fd();
            registry.register(&mut SourceFd(&fd), token, Interest::READABLE)?;
            Ok(Timer(timer))
        }

        pub fn wake_in(&mut self, wait_ns: u64) -> io::Result<bool> {
            let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
            let wait = Timespec {
                tv_sec: (wait_ns / 1_000_000_000) as i64,
                tv_nsec: (wait_ns.max(1) % 1_000_000_000) as i64,
            };
            let value = Itimerspec { it_interval: zero, it_value: wait };
            timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &value)?;
            Ok(true)
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::io;

    use mio::{Registry, Token};

    pub struct Timer;

    impl Timer {
        pub fn new(_: &Registry, _: Token) -> io::Result<Timer> {
            Ok(Timer)
        }

        pub fn wake_in(&mut self, _: u64) -> io::Result<bool> {
            Ok(false)
        }
    }
}

/// See the module.
pub struct Timer(system::Timer);

impl Timer {
    /// Reports to `registry` as `token`.
    ///
    /// # Errors
    /// The system has no timer to give.
    pub fn new(registry: &Registry, token: Token) -> io::Result<Timer> {
        system::Timer::new(registry, token).map(Timer)
    }

    /// Asks to be woken once; false when the poll's own timeout has to do.
    ///
    /// # Errors
    /// The system refuses.
    pub fn wake_in(&mut self, wait_ns: u64) -> io::Result<bool> {
        self.0.wake_in(wait_ns)
    }
}
