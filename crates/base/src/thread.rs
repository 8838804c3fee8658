//! Named threads: the only place that starts one.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{Builder, JoinHandle};

/// The longest name `top` and `ps` show whole.
pub const NAME_LEN_MAX: usize = 15;

/// Starts a thread called `name` (at most [`NAME_LEN_MAX`] bytes).
///
/// # Errors
/// What the operating system says when it has no thread to give.
pub fn spawn_named<T: Send + 'static>(
    name: &'static str,
    body: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    debug_assert!(name.len() <= NAME_LEN_MAX, "{name} does not fit in top's column");
    Builder::new().name(name.to_owned()).spawn(body)
}

/// Starts a thread without which the process is of no use: if it panics, the process ends at once
/// instead of limping on. What was acknowledged is safe then, as after `kill -9`.
///
/// # Errors
/// What the operating system says when it has no thread to give.
pub fn spawn_vital<T: Send + 'static>(
    name: &'static str,
    body: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    spawn_named(name, move || match catch_unwind(AssertUnwindSafe(body)) {
        Ok(result) => result,
        Err(_) => {
            tracing::error!(thread = name, "a vital thread panicked: the process ends");
            std::process::abort();
        }
    })
}
