//! Tables: columns with Java's titles and JSON names, rows of cells.

use anstyle::{AnsiColor, Style};
use serde_json::{Map, Value};

use super::{HEAD, harmless};
use crate::printf::printf;
use crate::text;

/// A column: Java's title, and its name in JSON.
pub type Column = (&'static str, &'static str);

/// How a cell is coloured on a terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Not at all.
    #[default]
    Quiet,
    /// All is well.
    Good,
    /// Worth a look.
    Warning,
    /// Wrong.
    Bad,
}

/// One value of a row.
#[derive(Clone, Debug)]
pub struct Cell {
    text: String,
    json: Value,
    tone: Tone,
}

impl Cell {
    /// A text that has another form in JSON.
    pub fn new(text: impl Into<String>, json: impl Into<Value>) -> Cell {
        Cell { text: text.into(), json: json.into(), tone: Tone::Quiet }
    }

    /// A number with so many decimals, as `%.2f` prints it.
    pub fn fixed(number: f64, decimals: usize) -> Cell {
        Cell::new(format!("{number:.decimals$}"), number)
    }

    /// The cell in a colour.
    pub fn tone(mut self, tone: Tone) -> Cell {
        self.tone = tone;
        self
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Cell {
        Cell::new(text, text)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Cell {
        Cell::new(text.clone(), text)
    }
}

impl From<&String> for Cell {
    fn from(text: &String) -> Cell {
        Cell::from(text.as_str())
    }
}

impl From<bool> for Cell {
    fn from(value: bool) -> Cell {
        Cell::new(value.to_string(), value)
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Cell {
        Cell::new(text::double(number), number)
    }
}

macro_rules! whole_numbers {
    ($($kind:ty)*) => {$(
        impl From<$kind> for Cell {
            fn from(number: $kind) -> Cell {
                Cell::new(number.to_string(), number)
            }
        }
    )*};
}

whole_numbers!(i32 i64 u32 u64 usize);

/// A table.
#[derive(Clone, Debug)]
pub struct Table {
    columns: &'static [Column],
    head_format: &'static str,
    row_format: &'static str,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// An empty table. `format` is Java's, for the head and the rows: `%-32s  %-4s%n`.
    pub fn new(format: &'static str, columns: &'static [Column]) -> Table {
        Table { columns, head_format: format, row_format: format, rows: Vec::new() }
    }

    /// The same with another format for the rows.
    pub fn row_format(mut self, format: &'static str) -> Table {
        self.row_format = format;
        self
    }

    /// Adds a row: a cell for each column.
    pub fn push(&mut self, cells: Vec<Cell>) {
        debug_assert_eq!(cells.len(), self.columns.len(), "a cell for each column");
        self.rows.push(cells);
    }

    pub(super) fn plain(&self) -> String {
        self.plain_head() + &self.plain_body()
    }

    pub(super) fn plain_body(&self) -> String {
        self.rows.iter().map(|row| self.plain_row(row)).collect()
    }

    pub(super) fn plain_head(&self) -> String {
        printf(self.head_format, self.columns.iter().map(|(title, _)| *title))
    }

    pub(super) fn plain_row(&self, cells: &[Cell]) -> String {
        printf(self.row_format, cells.iter().map(|cell| cell.text.as_str()))
    }

    /// Columns as wide as they must be, numbers to the right.
    pub(super) fn terminal(&self) -> String {
        let titles: Vec<&str> =
            self.columns.iter().map(|(title, _)| title.trim_start_matches('#')).collect();
        let texts: Vec<Vec<String>> = self
            .rows
            .iter()
            .map(|row| row.iter().map(|cell| harmless(cell.text.trim())).collect())
            .collect();
        let width = |at: usize| {
            let cells = texts.iter().filter_map(|row| row.get(at)).map(|t| t.chars().count());
            cells.chain([titles[at].chars().count()]).max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..titles.len()).map(width).collect();
        let is_right: Vec<bool> = (0..titles.len())
            .map(|at| {
                let mut cells = self.rows.iter().filter_map(|row| row.get(at)).peekable();
                cells.peek().is_some() && cells.all(|cell| cell.json.is_number())
            })
            .collect();
        let mut out = String::new();
        let head: Vec<String> =
            (0..titles.len()).map(|at| pad(titles[at], widths[at], is_right[at])).collect();
        out.push_str(&format!("{HEAD}{}{HEAD:#}\n", head.join("  ").trim_end()));
        for (row, texts) in self.rows.iter().zip(&texts) {
            let cells: Vec<String> = (0..texts.len().min(titles.len()))
                .map(|at| {
                    let style = style(row[at].tone);
                    format!("{style}{}{style:#}", pad(&texts[at], widths[at], is_right[at]))
                })
                .collect();
            out.push_str(cells.join("  ").trim_end());
            out.push('\n');
        }
        out
    }

    pub(super) fn json(&self) -> Vec<Value> {
        self.rows.iter().map(|row| self.json_row(row)).collect()
    }

    pub(super) fn json_row(&self, cells: &[Cell]) -> Value {
        let members = self.columns.iter().zip(cells);
        let members: Map<String, Value> =
            members.map(|((_, key), cell)| ((*key).to_owned(), cell.json.clone())).collect();
        Value::Object(members)
    }
}

fn pad(text: &str, width: usize, is_right: bool) -> String {
    if is_right { format!("{text:>width$}") } else { format!("{text:<width$}") }
}

fn style(tone: Tone) -> Style {
    match tone {
        Tone::Quiet => Style::new(),
        Tone::Good => AnsiColor::Green.on_default(),
        Tone::Warning => AnsiColor::Yellow.on_default(),
        Tone::Bad => AnsiColor::Red.on_default(),
    }
}
