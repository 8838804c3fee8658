//! Named threads: the only place that starts one.

use std::io;
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
