//! `ferrite`: every role of FerriteMQ in one binary. This file is the command line; each command
//! lives in its own file under `command/`.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

mod bench;
mod command;
mod config_file;
mod logging;

/// Messages between services: a RocketMQ-compatible name server and broker without the JVM.
#[derive(Parser)]
#[command(name = "ferrite", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "New here? Run `ferrite quickstart` to see messages sent and consumed, \
    then `ferrite dev` and point any RocketMQ client at 127.0.0.1:9876.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Name server and broker in one process, for development
    Dev(command::dev::DevArgs),
    /// The name server: tells clients where brokers are
    // The class name is how scripts of Java's start it, and what process lists are searched for.
    #[command(alias = "org.apache.rocketmq.namesrv.NamesrvStartup")]
    Namesrv(command::namesrv::NamesrvArgs),
    /// The broker: keeps messages
    #[command(alias = "org.apache.rocketmq.broker.BrokerStartup")]
    Broker(command::broker::BrokerArgs),
    /// Sends and consumes messages of several kinds through real sockets and shows what happened
    Quickstart(command::quickstart::QuickstartArgs),
    /// The examples of RocketMQ's tutorials: producer, consumer, pull-consumer
    Example(command::example::ExampleArgs),
    /// Explains configuration keys, checks files, compares files
    Config(command::config::ConfigArgs),
    /// Measures any RocketMQ broker: load, latency, broker CPU per message
    Bench(Box<bench::BenchArgs>),
    /// Looks into a store's directory, Java's or ours: summary, check, messages; read-only
    Store(command::store::StoreArgs),
    /// A live view of a cluster: brokers, rates, lag by group, worst queues
    Top(command::top::TopArgs),
    /// Kills a broker again and again and looks for every acknowledged message
    Torture(command::torture::TortureArgs),
    /// Every command of mqadmin, with tables, --json and --watch; `ferrite admin` lists them
    #[command(disable_help_flag = true)]
    Admin(command::admin::AdminArgs),
    /// mqadmin as scripts know it
    #[command(hide = true, disable_help_flag = true, disable_version_flag = true)]
    Mqadmin(command::admin::AdminArgs),
    /// Writes the manual pages of all commands into a folder
    Man(command::man::ManArgs),
    /// Prints a completion script for your shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Dev(args) => command::dev::run(args),
        Command::Namesrv(args) => command::namesrv::run(args),
        Command::Broker(args) => command::broker::run(args),
        Command::Quickstart(args) => command::quickstart::run(args),
        Command::Example(args) => command::example::run(args),
        Command::Config(args) => command::config::run(args),
        Command::Bench(args) => bench::run(*args),
        Command::Store(args) => command::store::run(args),
        Command::Top(args) => command::top::run(args),
        Command::Torture(args) => command::torture::run(args),
        Command::Admin(args) => return command::admin::run(admin::Invocation::Admin, &args),
        Command::Mqadmin(args) => return command::admin::run(admin::Invocation::Mqadmin, &args),
        Command::Man(args) => command::man::run(command::admin::spelled_out(Cli::command()), &args),
        Command::Completions { shell } => {
            let mut cli = command::admin::spelled_out(Cli::command());
            clap_complete::generate(shell, &mut cli, "ferrite", &mut std::io::stdout());
            Ok(())
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            anstream::eprintln!("ferrite: {e:#}");
            ExitCode::FAILURE
        }
    }
}
