//! Comparing what is printed with what was recorded, past the values that are different each time.

use std::collections::BTreeSet;

use super::cases::Compared;

/// What is different, if anything.
pub fn compare(compared: &Compared, recorded: &str, printed: &str) -> Result<(), String> {
    match *compared {
        Compared::Same => same(&mask(recorded, false), &mask(printed, false)),
        Compared::Shape => same(&mask(recorded, true), &mask(printed, true)),
        Compared::Lines => lines(recorded, printed),
        Compared::Table => table(recorded, printed),
        Compared::Names => match printed.lines().count() {
            0 => Err("no line".to_owned()),
            _ => Ok(()),
        },
        Compared::Keys(separator, missing) => keys(recorded, printed, separator, missing),
        Compared::Says(words) if printed.contains(words) => Ok(()),
        Compared::Says(words) => Err(format!("it does not say {words:?}")),
        Compared::Fails => fails(recorded, printed),
        Compared::Not(_) | Compared::By { .. } => Ok(()),
    }
}

fn same(recorded: &str, printed: &str) -> Result<(), String> {
    if recorded == printed {
        return Ok(());
    }
    let (mut was, mut is) = (recorded.lines(), printed.lines());
    for number in 1.. {
        match (was.next(), is.next()) {
            (None, None) => return Err("the end of the last line".to_owned()),
            (a, b) if a == b => {}
            (a, b) => {
                let text = |line: Option<&str>| line.unwrap_or("(nothing)").to_owned();
                return Err(format!("line {number}: {:?} was {:?}", text(b), text(a)));
            }
        }
    }
    Ok(())
}

/// Each line looks like a recorded one, and there is one.
fn lines(recorded: &str, printed: &str) -> Result<(), String> {
    let all = |text: &str| -> BTreeSet<String> {
        let text = mask(text, true);
        text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
    };
    let (was, is) = (all(recorded), all(printed));
    match is.difference(&was).next() {
        Some(line) => Err(format!("no such line was recorded: {line:?}")),
        None if is.is_empty() => Err("no line".to_owned()),
        None => Ok(()),
    }
}

/// The head is the same; every row looks like a recorded one; text behind the rows is the same.
fn table(recorded: &str, printed: &str) -> Result<(), String> {
    let is_head = |line: &&str| line.starts_with('#');
    let was = recorded.lines().find(is_head).unwrap_or_default();
    let is = printed.lines().find(is_head).unwrap_or_default();
    if was != is {
        return Err(format!("head {is:?} was {was:?}"));
    }
    let kinds = |text: &str| -> BTreeSet<String> {
        let rows = text.lines().skip_while(|line| !line.starts_with('#')).skip(1);
        rows.map(row_kind).collect()
    };
    let (was, is) = (kinds(recorded), kinds(printed));
    if is.is_empty() {
        return Err("no rows".to_owned());
    }
    match is.difference(&was).next() {
        None => Ok(()),
        Some(row) => Err(format!("no such row was recorded: {row:?}")),
    }
}

/// What each word of a row is, and where it stands: the column it begins or ends at.
fn row_kind(line: &str) -> String {
    let line = mask(line, true);
    let kinds: Vec<&str> = line
        .split_whitespace()
        .map(|word| match word.chars().next() {
            Some('<') => word,
            _ => "word",
        })
        .collect();
    kinds.join(" ")
}

/// Every recorded key is there, and stands before the same separator at the same place.
fn keys(recorded: &str, printed: &str, separator: &str, missing: &[&str]) -> Result<(), String> {
    let all = |text: &str| -> BTreeSet<String> {
        let line = |line: &str| {
            let at = line.find(separator)?;
            Some(match line[..at].split_once('/') {
                // The rest of the key is a path.
                Some((key, _)) => format!("{key}/"),
                // With its separator's place: columns count.
                None => format!("{} {at}", line[..at].trim_end()),
            })
        };
        text.lines().filter_map(line).collect()
    };
    let (was, is) = (all(recorded), all(printed));
    let gone: Vec<&String> =
        was.difference(&is).filter(|key| !missing.iter().any(|m| key.starts_with(m))).collect();
    match gone.is_empty() && !is.is_empty() {
        true => Ok(()),
        false => Err(format!("missing keys: {gone:?}")),
    }
}

/// A recorded stack trace: the code and words of its cause are said too.
fn fails(recorded: &str, printed: &str) -> Result<(), String> {
    let cause = recorded.lines().find_map(|line| {
        let at = line.find("CODE: ")?;
        Some(line[at..].trim())
    });
    match cause {
        Some(cause) if !printed.contains(cause) => Err(format!("it does not say {cause:?}")),
        None if printed.trim().is_empty() => Err("it says nothing".to_owned()),
        _ => Ok(()),
    }
}

