//! One log line in Java's form, `2026-11-21 17:00:00 INFO broker-loop - message key=value`, and
//! the layer that makes it. Times are local: `TZ` decides, as for every program.

use std::fmt::{self, Write};

use base::clock::wall_ms;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::files::Role;
use super::writer::Writer;

/// Longest line; what a peer sent may be in it. In bytes.
const LINE_BYTES_MAX: usize = 16 * 1024;

/// A time as log lines have it.
pub fn time_text(ms: i64) -> String {
    let time = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH);
    time.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Sends events to the files of a role.
pub struct FileLayer {
    role: Role,
    writer: Writer,
}

impl FileLayer {
    /// A layer that writes through `writer`.
    pub fn new(role: Role, writer: Writer) -> FileLayer {
        FileLayer { role, writer }
    }
}

impl<S: Subscriber> Layer<S> for FileLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let (first, second) = self.role.route(event.metadata());
        let line = line(event);
        if let Some(second) = second {
            self.writer.put(second, line.clone());
        }
        self.writer.put(first, line);
    }
}

fn line(event: &Event<'_>) -> String {
    let thread = std::thread::current();
    let level = event.metadata().level();
    let mut text =
        format!("{} {level} {} - ", time_text(wall_ms()), thread.name().unwrap_or("thread"));
    let head = text.len();
    let mut fields = Fields { text: &mut text, head, named: String::new() };
    event.record(&mut fields);
    let named = std::mem::take(&mut fields.named);
    let has_message = text.len() > head;
    text.push_str(if has_message { &named } else { named.trim_start() });
    if text.len() > LINE_BYTES_MAX {
        text.truncate(text.floor_char_boundary(LINE_BYTES_MAX));
    }
    text.push('\n');
    text
}

/// The message first, the other fields behind it.
struct Fields<'a> {
    text: &'a mut String,
    head: usize,
    named: String,
}

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string cannot fail.
        if field.name() == "message" {
            self.text.truncate(self.head);
            let _ = write!(self.text, "{value:?}");
        } else {
            let _ = write!(self.named, " {}={value:?}", field.name());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_form_scripts_cut_up() {
        let text = time_text(1_700_000_000_000);
        assert_eq!(text.len(), "2026-11-21 17:00:00".len(), "{text}");
        assert!(text.starts_with("2023-11-1"), "{text}");
    }
}
