//! From the words of a command line to a command's run: help, suggestions, `--json`, `--watch`,
//! `--yes`, exit status.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use base::clock::mono_ns;

use crate::advice;
use crate::call::Call;
use crate::command::{self, Action, Command};
use crate::error::Error;
use crate::named;
use crate::options::Options;
use crate::out::{Out, Rendering};
use crate::printf::printf;
use crate::remote::Remote;
use crate::usage::usage;

const BAD: Style = AnsiColor::Red.on_default().bold();
const SUCCESS: u8 = 0;
const FAILURE: u8 = 1;

/// Under which name the commands run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invocation {
    /// `ferrite admin`: for people on a terminal, JSON on demand, failures have status 1.
    Admin,
    /// `ferrite mqadmin`: Java's text and Java's exit status.
    Mqadmin,
}

/// What stands beside a command's own options.
#[derive(Default)]
struct Extras {
    is_json: bool,
    is_sure: bool,
    watch_seconds: Option<u64>,
}

/// Runs a command line, without the program's name; the exit status.
pub fn run(invocation: Invocation, words: &[String]) -> u8 {
    let (extras, words) = match invocation {
        Invocation::Mqadmin => (Extras::default(), words.to_vec()),
        Invocation::Admin => match split_extras(words) {
            Ok(split) => split,
            Err(why) => return complain("ferrite admin", &why, FAILURE),
        },
    };
    let mut sink = BufWriter::new(io::stdout());
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => show(&mut sink, &list()),
        ["-h" | "--help" | "help"] if invocation == Invocation::Admin => show(&mut sink, &list()),
        ["help", name] => match command::find(name) {
            Some(command) => show(&mut sink, &usage(command)),
            None => unknown(invocation, &mut sink, name),
        },
        [name, rest @ ..] => match command::find(name) {
            None => unknown(invocation, &mut sink, name),
            Some(command) => {
                drop(sink);
                let rest: Vec<String> = rest.iter().map(|w| (*w).to_owned()).collect();
                run_command(invocation, command, &rest, &extras)
            }
        },
    }
}

/// Waits. A signal ends the process as usual.
pub(crate) fn wait_ms(ms: u64) {
    let end = mono_ns().saturating_add(ms.saturating_mul(1_000_000));
    loop {
        let left = end.saturating_sub(mono_ns());
        if left == 0 {
            return;
        }
        std::thread::park_timeout(Duration::from_nanos(left));
    }
}

fn run_command(
    invocation: Invocation,
    command: &'static Command,
    words: &[String],
    extras: &Extras,
) -> u8 {
    let name = match invocation {
        Invocation::Admin => format!("ferrite admin {}", command.name),
        Invocation::Mqadmin => format!("mqadmin {}", command.name),
    };
    let options = match Options::read(command, words) {
        Ok(options) => options,
        Err(e) => {
            // Java's message has no name before it, and its usage is on standard output.
            eprintln!("{e}");
            show(&mut io::stdout(), &usage(command));
            return FAILURE;
        }
    };
    if options.has("h") {
        return show(&mut io::stdout(), &usage(command));
    }
    let run = match command.action {
        Action::Run(run) => run,
        Action::Needs(what) => return complain(&name, &Error::Needs(what), FAILURE),
    };
    let rendering = match (invocation, extras.is_json, io::stdout().is_terminal()) {
        (Invocation::Mqadmin, ..) => Rendering::Plain,
        (_, true, _) => Rendering::Json,
        (_, _, true) if std::env::var_os("NO_COLOR").is_none() => Rendering::Terminal,
        _ => Rendering::Plain,
    };
    if rendering != Rendering::Plain && !extras.is_sure && !is_wanted(command, &options) {
        return complain(&name, &Error::failed("not done"), FAILURE);
    }
    let remote = match Remote::new(options.get("n")) {
        Ok(remote) => remote,
        Err(e) => return complain(&name, &e, FAILURE),
    };
    let mut call = Call {
        command,
        remote,
        options,
        out: Out::new(rendering, Box::new(BufWriter::new(io::stdout()))),
        may_loop: extras.watch_seconds.is_none(),
    };
    // Java prints a stack trace and leaves the status at 0; scripts rely on it.
    let failure = if invocation == Invocation::Mqadmin { SUCCESS } else { FAILURE };
    if let Err(e) = named::resolve(invocation, &mut call) {
        return fail(invocation, &call, &name, &e, failure);
    }
    loop {
        if extras.watch_seconds.is_some() {
            call.out.clear();
        }
        let result = run(&mut call);
        let finished = call.out.finish(extras.watch_seconds.is_some());
        let status = match result.and(finished) {
            Ok(()) => SUCCESS,
            Err(Error::Closed) => return SUCCESS,
            Err(e @ Error::Usage(_)) => return complain(&name, &e, FAILURE),
            Err(e) => fail(invocation, &call, &name, &e, failure),
        };
        match extras.watch_seconds {
            None => return status,
            Some(seconds) => wait_ms(seconds * 1_000),
        }
    }
}

