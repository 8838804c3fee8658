//! `ferrite namesrv`: drop-in for `mqnamesrv`.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use nameserver::config::{JAVA_KEYS, NameServerConfig};

use super::stop;
use crate::logging::Role;
use crate::{config_file, logging};

/// What `mqnamesrv -h` prints.
const USAGE: &str = "\
usage: mqnamesrv [-c <arg>] [-h] [-n <arg>] [-p]
 -c,--configFile <arg>    Name server config properties file
 -h,--help                Print help
 -n,--namesrvAddr <arg>   Name server address list, eg: '192.168.0.1:9876;192.168.0.2:9876'
 -p,--printConfigItem     Print all config items";

/// Options of `ferrite namesrv`; the same letters as `mqnamesrv`.
#[derive(Args)]
#[command(disable_help_flag = true)]
pub struct NamesrvArgs {
    /// A Java namesrv.conf or .properties file
    #[arg(short = 'c', long, value_name = "FILE", alias = "configFile")]
    config_file: Option<PathBuf>,
    /// Print every configuration key and exit
    #[arg(short = 'p', long, alias = "printConfigItem")]
    print_config_item: bool,
    /// Accepted for mqnamesrv's sake; a name server needs no other name server
    #[arg(short = 'n', long, value_name = "ADDRS", hide = true, alias = "namesrvAddr")]
    namesrv_addr: Option<String>,
    /// Print what mqnamesrv -h prints and exit
    #[arg(short = 'h')]
    usage: bool,
    /// Print this and exit
    #[arg(long, action = clap::ArgAction::Help)]
    help: Option<bool>,
    /// Settings over those of the file
    #[arg(value_name = "KEY=VALUE")]
    settings: Vec<String>,
}

/// Runs until SIGTERM or ^C.
///
/// # Errors
/// The configuration is refused, or the port is taken.
pub fn run(args: NamesrvArgs) -> anyhow::Result<()> {
    if args.usage {
        anstream::println!("{USAGE}");
        return Ok(());
    }
    let mut config = NameServerConfig::default();
    let file = args.config_file.as_deref();
    let notes = config_file::load(&mut config, file, &args.settings)?;
    if let Some(path) = file {
        // Changes made at run time are kept in the file the server was started with.
        config.config_store_path = path.display().to_string();
        anstream::println!("load config properties file OK, {}", path.display());
    }
    if args.print_config_item {
        config_file::print(&config.entries(), JAVA_KEYS, false);
        return Ok(());
    }
    let _logging = logging::start_server(Role::NameServer, "");
    for note in notes {
        tracing::warn!("{}", note.0);
    }
    if let Some(list) = args.namesrv_addr {
        tracing::warn!("-n {list} has no effect on a name server");
    }
    let running = nameserver::start(config).context("the name server did not start")?;
    let address = running.addresses()[0];
    let line = format!("The Name Server boot success. serializeType=JSON, address {address}");
    tracing::info!("{line}");
    let ending = stop::Ending::listen()?;
    stop::say(&line);
    ending.wait();
    running.stop();
    tracing::info!("the name server has stopped");
    Ok(())
}
