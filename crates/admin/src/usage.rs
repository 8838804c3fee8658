//! The usage of a command, laid out as Java's library does at 110 columns.

use crate::command::{Command, OptionRow};

const WIDTH: usize = 110;

/// What `mqadmin help COMMAND` prints.
pub fn usage(command: &Command) -> String {
    let mut rows = command.all_options();
    rows.sort_by_key(|row| row.key().to_lowercase());
    let mut out = String::new();
    wrap(&mut out, "usage: ".len(), &synopsis(command.name, &rows));
    out.push('\n');
    let heads: Vec<String> = rows.iter().map(head).collect();
    let widest = heads.iter().map(String::len).max().unwrap_or_default();
    for (row, head) in rows.iter().zip(heads) {
        wrap(&mut out, widest + 3, &format!("{head:widest$}   {}", row.description));
        out.push('\n');
    }
    out
}

fn synopsis(name: &str, rows: &[OptionRow]) -> String {
    let mut line = format!("usage: mqadmin {name} ");
    let mut done = Vec::new();
    let parts: Vec<String> = rows
        .iter()
        .map(|row| match row.group {
            0 if row.required => short_form(row),
            0 => format!("[{}]", short_form(row)),
            group if done.contains(&group) => String::new(),
            group => {
                done.push(group);
                let members = rows.iter().filter(|r| r.group == group).map(short_form);
                members.collect::<Vec<_>>().join(" | ")
            }
        })
        .collect();
    line.push_str(&parts.join(" "));
    line
}

fn short_form(row: &OptionRow) -> String {
    let name = match row.short.is_empty() {
        true => format!("--{}", row.long),
        false => format!("-{}", row.short),
    };
    if row.takes_value { format!("{name} <arg>") } else { name }
}

fn head(row: &OptionRow) -> String {
    let name = match row.short.is_empty() {
        true => format!("    --{}", row.long),
        false => format!(" -{},--{}", row.short, row.long),
    };
    if row.takes_value { format!("{name} <arg>") } else { name }
}

/// Appends `text` in lines of at most [`WIDTH`], the further ones indented.
fn wrap(out: &mut String, indent: usize, text: &str) {
    let mut line = text.to_owned();
    loop {
        let Some(at) = break_at(&line) else {
            out.push_str(line.trim_end());
            return;
        };
        // A word longer than a line is cut.
        let at = if line.len() > WIDTH && at + 1 == indent { WIDTH } else { at };
        out.push_str(line[..at].trim_end());
        out.push('\n');
        line = format!("{:indent$}{}", "", line[at..].trim());
    }
}

/// Where the line ends; `None` when all of it fits.
fn break_at(line: &str) -> Option<usize> {
    if let Some(at) = line.find('\n').filter(|at| *at <= WIDTH) {
        return Some(at + 1);
    }
    if line.len() <= WIDTH {
        return None;
    }
    let window = line.char_indices().take_while(|(at, _)| *at <= WIDTH);
    let space = window.filter(|(at, c)| *c == ' ' && *at > 0).last().map(|(at, _)| at);
    space.or_else(|| (WIDTH..line.len()).find(|at| line.is_char_boundary(*at)))
}
