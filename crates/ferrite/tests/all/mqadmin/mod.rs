//! The replay: command lines that genuine Java tools were recorded with (`golden/mqadmin/`) are run
//! again, and what they print is compared with the recording: same lines, same columns, stable
//! values equal. What each option does is said in `rows`: DN01-DN07, D01-D43.
//!
//! `replay` runs our tool against our servers. `matrix`, for the target
//! `mqadmin_matrix`, does so with any tool and any servers, as `interop/mqadmin.sh` says in the
//! environment, and prints a line for each recording.

mod cases;
mod mistakes;
mod rows;
mod shape;
mod state;
mod stay;

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::until::until;
use cases::{CASES, Case, Compared, NOT_YET};
use state::{Servers, State};

/// How long a command may take that does not end by itself.
const ENDLESS: Duration = Duration::from_secs(2);

/// A tool that takes `mqadmin`'s command lines.
struct Tool {
    words: Vec<String>,
    /// How long an endless command is watched.
    endless: Duration,
}

/// What a command printed, on both outputs, and its exit status.
struct Printed {
    text: String,
    status: i32,
}

impl Tool {
    fn ours() -> Tool {
        let words = vec![env!("CARGO_BIN_EXE_ferrite").to_owned(), "mqadmin".to_owned()];
        Tool { words, endless: ENDLESS }
    }

    fn run(&self, args: &[String], is_endless: bool, folder: &std::path::Path) -> Printed {
        let path = folder.join("printed");
        let file = std::fs::File::create(&path).expect("a file");
        let mut child = Command::new(&self.words[0])
            .args(&self.words[1..])
            .args(args)
            // Some commands leave files where they are run.
            .current_dir(folder)
            .env_remove("NAMESRV_ADDR")
            .env_remove("ROCKETMQ_HOME")
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a second handle"))
            .stderr(file)
            .spawn()
            .expect("the tool runs");
        let mut status = None;
        if is_endless {
            let started = base::clock::mono_ns();
            let limit = self.endless.as_nanos() as u64;
            until("the time of an endless command", || base::clock::mono_ns() - started > limit);
            child.kill().expect("it runs");
            child.wait().expect("it ends");
            // What `timeout` says in the recording.
            status = Some(124);
        }
        let status = status.or_else(|| child.wait().expect("it ends").code()).unwrap_or(-1);
        let bytes = std::fs::read(&path).expect("what it printed");
        Printed { text: String::from_utf8_lossy(&bytes).into_owned(), status }
    }
}

/// A recording: its command line, what was printed, the exit status.
struct Recorded {
    args: Vec<String>,
    text: String,
    status: i32,
}

fn recorded(version: &str, name: &str) -> Option<Recorded> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../golden/mqadmin");
    let text = std::fs::read_to_string(root.join(version).join(format!("{name}.txt"))).ok()?;
    let (first, rest) = text.split_once('\n').expect("a command line");
    let (text, status) = rest.rsplit_once("[exit ").expect("an exit status");
    let status = status.trim().trim_end_matches(']').parse().expect("a number");
    let mut args: Vec<String> = first
        .strip_prefix("$ mqadmin")
        .expect("a command line")
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    // Recorded without its quotes.
    if let Some(at) = args.iter().position(|word| word == "bad") {
        let second = args.remove(at + 1);
        args[at] = format!("bad {second}");
    }
    Some(Recorded { args, text: text.to_owned(), status })
}

/// Runs a case; what is different, if anything.
fn run(case: &Case, tool: &Tool, state: &State, version: &str) -> Option<Result<(), String>> {
    let recorded = recorded(version, case.name)?;
    let args: Vec<String> = recorded.args.iter().map(|word| state.translate(word)).collect();
    let printed = tool.run(&args, case.is_endless, state.folder());
    let expected = state.translate(&recorded.text);
    let compared = case.compared_with(version);
    if let Compared::Not(why) = compared {
        return Some(Err(format!("not compared: {why}")));
    }
    if printed.status != recorded.status {
        let (is, was) = (printed.status, recorded.status);
        return Some(Err(format!("exit status {is}, recorded {was}\n{}", printed.text)));
    }
    let result = shape::compare(compared, &expected, &printed.text);
    Some(
        result.map_err(|why| format!("{why}\n--- recorded\n{expected}\n+++ now\n{}", printed.text)),
    )
}