/// Takes Ferrite's own options out of a command line.
fn split_extras(words: &[String]) -> Result<(Extras, Vec<String>), Error> {
    let mut extras = Extras::default();
    let mut others = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--json" => extras.is_json = true,
            "--yes" => extras.is_sure = true,
            "--watch" => {
                let seconds = words.next().map(String::as_str).unwrap_or_default();
                let parsed = seconds.parse().ok().filter(|s| (1..=86_400).contains(s));
                let wrong =
                    || Error::Usage(format!("--watch \"{seconds}\": give seconds, 1 to 86400"));
                extras.watch_seconds = Some(parsed.ok_or_else(wrong)?);
            }
            _ => others.push(word.clone()),
        }
    }
    Ok((extras, others))
}

/// Asks before something is destroyed, where somebody can answer.
fn is_wanted(command: &Command, options: &Options) -> bool {
    let Some(asks) = command.asks else { return true };
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return true;
    }
    eprint!("{BAD}{}{BAD:#} {asks} ({options}). Go on? [y/N] ", command.name);
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).is_ok()
        && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

fn list() -> String {
    let mut text = String::from("The most commonly used mqadmin commands are:\n");
    for command in command::in_order() {
        text += &printf("   %-35s %s%n", [command.name, command.summary]);
    }
    text + "\nSee 'mqadmin help <command>' for more information on a specific command.\n"
}

fn unknown(invocation: Invocation, sink: &mut dyn Write, name: &str) -> u8 {
    let status = show(sink, &format!("The sub command {name} not exist.\n"));
    let names = command::in_order().map(|command| command.name);
    if invocation == Invocation::Mqadmin && !io::stderr().is_terminal() {
        // Scripts that read both outputs see what Java prints.
        return status;
    }
    if name.eq_ignore_ascii_case("help") {
        eprintln!("without any command, all commands are listed");
    } else if let Some(near) = base::near::nearest(name, names) {
        eprintln!("did you mean {near}?");
    }
    match invocation {
        Invocation::Mqadmin => status,
        Invocation::Admin => FAILURE,
    }
}

fn show(sink: &mut dyn Write, text: &str) -> u8 {
    match sink.write_all(text.as_bytes()).and_then(|()| sink.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("cannot print: {e}");
            FAILURE
        }
        _ => SUCCESS,
    }
}

/// Says what went wrong and, where a person reads it, what to do.
fn fail(invocation: Invocation, call: &Call, name: &str, error: &Error, status: u8) -> u8 {
    complain(name, error, status);
    let is_read = invocation == Invocation::Admin || io::stderr().is_terminal();
    if let Some(advice) = is_read.then(|| advice::after(call, error)).flatten() {
        eprintln!("  {}", crate::out::harmless(&advice));
    }
    status
}

fn complain(name: &str, error: &Error, status: u8) -> u8 {
    let text = crate::out::harmless(&error.to_string());
    match io::stderr().is_terminal() {
        true => eprintln!("{BAD}{name}:{BAD:#} {}", text.trim_end()),
        false => eprintln!("{name}: {}", text.trim_end()),
    }
    status
}
