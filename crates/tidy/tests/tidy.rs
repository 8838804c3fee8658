//! Every rule that a machine can check. A failure names the place and the rule.

use std::path::{Path, PathBuf};

/// Crates and what they may use of ours: the table of ARCHITECTURE.md.
const EDGES: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("model", &["base"]),
    ("filter", &["base", "model"]),
    ("protocol", &["base", "model"]),
    ("store", &["base", "model"]),
    ("acl", &["base", "model", "protocol"]),
    ("remoting", &["base", "model", "protocol"]),
    ("nameserver", &["base", "model", "protocol", "remoting"]),
    ("broker", &["acl", "base", "model", "filter", "protocol", "remoting", "store"]),
    ("client", &["acl", "base", "model", "protocol", "remoting"]),
    ("admin", &["base", "model", "protocol", "remoting", "client"]),
    ("testkit", &["base"]),
    ("sim", &["base", "model", "store", "testkit"]),
    ("package", &[]),
    ("tidy", &[]),
    (
        "ferrite",
        &[
            "base",
            "model",
            "protocol",
            "remoting",
            "store",
            "nameserver",
            "broker",
            "client",
            "admin",
        ],
    ),
];

/// Outside crates that only some of ours may use.
const QUARANTINED: &[(&str, &[&str])] = &[
    ("mio", &["remoting", "ferrite"]),
    ("socket2", &["remoting"]),
    ("clap", &["ferrite", "sim", "package"]),
    ("serde_json", &["protocol", "nameserver", "broker", "client", "admin", "testkit", "ferrite"]),
    ("tokio", &[]),
];

const LINE_CHARS_MAX: usize = 100;
const FILE_LINES_MAX: usize = 1000;
const FUNCTION_LINES_MAX: usize = 70;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository")
}

fn rust_files() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join("crates")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = std::fs::read_to_string(&path).expect("UTF-8");
                let name = path.strip_prefix(root()).expect("below the root");
                found.push((name.display().to_string(), text));
            }
        }
    }
    assert!(found.len() > 30, "the checks look at the wrong folder");
    found
}

/// The lines before the inline tests.
fn code_lines(text: &str) -> usize {
    text.lines().take_while(|line| *line != "#[cfg(test)]").count()
}

fn fail_if_any(what: &str, mut places: Vec<String>) {
    places.sort();
    assert!(places.is_empty(), "{what}:\n{}", places.join("\n"));
}

#[test]
fn lines_and_files_are_short() {
    let exceptions =
        std::fs::read_to_string(root().join("crates/tidy/exceptions.txt")).expect("the list");
    let mut places = Vec::new();
    for (name, text) in rust_files() {
        for (at, line) in text.lines().enumerate() {
            if line.chars().count() > LINE_CHARS_MAX {
                places.push(format!("{name}:{}: over {LINE_CHARS_MAX} characters", at + 1));
            }
        }
        if code_lines(&text) > FILE_LINES_MAX && !exceptions.contains(&name) {
            places.push(format!("{name}: {} lines of code", code_lines(&text)));
        }
    }
    fail_if_any("too long", places);
}

#[test]
fn functions_fit_a_screen() {
    let mut places = Vec::new();
    for (name, text) in rust_files().into_iter().filter(|(name, _)| !name.contains("/tests")) {
        let mut start: Option<(usize, usize)> = None;
        for (at, line) in text.lines().take(code_lines(&text)).enumerate() {
            let indent = line.len() - line.trim_start().len();
            let body = line.trim_start();
            let is_function = body.starts_with("fn ") || body.starts_with("pub fn ");
            let is_function = is_function || body.starts_with("pub(crate) fn ");
            if is_function && start.is_none() && !line.ends_with('}') && !line.ends_with(';') {
                start = Some((at, indent));
            } else if let Some((from, depth)) = start
                && indent == depth
                && (body == "}" || body.starts_with("}"))
            {
                if at - from > FUNCTION_LINES_MAX {
                    places.push(format!("{name}:{}: {} lines", from + 1, at - from));
                }
                start = None;
            }
        }
    }
    fail_if_any("functions over the limit", places);
}

#[test]
fn files_open_with_what_they_own() {
    let silent = rust_files()
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(name, _)| name)
        .collect();
    fail_if_any("files without a //! header", silent);
}

#[test]
fn no_unfinished_marks_and_no_borrowed_suffixes() {
    let words: Vec<String> = ["TO~DO", "FIX~ME", "XX~X:", "to~do!(", "unimplemen~ted!("]
        .map(|w| w.replace('~', ""))
        .into();
    let suffixes = ["Manager", "Processor", "Impl", "Helper", "Util", "Utils"];
    let mut places = Vec::new();
    for (name, text) in rust_files() {
        for (at, line) in text.lines().enumerate() {
            if words.iter().any(|w| line.contains(w.as_str())) {
                places.push(format!("{name}:{}: unfinished mark", at + 1));
            }
            for keyword in ["struct ", "enum ", "trait "] {
                let Some((_, rest)) = line.split_once(keyword) else { continue };
                if line.trim_start().starts_with("//") {
                    continue;
                }
                let word: String =
                    rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if suffixes.iter().any(|s| word.ends_with(s)) {
                    places.push(format!("{name}:{}: {word} names a pattern", at + 1));
                }
            }
        }
        let file = name.rsplit('/').next().unwrap_or_default();
        if ["common.rs", "util.rs", "utils.rs", "helper.rs", "manager.rs"].contains(&file) {
            places.push(format!("{name}: a file is named by the noun it owns"));
        }
    }
    fail_if_any("banned words", places);
}

