//! Where commands say what they found. The same data is shown in one of three ways: Java's text,
//! exactly; tables with widths and colours for a terminal; one JSON object.
//!
//! In JSON every part has a name, which may be a path: `brokers/127.0.0.1:10911` is a member of
//! the member `brokers`. Texts without a name are gathered in `messages`.

mod table;

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use serde_json::{Map, Value};

use crate::error::Error;
use crate::printf::printf;

pub use table::{Cell, Column, Table, Tone};

/// How results are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rendering {
    /// Java's text.
    Plain,
    /// For people.
    Terminal,
    /// One object.
    Json,
}

/// What a command prints.
pub struct Out {
    rendering: Rendering,
    sink: Box<dyn Write>,
    json: Map<String, Value>,
    broken: Option<io::Error>,
    /// The terminal's line is not ended yet.
    is_open: bool,
}

pub(crate) const HEAD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
const WARN: Style = AnsiColor::Yellow.on_default();

impl Out {
    /// Prints to `sink`.
    pub fn new(rendering: Rendering, sink: Box<dyn Write>) -> Out {
        Out { rendering, sink, json: Map::new(), broken: None, is_open: false }
    }

    /// How results are shown.
    pub fn rendering(&self) -> Rendering {
        self.rendering
    }

    /// A line of text.
    pub fn line(&mut self, text: &str) {
        match self.rendering {
            Rendering::Json => self.message(text),
            Rendering::Plain => self.write(&format!("{text}\n")),
            Rendering::Terminal => self.write(&format!("{}\n", harmless(text))),
        }
    }

    /// A text that Java leaves without the end of its line.
    pub fn text(&mut self, text: &str) {
        match self.rendering {
            Rendering::Json => self.message(text),
            Rendering::Plain => self.write(text),
            Rendering::Terminal => self.write(&format!("{}\n", harmless(text.trim_end()))),
        }
    }

    /// A text of several lines, as it is, that is no part of the JSON object: decoration.
    pub fn plain(&mut self, text: &str) {
        match self.rendering {
            Rendering::Json => {}
            Rendering::Plain | Rendering::Terminal => self.write(text),
        }
    }

    /// A member of the JSON object alone; what stands for it in the other two ways is printed by
    /// [`Out::plain`].
    pub fn member(&mut self, name: &str, value: impl Into<Value>) {
        if self.rendering == Rendering::Json {
            *slot(&mut self.json, name) = value.into();
        }
    }

    /// A text for the two textual ways and a member for the third.
    pub fn fact(&mut self, text: &str, name: &str, value: impl Into<Value>) {
        self.plain(&format!("{text}\n"));
        self.member(name, value);
    }

    /// A text for the two textual ways and one more entry of an array for the third.
    pub fn item(&mut self, text: &str, name: &str, value: impl Into<Value>) {
        match self.rendering {
            Rendering::Plain => self.write(text),
            Rendering::Terminal => self.write(&harmless(text)),
            Rendering::Json => match slot(&mut self.json, name) {
                Value::Array(entries) => entries.push(value.into()),
                other => *other = Value::Array(vec![value.into()]),
            },
        }
    }

    /// Keys with their values, each printed with `format`, such as `%-32s: %s%n`.
    pub fn pairs<K: AsRef<str>, V: AsRef<str>>(
        &mut self,
        name: &str,
        format: &str,
        pairs: &[(K, V)],
    ) {
        let texts = || pairs.iter().map(|(k, v)| (k.as_ref(), v.as_ref()));
        match self.rendering {
            Rendering::Plain => {
                texts().for_each(|(k, v)| self.write(&printf(format, [k, v])));
            }
            Rendering::Terminal => {
                let width = texts().map(|(k, _)| k.chars().count()).max().unwrap_or_default();
                for (k, v) in texts() {
                    let (k, v) = (harmless(k), harmless(v));
                    self.write(&format!("{DIM}{k:width$}{DIM:#}  {v}\n"));
                }
            }
            Rendering::Json => {
                let members = texts().map(|(k, v)| (k.to_owned(), Value::from(v)));
                *slot(&mut self.json, name) = Value::Object(members.collect());
            }
        }
    }

