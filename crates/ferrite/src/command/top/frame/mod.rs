//! What `ferrite top` shows, as lines of text with tones: the same for a terminal and for a pipe.

use jiff::tz::TimeZone;

use super::history::{History, Series};
use super::sample::{Broker, Group, Queue};

/// How a piece of text stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Not at all.
    Plain,
    /// The head of a table.
    Head,
    /// Less.
    Dim,
    /// All is well.
    Good,
    /// Worth a look.
    Warning,
    /// Wrong.
    Bad,
}

/// A line: pieces of text.
pub type Line = Vec<(Tone, String)>;

/// Narrowest frame that is drawn as it is; narrower screens cut it off.
const WIDTH_MIN: usize = 80;
/// Widest name.
const NAME_MAX: usize = 40;
/// Widest sparkline.
const SPARK_MAX: usize = 60;
/// Share of the disk from which on it is a matter of concern, and of alarm.
const DISK_WARNING: f64 = 0.75;
const DISK_BAD: f64 = 0.90;

/// Draws. `height` bounds the lines; a pipe has none.
pub fn draw(history: &History, name_servers: &str, width: usize, height: usize) -> Vec<Line> {
    let width = width.max(WIDTH_MIN);
    let mut lines = head(history, name_servers, width);
    lines.push(Line::new());
    lines.extend(brokers(history, width));
    let left = height.saturating_sub(lines.len() + 2);
    // Groups get half of what is left; queues what those leave.
    let (groups, queues) = (&history.last.groups, &history.last.queues);
    let group_rows = groups.len().min((left / 2).saturating_sub(1));
    lines.push(Line::new());
    lines.extend(group_table(history, &groups[..group_rows], width));
    let left = height.saturating_sub(lines.len() + 2);
    lines.push(Line::new());
    lines.extend(queue_table(history, &queues[..queues.len().min(left)], width));
    lines.truncate(height);
    lines
}

/// The lines as plain text.
pub fn plain(lines: &[Line]) -> String {
    let mut out = String::new();
    for line in lines {
        let text: String = line.iter().map(|(_, text)| text.as_str()).collect();
        out.push_str(text.trim_end());
        out.push('\n');
    }
    out
}

fn head(history: &History, name_servers: &str, width: usize) -> Vec<Line> {
    let last = &history.last;
    let time = match last.at_ms {
        0 => "-".to_owned(),
        ms => clock(ms),
    };
    let up = last.brokers.iter().filter(|b| b.state.is_ok()).count();
    let (all, groups) = (last.brokers.len(), last.groups.len());
    let tone = if up == all { Tone::Good } else { Tone::Bad };
    let mut title = vec![
        (Tone::Head, "FerriteMQ top".to_owned()),
        (Tone::Dim, format!("  {name_servers}  ")),
        (tone, format!("{up} of {all} brokers")),
        (Tone::Plain, format!(", {groups} groups")),
    ];
    let used: usize = title.iter().map(|(_, text)| text.chars().count()).sum();
    let gap = width.saturating_sub(used).max(2);
    title.push((Tone::Dim, format!("{time:>gap$}")));
    let mut lines = vec![title];
    if let Some(why) = &last.failure {
        lines.push(vec![(Tone::Bad, harmless(why))]);
    }
    let spark = (width.saturating_sub(3 * 20) / 3).min(SPARK_MAX);
    let figure = |name: &str, series: &Series, unit: &str| {
        let value = rate(series.last());
        let bars = series.sparkline(spark);
        [
            (Tone::Dim, format!("{name} ")),
            (Tone::Plain, format!("{:<12}", format!("{value}{unit}"))),
            (Tone::Good, format!("{bars:<spark$}  ")),
        ]
    };
    let mut figures = Line::new();
    figures.extend(figure("in", &history.in_tps, "/s"));
    figures.extend(figure("out", &history.out_tps, "/s"));
    figures.extend(figure("lag", &history.lag, ""));
    lines.push(figures);
    lines
}

fn brokers(history: &History, width: usize) -> Vec<Line> {
    let all = &history.last.brokers;
    let name_width = widest(all.iter().map(|b| b.name.chars().count() + 4), 14);
    let address_width = widest(all.iter().map(|b| b.address.chars().count()), 15);
    let used = name_width + address_width + 8 + 4 * 11 + 6;
    let spark = width.saturating_sub(used + 2).min(SPARK_MAX);
    let mut lines = vec![vec![(
        Tone::Head,
        format!(
            "{:<name_width$}  {:<address_width$}  {:<8} {:>10} {:>10} {:>10} {:>6} {:>10}  IN",
            "BROKER", "ADDRESS", "VERSION", "IN/s", "OUT/s", "TODAY", "DISK", "CACHE ms"
        ),
    )]];
    for broker in all {
        let name = cut(&format!("{} ({})", broker.name, broker.id), name_width);
        let address = cut(&broker.address, address_width);
        let start = format!("{name:<name_width$}  {address:<address_width$}  ");
        lines.push(match &broker.state {
            Err(why) => {
                let room = width.saturating_sub(start.chars().count());
                vec![(Tone::Plain, start), (Tone::Bad, cut(&harmless(why), room))]
            }
            Ok(_) => broker_row(history, broker, start, spark),
        });
    }
    lines
}

