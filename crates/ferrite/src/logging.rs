//! Where log lines go: standard error, coloured on a terminal and plain in pipes.

use std::io::IsTerminal;

use tracing::level_filters::LevelFilter;

/// Environment variable that sets the level: `error`, `warn`, `info` (the default), `debug`.
pub const LEVEL_VARIABLE: &str = "FERRITE_LOG";

/// Starts logging at `default` unless the environment says otherwise. A second call does nothing.
pub fn start(default: LevelFilter) {
    let level = std::env::var(LEVEL_VARIABLE)
        .ok()
        .and_then(|text| text.parse::<LevelFilter>().ok())
        .unwrap_or(default);
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .with_writer(std::io::stderr)
        .finish();
    // In tests another subscriber may be there already; it then serves as well.
    let _ = tracing::subscriber::set_global_default(subscriber);
}