    /// A table with all its rows.
    pub fn table(&mut self, name: &str, table: &Table) {
        match self.rendering {
            Rendering::Plain => {
                let text = table.plain();
                self.write(&text);
            }
            Rendering::Terminal => {
                let text = table.terminal();
                self.write(&text);
            }
            Rendering::Json => match slot(&mut self.json, name) {
                Value::Array(rows) => rows.extend(table.json()),
                other => *other = Value::Array(table.json()),
            },
        }
    }

    /// The rows of a table without its head, in Java's text: some commands leave it away.
    pub fn table_body(&mut self, table: &Table) {
        self.write(&table.plain_body());
    }

    /// The head of a table whose rows come one by one with [`Out::row`].
    pub fn head(&mut self, name: &str, table: &Table) {
        match self.rendering {
            Rendering::Json => *slot(&mut self.json, name) = Value::Array(Vec::new()),
            Rendering::Plain => self.write(&table.plain_head()),
            Rendering::Terminal => {
                let head = table.plain_head();
                self.write(&format!("{HEAD}{}{HEAD:#}\n", head.trim_end()));
            }
        }
    }

    /// One more row of a table begun with [`Out::head`].
    pub fn row(&mut self, name: &str, table: &Table, cells: Vec<Cell>) {
        match self.rendering {
            Rendering::Json => {
                if let Value::Array(rows) = slot(&mut self.json, name) {
                    rows.push(table.json_row(&cells));
                }
            }
            Rendering::Plain => self.write(&table.plain_row(&cells)),
            Rendering::Terminal => {
                let row = table.plain_row(&cells);
                self.write(&format!("{}\n", harmless(row.trim_end_matches('\n'))));
            }
        }
        // Whoever prints row by row waits between them.
        let _ = self.flush();
    }

    /// What the operator should know besides, on the terminal only.
    pub fn hint(&mut self, text: &str) {
        if self.rendering == Rendering::Terminal {
            self.write(&format!("{WARN}{text}{WARN:#}\n"));
        }
    }

    /// Writes what is buffered.
    ///
    /// # Errors
    /// [`Error::Closed`]: nobody reads any more.
    pub fn flush(&mut self) -> Result<(), Error> {
        if self.broken.is_none() {
            self.broken = self.sink.flush().err();
        }
        match &self.broken {
            None => Ok(()),
            Some(e) if e.kind() == io::ErrorKind::BrokenPipe => Err(Error::Closed),
            Some(e) => Err(Error::failed(format!("cannot print: {e}"))),
        }
    }

    /// Ends one run: the JSON object is printed.
    ///
    /// # Errors
    /// As [`Out::flush`].
    pub fn finish(&mut self, is_compact: bool) -> Result<(), Error> {
        if self.rendering == Rendering::Json {
            let object = Value::Object(std::mem::take(&mut self.json));
            let text = if is_compact { object.to_string() } else { format!("{object:#}") };
            self.write(&format!("{text}\n"));
        }
        self.flush()
    }

    /// Gives the terminal a fresh page.
    pub fn clear(&mut self) {
        if self.rendering == Rendering::Terminal {
            self.write("\u{1b}[H\u{1b}[2J");
        }
    }

    fn message(&mut self, text: &str) {
        let text = Value::from(text.trim());
        match slot(&mut self.json, "messages") {
            Value::Array(texts) => texts.push(text),
            other => *other = Value::Array(vec![text]),
        }
    }

    fn write(&mut self, text: &str) {
        self.is_open = !text.ends_with('\n');
        if self.broken.is_none() {
            self.broken = self.sink.write_all(text.as_bytes()).err();
        }
    }
}

/// The member at a path, made if it is not there.
fn slot<'a>(map: &'a mut Map<String, Value>, path: &str) -> &'a mut Value {
    match path.split_once('/') {
        None => map.entry(path).or_insert(Value::Null),
        Some((first, rest)) => {
            let inner = map.entry(first).or_insert_with(|| Value::Object(Map::new()));
            if !inner.is_object() {
                *inner = Value::Object(Map::new());
            }
            let Value::Object(inner) = inner else { unreachable!("made an object above") };
            slot(inner, rest)
        }
    }
}

/// Texts of servers must not steer a terminal.
pub(crate) fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\t' && c != '\n' { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests;