fn broker_row(history: &History, broker: &Broker, start: String, spark: usize) -> Line {
    let Ok(state) = &broker.state else { return Line::new() };
    let key = (broker.name.clone(), broker.id);
    let bars = history.brokers.get(&key).map(|s| s.sparkline(spark)).unwrap_or_default();
    let disk = match state.disk {
        share if share >= DISK_BAD => Tone::Bad,
        share if share >= DISK_WARNING => Tone::Warning,
        _ => Tone::Plain,
    };
    let (in_tps, out_tps) = (rate(state.in_tps), rate(state.out_tps));
    let (version, today) = (harmless(&state.version), whole(state.in_today));
    vec![
        (Tone::Plain, format!("{start}{version:<8} {in_tps:>10} {out_tps:>10} {today:>10} ")),
        (disk, format!("{:>5.0}%", state.disk * 100.0)),
        (Tone::Plain, format!(" {:>10}  ", whole(state.page_cache_ms))),
        (Tone::Good, bars),
    ]
}

fn group_table(history: &History, groups: &[Group], width: usize) -> Vec<Line> {
    let name_width = widest(groups.iter().map(|g| g.name.chars().count()), 24);
    let spark = width.saturating_sub(name_width + 9 + 3 * 13 + 2).min(SPARK_MAX);
    let mut lines = vec![vec![(
        Tone::Head,
        format!(
            "{:<name_width$} {:>8} {:>12} {:>12} {:>12}  LAG OVER TIME",
            "GROUP", "MEMBERS", "LAG", "IN FLIGHT", "OUT/s"
        ),
    )]];
    for group in groups {
        let name = cut(&harmless(&group.name), name_width);
        let members = group.members.map_or("-".to_owned(), |n| n.to_string());
        let is_alone = group.lag > 0 && group.members == Some(0);
        let tone = match group.lag {
            0 => Tone::Plain,
            _ if is_alone => Tone::Bad,
            _ => Tone::Warning,
        };
        let bars = history.groups.get(&group.name).map(|s| s.sparkline(spark)).unwrap_or_default();
        let (lag, in_flight) = (whole(group.lag), whole(group.in_flight));
        lines.push(vec![
            (Tone::Plain, format!("{name:<name_width$} {members:>8} ")),
            (tone, format!("{lag:>12}")),
            (Tone::Plain, format!(" {in_flight:>12} {:>12}  ", rate(group.tps))),
            (tone, bars),
        ]);
    }
    if history.last.groups.is_empty() {
        lines.push(vec![(Tone::Dim, "no group has consumed anything yet".to_owned())]);
    }
    lines
}

fn queue_table(history: &History, queues: &[Queue], width: usize) -> Vec<Line> {
    // Lag, age and queue number take their places; names share the rest.
    let room = width.saturating_sub(12 + 12 + 6 + 6);
    let third = (room / 3).clamp(12, NAME_MAX);
    let mut lines = vec![vec![(
        Tone::Head,
        format!(
            "{:<third$} {:<third$} {:<third$} {:>5} {:>12} {:>12}",
            "WORST QUEUES: GROUP", "TOPIC", "BROKER", "QUEUE", "LAG", "BEHIND"
        ),
    )]];
    for queue in queues {
        let name = |text: &str| cut(&harmless(text), third);
        let behind = match queue.last_ms {
            0 => "-".to_owned(),
            ms => age(history.last.at_ms - ms),
        };
        let (group, topic, broker) = (name(&queue.group), name(&queue.topic), name(&queue.broker));
        lines.push(vec![
            (
                Tone::Plain,
                format!("{group:<third$} {topic:<third$} {broker:<third$} {:>5} ", queue.id),
            ),
            (Tone::Warning, format!("{:>12}", whole(queue.lag))),
            (Tone::Plain, format!(" {behind:>12}")),
        ]);
    }
    if history.last.queues.is_empty() {
        lines.push(vec![(Tone::Good, "no group is behind".to_owned())]);
    }
    lines
}

fn widest(widths: impl Iterator<Item = usize>, min: usize) -> usize {
    widths.max().unwrap_or(0).clamp(min, NAME_MAX)
}

/// The first characters of a text, with a mark where it was cut.
fn cut(text: &str, width: usize) -> String {
    match text.chars().count() <= width {
        true => text.to_owned(),
        false => text.chars().take(width.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// Texts of servers must not steer a terminal.
fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// `1,234,567`.
fn whole(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = String::from(if number < 0 { "-" } else { "" });
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// One decimal where it matters.
fn rate(number: f64) -> String {
    if number < 100.0 && number.fract() != 0.0 {
        format!("{number:.1}")
    } else {
        whole(number.round() as i64)
    }
}

/// The two largest units of a time: `1h 05m`.
fn age(ms: i64) -> String {
    let seconds = ms.max(0) / 1_000;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{}h {:02}m", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{}d {:02}h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

fn clock(ms: i64) -> String {
    match jiff::Timestamp::from_millisecond(ms) {
        Ok(at) => at.to_zoned(TimeZone::system()).strftime("%H:%M:%S").to_string(),
        Err(_) => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests;