/// The text with placeholders for what is different each time; with `numbers`, for all of them.
pub fn mask(text: &str, numbers: bool) -> String {
    // Java leaves no line's end between those.
    let text = text.replace("]MessageTrack", "]\nMessageTrack");
    let text = text.replace("\nSee https://rocketmq", " See https://rocketmq");
    let lines: Vec<String> = text.lines().map(|line| mask_line(line, numbers)).collect();
    lines.join("\n")
}

/// Parts of a message's line: what stands between two texts is of that message.
const MESSAGE_PARTS: [(&str, &str); 5] = [
    ("properties={", "}"),
    ("Properties:", "}"),
    ("body=[", "]"),
    ("OrderID", "]"),
    ("exceptionDesc=", "]"),
];

fn mask_line(line: &str, numbers: bool) -> String {
    let mut line = line.to_owned();
    for (start, end) in MESSAGE_PARTS {
        let from = line.find(start).map(|at| at + start.len());
        if let Some(from) = from
            && let Some(len) = line[from..].find(end)
        {
            line.replace_range(from..from + len, " <part> ");
        }
    }
    if let Some(at) = line.find("BODY: ") {
        line.truncate(at);
        line.push_str("<body>");
    }
    let mut out = String::new();
    let mut rest = line.as_str();
    while let Some(first) = rest.chars().next() {
        let (len, with) = match volatile(rest, out.chars().last(), numbers) {
            Some(found) => found,
            None => {
                out.push(first);
                rest = &rest[first.len_utf8()..];
                continue;
            }
        };
        out.push_str(with);
        rest = &rest[len..];
    }
    // What is longer or shorter moves what stands behind it.
    match out.contains('<') {
        true => out.split_whitespace().collect::<Vec<_>>().join(" "),
        false => out,
    }
}

/// Length of what Java prints for an object that has no text of its own: `Name@1b47ee4e`.
fn object(text: &str) -> Option<usize> {
    if !text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let len = text.find(char::is_whitespace).unwrap_or(text.len());
    let (_, hash) = text[..len].rsplit_once('@')?;
    let is_hash = (4..=8).contains(&hash.len()) && hash.bytes().all(|b| b.is_ascii_hexdigit());
    is_hash.then_some(len)
}

/// Whether the text begins with something volatile: its length and what stands for it.
fn volatile(text: &str, before: Option<char>, numbers: bool) -> Option<(usize, &'static str)> {
    let run = |is: fn(char) -> bool| text.find(|c| !is(c)).unwrap_or(text.len());
    let word = run(|c| c.is_ascii_alphanumeric() || c == '_');
    if before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_') {
        return None;
    }
    if let Some(len) = object(text) {
        return Some((len, "<object>"));
    }
    if word >= 32 && text[..word].chars().all(|c| c.is_ascii_hexdigit()) {
        return Some((word, "<id>"));
    }
    if word > 3
        && text.starts_with('V')
        && text[1..word].chars().all(|c| c.is_ascii_digit() || c == '_')
    {
        return Some((word, "<version>"));
    }
    if word > 0 && ["JAVA", "RUST", "OTHER"].contains(&&text[..word]) {
        return Some((word, "<language>"));
    }
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let digits = |from: usize, len: usize| {
        text.get(from..from + len).is_some_and(|t| t.bytes().all(|b| b.is_ascii_digit()))
    };
    let is_time = digits(0, 4) && digits(5, 2) && digits(8, 2) && digits(11, 2) && digits(17, 2);
    if is_time && text[4..].starts_with('-') && text[13..].starts_with(':') {
        let with_ms = text[19..].starts_with(',') && digits(20, 3);
        return Some((if with_ms { 23 } else { 19 }, "<time>"));
    }
    let number = run(|c| c.is_ascii_digit() || c == '.');
    if text[..number].matches('.').count() == 3 {
        let behind = &text[number..];
        if behind.starts_with('@') {
            let len = behind.find(char::is_whitespace).unwrap_or(behind.len());
            return Some((number + len, "<client>"));
        }
        let port = behind
            .strip_prefix(':')
            .map_or(0, |port| 1 + port.find(|c: char| !c.is_ascii_digit()).unwrap_or(port.len()));
        return Some((number + port, "<address>"));
    }
    // A time in milliseconds is never the same again.
    if word >= 13 && text[..word].chars().all(|c| c.is_ascii_digit()) {
        return Some((word, if numbers { "<n>" } else { "<ms>" }));
    }
    if numbers { Some((number, "<n>")) } else { None }
}