#[test]
fn crates_use_only_what_the_table_allows() {
    let metadata = cargo_metadata::MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .exec()
        .expect("cargo metadata");
    let short = |name: &str| name.strip_prefix("ferrite-").unwrap_or(name).to_owned();
    let mut places = Vec::new();
    for package in &metadata.packages {
        let name = short(&package.name);
        let Some((_, allowed)) = EDGES.iter().find(|(n, _)| *n == name) else {
            places.push(format!("{name}: no row in the table of edges"));
            continue;
        };
        let normal = package
            .dependencies
            .iter()
            .filter(|d| d.kind == cargo_metadata::DependencyKind::Normal);
        for dependency in normal {
            let used = short(&dependency.name);
            let ours = dependency.path.is_some();
            if ours && !allowed.contains(&used.as_str()) {
                places.push(format!("{name} must not use {used}"));
            }
            let quarantined = QUARANTINED.iter().find(|(n, _)| *n == dependency.name);
            if let Some((outside, who)) = quarantined
                && !who.contains(&name.as_str())
            {
                places.push(format!("{name} must not use {outside}"));
            }
        }
    }
    fail_if_any("edges", places);
}

/// `A01, B16 to B18` as single rows.
fn acceptance_rows(text: &str) -> Vec<String> {
    let mut rows = Vec::new();
    for part in text.split(", ") {
        let (first, last) = part.split_once(" to ").unwrap_or((part, part));
        let number = |row: &str| row.get(1..).and_then(|n| n.parse::<u32>().ok()).expect("a row");
        rows.extend((number(first)..=number(last)).map(|n| format!("{}{n:02}", &first[..1])));
    }
    rows
}

/// Whether a text names a row: by itself, or within `B01 to B40` or `B44-B46`.
fn names_row(text: &str, row: &str) -> bool {
    let wanted: u32 = row[1..].parse().expect("a number");
    let bytes = text.as_bytes();
    // Where the last row ended, and its number.
    let mut last: Option<(usize, u32)> = None;
    for (at, _) in text.match_indices(&row[..1]) {
        let is_alone = at == 0 || !bytes[at - 1].is_ascii_alphanumeric();
        let has_end = bytes.get(at + 3).is_none_or(|b| !b.is_ascii_alphanumeric());
        let digits = text.get(at + 1..at + 3).and_then(|digits| digits.parse::<u32>().ok());
        let (true, true, Some(number)) = (is_alone, has_end, digits) else { continue };
        let is_range = last.is_some_and(|(end, _)| matches!(&text[end..at], " to " | "-"));
        let from = last.filter(|_| is_range).map_or(number, |(_, from)| from);
        if (from..=number).contains(&wanted) {
            return true;
        }
        last = Some((at + 3, number));
    }
    false
}

/// Letters of the acceptance rows that are asked for, and how many rows each has.
const ACCEPTANCE: [(char, u32); 6] =
    [('A', 72), ('B', 84), ('E', 66), ('F', 60), ('G', 27), ('H', 32)];

#[test]
fn acceptance_rows_stand_in_the_tests_that_show_them() {
    let path = root().join("docs/acceptance.md");
    let text = std::fs::read_to_string(&path).expect("docs/acceptance.md");
    let mut wrong = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    let is_row = |line: &&str| {
        let letter = line.strip_prefix("| ").and_then(|rest| rest.chars().next());
        letter.is_some_and(|letter| ACCEPTANCE.iter().any(|(known, _)| *known == letter))
    };
    for line in text.lines().filter(is_row) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let rows = acceptance_rows(cells[0]);
        seen.extend(rows.iter().cloned());
        let [_, file, test] = cells[..] else { continue };
        let (file, test) = (file.trim_matches('`'), test.trim_matches('`'));
        let source = std::fs::read_to_string(root().join(file)).unwrap_or_default();
        let ways = [format!("fn {test}("), format!("void {test}("), format!("\n{test}() {{")];
        if !ways.iter().any(|way| source.contains(way)) {
            wrong.push(format!("{file}: there is no {test}"));
        }
        let unnamed = rows.iter().filter(|row| !names_row(&source, row));
        wrong.extend(unnamed.map(|row| format!("{file}: {row} is not named")));
    }
    let rows_of = |(letter, count)| (1..=count).map(move |n| format!("{letter}{n:02}"));
    let all = ACCEPTANCE.into_iter().flat_map(rows_of);
    wrong.extend(all.filter(|row| !seen.contains(row)).map(|row| format!("{row} is nowhere")));
    fail_if_any("docs/acceptance.md and the tests differ", wrong);
}

#[test]
fn rows_and_ranges_of_rows_are_found() {
    assert_eq!(acceptance_rows("A01, B16 to B18"), ["A01", "B16", "B17", "B18"]);
    for (text, row, expected) in [
        ("// A01, A02: x", "A02", true),
        ("B16 to B19", "B17", true),
        ("B44-B46", "B45", true),
        ("B16, B19", "B17", false),
        ("BAA01 A011", "A01", false),
    ] {
        assert_eq!(names_row(text, row), expected, "{text} {row}");
    }
}
