//! `ferrite admin` and `ferrite mqadmin`: the operators' commands. All about them is in the crate
//! `admin`; this hands over the words of the command line, and tells shells which words there are.

use std::process::ExitCode;

use clap::{Arg, ArgAction, Args, Command};

/// The words behind `ferrite admin`.
#[derive(Args)]
pub struct AdminArgs {
    /// The command and its options; `help COMMAND` explains one
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    words: Vec<String>,
}

/// Runs a command.
pub fn run(invocation: admin::Invocation, args: &AdminArgs) -> ExitCode {
    ExitCode::from(admin::run(invocation, &args.words))
}

/// The command line with every command of `admin` and its options, for completion scripts.
pub fn spelled_out(cli: Command) -> Command {
    cli.mut_subcommand("admin", |_| {
        let own = [
            Arg::new("json").long("json").action(ArgAction::SetTrue).help("One JSON object"),
            Arg::new("watch").long("watch").value_name("SECONDS").help("Again and again"),
            Arg::new("yes").long("yes").action(ArgAction::SetTrue).help("Ask nothing"),
        ];
        let all = Command::new("admin").about("Every command of mqadmin");
        all.subcommands(admin::command::in_order().map(|row| {
            let options = row.all_options().into_iter().map(option);
            let about = row.summary.trim();
            Command::new(row.name).about(about).disable_help_flag(true).args(options).args(&own)
        }))
    })
}

fn option(row: admin::command::OptionRow) -> Arg {
    let mut letters = row.short.chars();
    let mut arg = Arg::new(row.key()).help(row.description.trim());
    // Java has names with spaces, which no shell can complete.
    if !row.long.trim().contains(' ') {
        arg = arg.long(row.long.trim());
    }
    if let (Some(letter), None) = (letters.next(), letters.next()) {
        arg = arg.short(letter);
    }
    arg.action(if row.takes_value { ArgAction::Set } else { ArgAction::SetTrue })
}
