//! Where log lines go, and what they look like. Used by every command that runs for a while.
//!
//! Tools and servers in a terminal write to standard error, coloured there and plain in pipes.
//! Servers that are told a folder (`ROCKETMQ_LOG_DIR`, as the scripts of `bin/` do) write Java's
//! files there ([`files`]) and to standard error only what has to be seen at once. No caller ever
//! waits for a log file: lines go through a bounded queue to the thread `log-writer`; what the
//! queue or the disk has no room for is dropped, counted and reported ([`writer`]).

mod files;
mod line;
mod rolling;
mod writer;

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;

pub use files::Role;
pub use line::time_text;

/// Environment variable that sets the level: `error`, `warn`, `info` (the default), `debug`.
pub const LEVEL_VARIABLE: &str = "FERRITE_LOG";
/// Environment variable that sets the level on standard error beside log files; `warn` else.
pub const CONSOLE_VARIABLE: &str = "FERRITE_CONSOLE_LOG";
/// Environment variable that names the folder of the log files.
pub const FOLDER_VARIABLE: &str = "ROCKETMQ_LOG_DIR";

/// Keeps the log files going; when it is dropped, what was logged before is in them.
#[must_use]
pub struct Logging(Option<writer::Writer>);

impl Drop for Logging {
    fn drop(&mut self) {
        if let Some(writer) = &self.0 {
            writer.finish();
        }
    }
}

/// Starts logging to standard error at `default` unless the environment says otherwise. A second
/// call does nothing.
pub fn start(default: LevelFilter) {
    let console = console_layer(level(LEVEL_VARIABLE, default));
    // In tests another subscriber may be there already; it then serves as well.
    let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(console));
}

/// Starts logging of a server: to files if [`FOLDER_VARIABLE`] names a folder (`sub_folder` below
/// it unless empty), else as [`start`] does. Where files cannot be made it says so and goes on
/// without them.
pub fn start_server(role: Role, sub_folder: &str) -> Logging {
    let general = level(LEVEL_VARIABLE, LevelFilter::INFO);
    let folder = std::env::var_os(FOLDER_VARIABLE).filter(|folder| !folder.is_empty());
    let Some(folder) = folder.map(|folder| PathBuf::from(folder).join(sub_folder)) else {
        start(LevelFilter::INFO);
        return Logging(None);
    };
    let writer = match open(&folder, role) {
        Ok(writer) => writer,
        Err(e) => {
            start(LevelFilter::INFO);
            tracing::warn!("no log files in {}: {e}; they go to standard error", folder.display());
            return Logging(None);
        }
    };
    let console = console_layer(level(CONSOLE_VARIABLE, LevelFilter::WARN.min(general)));
    let files = line::FileLayer::new(role, writer.clone()).with_filter(general);
    let both = tracing_subscriber::registry().with(console).with(files);
    let _ = tracing::subscriber::set_global_default(both);
    Logging(Some(writer))
}

fn open(folder: &Path, role: Role) -> io::Result<writer::Writer> {
    std::fs::create_dir_all(folder)?;
    writer::Writer::start(folder, role.files())
}

fn level(variable: &str, default: LevelFilter) -> LevelFilter {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn console_layer<S>(level: LevelFilter) -> impl Layer<S>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    tracing_subscriber::fmt::layer()
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .with_writer(|| Unfailing)
        .with_filter(
            filter_fn(move |message| {
                *message.level() <= level && !files::FIGURES.contains(&message.target())
            })
            .with_max_level_hint(level),
        )
}

/// Standard error, which may be a file on a full disk: what cannot be written is given up.
struct Unfailing;

impl Write for Unfailing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = io::stderr().write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
