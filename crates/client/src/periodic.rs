//! The one thread of a client that does what is periodic or late: heartbeats, routes, rebalancing,
//! commits, second attempts.
//!
//! It may block on calls. Others wake it by ringing for a step; rings before the step begins are
//! one.

use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use base::clock::mono_ns;
use base::thread::spawn_named;

use crate::error::Error;
use crate::sync::{lock, wait};

/// Something done again and again, or when rung for.
pub(crate) struct Step {
    due_ns: u64,
    body: Box<dyn FnMut() -> u64 + Send>,
}

impl Step {
    /// A step that runs first at `due_ns`; `body` says when next, in monotonic nanoseconds, or
    /// [`ON_RING`].
    pub(crate) fn new(due_ns: u64, body: impl FnMut() -> u64 + Send + 'static) -> Step {
        Step { due_ns, body: Box::new(body) }
    }
}

/// Not before somebody rings.
pub(crate) const ON_RING: u64 = u64::MAX;

/// The time `after` from now.
pub(crate) fn due(after: Duration) -> u64 {
    mono_ns().saturating_add(after.as_nanos() as u64)
}

/// Wakes the thread for steps, by their index.
#[derive(Default)]
pub(crate) struct Bell {
    state: Mutex<Rung>,
    changed: Condvar,
}

#[derive(Default)]
struct Rung {
    /// A bit per step.
    steps: u64,
    stopped: bool,
}

impl Bell {
    /// Has the step run at once.
    pub(crate) fn ring(&self, step: usize) {
        lock(&self.state).steps |= 1 << step;
        self.changed.notify_all();
    }

    /// Ends the thread after the step it is in.
    pub(crate) fn stop(&self) {
        lock(&self.state).stopped = true;
        self.changed.notify_all();
    }

    /// Waits for a ring or a time; `None` when stopped.
    fn next(&self, due_ns: u64) -> Option<u64> {
        let mut rung = lock(&self.state);
        loop {
            if rung.stopped {
                return None;
            }
            let now_ns = mono_ns();
            if rung.steps != 0 || due_ns <= now_ns {
                return Some(std::mem::take(&mut rung.steps));
            }
            let left = Duration::from_nanos(due_ns - now_ns).min(Duration::from_secs(60));
            rung = wait(&self.changed, rung, left);
        }
    }
}

/// Starts the thread. Steps that are due together run in their order.
pub(crate) fn start(
    name: &'static str,
    bell: Arc<Bell>,
    mut steps: Vec<Step>,
) -> Result<JoinHandle<()>, Error> {
    let body = move || {
        let first = |steps: &[Step]| steps.iter().map(|s| s.due_ns).min().unwrap_or(ON_RING);
        while let Some(rung) = bell.next(first(&steps)) {
            for (at, step) in steps.iter_mut().enumerate() {
                if rung >> at & 1 == 1 || step.due_ns <= mono_ns() {
                    step.due_ns = (step.body)();
                }
            }
        }
    };
    spawn_named(name, body).map_err(Error::Thread)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;

    #[test]
    fn steps_run_at_first_when_rung_and_when_due() {
        let (sender, ran) = sync_channel(64);
        let other = sender.clone();
        let mut turns = 0;
        let due_once = Step::new(0, move || {
            sender.send('a').unwrap();
            turns += 1;
            if turns == 1 { due(Duration::from_millis(1)) } else { ON_RING }
        });
        let rung = Step::new(ON_RING, move || {
            other.send('b').unwrap();
            ON_RING
        });
        let bell = Arc::new(Bell::default());
        let thread = start("test-periodic", bell.clone(), vec![due_once, rung]).unwrap();
        let mut seen: Vec<char> = (0..2).map(|_| ran.recv().unwrap()).collect();
        bell.ring(1);
        seen.push(ran.recv().unwrap());
        assert_eq!(seen, ['a', 'a', 'b']);
        bell.stop();
        thread.join().unwrap();
        assert!(ran.try_recv().is_err());
    }
}
