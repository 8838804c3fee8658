//! Figures for Prometheus: a table of metrics, and their values as text.
//!
//! A role defines its table by [`metric_table!`](crate::metric_table) and fills an [`Exposition`]
//! when it is asked. Each metric has at most as many series as the exposition was told; what is
//! beyond is counted and left out.

use std::fmt::{Display, Write};

/// What kind of figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Only grows, from the start of the process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Observations counted by size, from the start of the process.
    Histogram,
}

impl MetricKind {
    /// Prometheus's word for it.
    pub fn name(self) -> &'static str {
        match self {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        }
    }
}

/// Observations counted by size. The bounds of its buckets are a constant beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Histogram<const N: usize> {
    counts: [u64; N],
    count: u64,
    sum: u64,
}

impl<const N: usize> Default for Histogram<N> {
    fn default() -> Histogram<N> {
        Histogram { counts: [0; N], count: 0, sum: 0 }
    }
}

impl<const N: usize> Histogram<N> {
    /// Counts a value, `times` over. A bucket holds what is not above its bound.
    pub fn observe(&mut self, bounds: &[u64; N], value: u64, times: u64) {
        for (count, bound) in self.counts.iter_mut().zip(bounds) {
            if value <= *bound {
                *count += times;
                break;
            }
        }
        self.count += times;
        self.sum = self.sum.saturating_add(value.saturating_mul(times));
    }

    /// Observations.
    pub fn count(&self) -> u64 {
        self.count
    }
}

/// One metric of a table.
#[derive(Debug, Clone, Copy)]
pub struct MetricRow {
    /// Its name.
    pub name: &'static str,
    /// What kind it is.
    pub kind: MetricKind,
    /// Its labels besides those all have.
    pub labels: &'static [&'static str],
    /// What it counts.
    pub doc: &'static str,
}