#[test]
fn replay() {
    let state = State::prepare(Servers::ours(), None);
    let tool = Tool::ours();
    let mut wrong = Vec::new();
    for case in CASES {
        let result = run(case, &tool, &state, "5.3.3");
        let result = result.unwrap_or_else(|| panic!("no recording {}", case.name));
        let is_listed = NOT_YET.iter().any(|(name, _)| *name == case.name);
        match (result, is_listed, case.compared_with("5.3.3")) {
            (_, _, Compared::Not(_)) | (Ok(()), false, _) | (Err(_), true, _) => {}
            (Ok(()), true, _) => wrong.push(format!("{}: take it out of NOT_YET", case.name)),
            (Err(why), false, _) => wrong.push(format!("{}: {why}", case.name)),
        }
    }
    assert!(wrong.is_empty(), "{} of {}\n\n{}", wrong.len(), CASES.len(), wrong.join("\n\n"));
}

/// Every recording has its case, so that none is forgotten.
#[test]
fn every_recording_is_replayed() {
    for version in ["5.3.3", "4.9.7"] {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../golden/mqadmin");
        for file in std::fs::read_dir(root.join(version)).expect("recordings") {
            let name = file.expect("an entry").file_name().into_string().expect("UTF-8");
            let name = name.trim_end_matches(".txt");
            assert!(CASES.iter().any(|case| case.name == name), "{version}/{name} has no case");
        }
    }
}

/// For `interop/mqadmin.sh`: `MQADMIN_TOOL` is the tool's command line, `MQADMIN_SERVERS` the
/// addresses of name server and broker, `MQADMIN_RECORDED` the version to compare with,
/// `MQADMIN_CLIENTS` the command line of Java's clients, `MQADMIN_ONLY` names of recordings.
#[allow(dead_code, reason = "for the target mqadmin_matrix")]
pub(crate) fn matrix() {
    let tool = match std::env::var("MQADMIN_TOOL") {
        Err(_) => Tool::ours(),
        Ok(words) => Tool {
            words: words.split_whitespace().map(str::to_owned).collect(),
            endless: Duration::from_secs(12),
        },
    };
    let servers = match std::env::var("MQADMIN_SERVERS") {
        Err(_) => Servers::ours(),
        Ok(addresses) => {
            let (name_server, broker) = addresses.split_once(' ').expect("two addresses");
            Servers::at(name_server, broker)
        }
    };
    let version = std::env::var("MQADMIN_RECORDED").unwrap_or_else(|_| "5.3.3".to_owned());
    let is_verbose = std::env::var_os("MQADMIN_VERBOSE").is_some();
    let java = std::env::var("MQADMIN_CLIENTS").ok();
    let state = State::prepare(servers, java.as_deref());
    let only = std::env::var("MQADMIN_ONLY").unwrap_or_default();
    let is_wanted =
        |case: &&Case| only.is_empty() || only.split_whitespace().any(|name| name == case.name);
    for case in CASES.iter().filter(is_wanted) {
        let outcome = match run(case, &tool, &state, &version) {
            None => continue,
            Some(Ok(())) => "ok".to_owned(),
            Some(Err(why)) if why.contains("not exist.") => "not there".to_owned(),
            Some(Err(why)) if why.starts_with("not compared") => {
                why.lines().next().unwrap_or_default().to_owned()
            }
            Some(Err(why)) if is_verbose => format!("differs: {why}"),
            Some(Err(why)) => format!("differs: {}", why.lines().next().unwrap_or_default()),
        };
        println!("MATRIX\t{}\t{outcome}", case.name);
    }
}
