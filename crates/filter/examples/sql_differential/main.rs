//! Compares us with Java's evaluator; `interop/sql.sh` runs it.
//!
//! `generate SEED COUNT` writes that many random cases, one a line. `check FILE` reads cases with
//! Java's answers before them and says where ours differ; exit code 1 if any does.

#[path = "../../tests/all/case.rs"]
mod case;
mod random_case;

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::process::ExitCode;

use case::Case;
use random_case::Random;

/// Differences shown; all are counted.
const SHOWN_MAX: usize = 20;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["generate", seed, count] => {
            let seed = seed.parse().expect("a number");
            generate(seed, count.parse().expect("a number"));
            ExitCode::SUCCESS
        }
        ["check", file] => check(file),
        _ => {
            eprintln!("sql_differential generate SEED COUNT | check FILE");
            ExitCode::from(2)
        }
    }
}

fn generate(seed: u64, count: usize) {
    let mut random = Random::new(seed);
    let mut out = BufWriter::new(std::io::stdout().lock());
    for _ in 0..count {
        writeln!(out, "{}", line(&random_case::case(&mut random))).expect("an open output");
    }
}

/// The case as a line, without an answer.
fn line(case: &Case) -> String {
    let mut line = escape(&case.expression);
    for (name, value) in &case.properties {
        line.push('\t');
        line.push_str(&escape(&format!("{name}={value}")));
    }
    line
}

fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\\' => out.push_str("\\\\"),
            c if (c as u32) < 0x20 || ('\u{7f}'..='\u{a0}').contains(&c) => {
                out.push_str(&format!("\\u{:04x}", c as u32));
            }
            c => out.push(c),
        }
    }
    out
}

fn check(file: &str) -> ExitCode {
    let lines = BufReader::new(std::fs::File::open(file).expect("a readable file")).lines();
    let mut answers = std::collections::BTreeMap::<String, usize>::new();
    let (mut total, mut different) = (0usize, 0usize);
    for line in lines {
        let line = line.expect("UTF-8");
        let (java, rest) = line.split_once('\t').expect("an answer");
        let ours = Case::read(rest).answer();
        total += 1;
        let word = java.split(' ').next().unwrap_or_default().to_owned();
        *answers.entry(word).or_default() += 1;
        if !case::agree(java, &ours) {
            different += 1;
            if different <= SHOWN_MAX {
                println!("java {java}, ours {ours}: {rest}");
            }
        }
    }
    println!("java's answers: {answers:?}");
    println!("sql: {} of {total} agree", total - different);
    if different == 0 && total > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