/// A table of metrics: an enum of them, with `row()` and `ALL`.
#[macro_export]
macro_rules! metric_table {
    ($(#[$meta:meta])* $table:ident {
        $($(#[doc = $doc:literal])+
        $metric:ident $kind:ident $name:literal [$($label:literal),*];)*
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $table { $($(#[doc = $doc])+ $metric,)* }

        impl $table {
            /// Every metric, in table order.
            pub const ALL: &'static [$crate::metrics::MetricRow] = &[
                $($crate::metrics::MetricRow {
                    name: $name,
                    kind: $crate::metrics::MetricKind::$kind,
                    labels: &[$($label),*],
                    doc: concat!($($doc),+).trim_ascii(),
                },)*
            ];
        }
    };
}

/// Values of the metrics of one table, being collected.
pub struct Exposition {
    table: &'static [MetricRow],
    common: String,
    series_max: usize,
    series: Vec<(usize, String)>,
    left_out: usize,
}

impl Exposition {
    /// For a table; `common` labels are on every series, which are at most `series_max` for each
    /// metric.
    pub fn new(
        table: &'static [MetricRow],
        common: &[(&str, &str)],
        series_max: usize,
    ) -> Exposition {
        let mut text = String::new();
        for (name, value) in common {
            push_label(&mut text, name, value);
        }
        Exposition {
            table,
            common: text,
            series_max,
            series: vec![(0, String::new()); table.len()],
            left_out: 0,
        }
    }

    /// Whether the metric at `index` of the table takes another series.
    pub fn has_room(&self, index: usize) -> bool {
        self.series[index].0 < self.series_max
    }

    /// Adds a value with a text for each label of the metric at `index` of the table.
    pub fn add(&mut self, index: usize, labels: &[&str], value: impl Display) {
        let Some(Series { name, labels: all, text }) = self.series(index, labels) else { return };
        text.push_str(name);
        if !all.is_empty() {
            let _ = write!(text, "{{{all}}}");
        }
        // Writing to a string cannot fail.
        let _ = writeln!(text, " {value}");
    }

    /// Adds a histogram with a text for each label of the metric at `index` of the table. What was
    /// observed is shown in units of `unit`: with one of 1,000,000 a bound of 1,000,000 ns is 1.0.
    pub fn add_histogram<const N: usize>(
        &mut self,
        index: usize,
        labels: &[&str],
        (bounds, unit): (&[u64; N], u64),
        histogram: &Histogram<N>,
    ) {
        let Some(Series { name, labels: all, text }) = self.series(index, labels) else { return };
        let comma = if all.is_empty() { "" } else { "," };
        let unit = unit as f64;
        let mut below = 0;
        // Writing to a string cannot fail.
        for (bound, count) in bounds.iter().zip(&histogram.counts) {
            below += count;
            let bound = *bound as f64 / unit;
            let _ = writeln!(text, "{name}_bucket{{{all}{comma}le=\"{bound:?}\"}} {below}");
        }
        let Histogram { count, sum, .. } = histogram;
        let _ = writeln!(text, "{name}_bucket{{{all}{comma}le=\"+Inf\"}} {count}");
        let braces = if all.is_empty() { String::new() } else { format!("{{{all}}}") };
        let _ = writeln!(text, "{name}_count{braces} {count}");
        let _ = writeln!(text, "{name}_sum{braces} {}", *sum as f64 / unit);
    }

    /// Counts another series of the metric at `index` of the table; `None` if it is one too many.
    fn series(&mut self, index: usize, labels: &[&str]) -> Option<Series<'_>> {
        let row = &self.table[index];
        debug_assert_eq!(row.labels.len(), labels.len(), "{}", row.name);
        let (count, text) = &mut self.series[index];
        if *count >= self.series_max {
            self.left_out += 1;
            return None;
        }
        *count += 1;
        let mut all = self.common.clone();
        for (name, value) in row.labels.iter().zip(labels) {
            push_label(&mut all, name, value);
        }
        Some(Series { name: row.name, labels: all, text })
    }

    /// Series that were left out.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// The text, metrics without a value left out.
    pub fn finish(self) -> String {
        let mut out = String::new();
        for (row, (count, text)) in self.table.iter().zip(&self.series) {
            if *count > 0 {
                let (name, kind) = (row.name, row.kind.name());
                let _ = writeln!(out, "# HELP {name} {}\n# TYPE {name} {kind}", row.doc);
                out.push_str(text);
            }
        }
        out
    }
}

/// Where one series is written.
struct Series<'a> {
    name: &'static str,
    /// All of its labels, as they are written.
    labels: String,
    text: &'a mut String,
}

fn push_label(out: &mut String, name: &str, value: &str) {
    if !out.is_empty() {
        out.push(',');
    }
    out.push_str(name);
    out.push_str("=\"");
    for c in value.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// A table of metrics as Markdown.
pub fn markdown(rows: &[MetricRow]) -> String {
    let mut out = String::from("| metric | kind | labels | what it counts |\n|---|---|---|---|\n");
    for row in rows {
        let labels: Vec<String> = row.labels.iter().map(|label| format!("`{label}`")).collect();
        let (name, kind, doc) = (row.name, row.kind.name(), row.doc);
        let _ = writeln!(out, "| `{name}` | {kind} | {} | {doc} |", labels.join(", "));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    metric_table! {
        /// For the test.
        Sample {
            /// Messages in.
            In Counter "messages_in_total" ["topic"];
            /// Never set.
            Unset Gauge "unset" [];
            /// How full.
            Full Gauge "full" [];
            /// How long.
            Time Histogram "time" ["code"];
        }
    }

    #[test]
    fn values_become_text_and_series_are_bounded() {
        let mut out = Exposition::new(Sample::ALL, &[("cluster", "a\"b")], 2);
        for topic in ["x\\y", "z\n", "beyond"] {
            out.add(Sample::In as usize, &[topic], 7);
        }
        out.add(Sample::Full as usize, &[], 0.5);
        assert_eq!(out.left_out(), 1);
        assert!(!out.has_room(Sample::In as usize) && out.has_room(Sample::Unset as usize));
        assert_eq!(
            out.finish(),
            "# HELP messages_in_total Messages in.\n# TYPE messages_in_total counter\n\
             messages_in_total{cluster=\"a\\\"b\",topic=\"x\\\\y\"} 7\n\
             messages_in_total{cluster=\"a\\\"b\",topic=\"z\\n\"} 7\n\
             # HELP full How full.\n# TYPE full gauge\nfull{cluster=\"a\\\"b\"} 0.5\n"
        );
    }

    #[test]
    fn a_histogram_counts_what_is_not_above_each_bound() {
        const BOUNDS: [u64; 2] = [1_000, 5_000];
        let mut times = Histogram::default();
        for (value, count) in [(0, 1), (1_000, 2), (1_001, 1), (7_500, 1)] {
            times.observe(&BOUNDS, value, count);
        }
        assert_eq!(times.count(), 5);
        let mut out = Exposition::new(Sample::ALL, &[], 1);
        out.add_histogram(Sample::Time as usize, &["a"], (&BOUNDS, 1_000), &times);
        out.add_histogram(Sample::Time as usize, &["b"], (&BOUNDS, 1_000), &times);
        assert_eq!(out.left_out(), 1);
        assert_eq!(
            out.finish(),
            "# HELP time How long.\n# TYPE time histogram\n\
             time_bucket{code=\"a\",le=\"1.0\"} 3\ntime_bucket{code=\"a\",le=\"5.0\"} 4\n\
             time_bucket{code=\"a\",le=\"+Inf\"} 5\ntime_count{code=\"a\"} 5\n\
             time_sum{code=\"a\"} 10.501\n"
        );
        assert!(markdown(Sample::ALL).contains("| `full` | gauge |  | How full. |"));
    }
}
