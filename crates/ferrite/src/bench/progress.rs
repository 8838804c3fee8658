//! The progress line: a bar on a terminal, nothing elsewhere.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::engine::Progress;

/// Shows how far a run has come.
pub struct Bar(Option<ProgressBar>);

impl Bar {
    /// `terminal`: whether standard error is one.
    pub fn new(terminal: bool) -> Bar {
        Bar(terminal.then(|| {
            let bar = ProgressBar::with_draw_target(Some(100), ProgressDrawTarget::stderr());
            // The template is a constant; a plain bar would do as well.
            if let Ok(style) = ProgressStyle::with_template("{msg:24} {wide_bar} {percent}%") {
                bar.set_style(style);
            }
            bar
        }))
    }

    /// Takes the bar off the screen.
    pub fn clear(&mut self) {
        if let Some(bar) = self.0.take() {
            bar.finish_and_clear();
        }
    }
}

impl Progress for Bar {
    fn update(&mut self, phase: &'static str, done: u64, per_cent: u64) {
        if let Some(bar) = &self.0 {
            bar.set_message(format!("{phase}, {done}"));
            bar.set_position(per_cent);
        }
    }
}
