//! `ferrite broker`: drop-in for `mqbroker`.

use std::path::PathBuf;

use anyhow::Context;
use broker::Given;
use broker::config::{BrokerConfig, JAVA_KEYS};
use clap::Args;

use super::{stop, stored};
use crate::logging::Role;
use crate::{config_file, logging};

/// What `mqbroker -h` prints.
const USAGE: &str = "\
usage: mqbroker [-c <arg>] [-h] [-m] [-n <arg>] [-p]
 -c,--configFile <arg>       Broker config properties file
 -h,--help                   Print help
 -m,--printImportantConfig   Print important config item
 -n,--namesrvAddr <arg>      Name server address list, eg: '192.168.0.1:9876;192.168.0.2:9876'
 -p,--printConfigItem        Print all config item";

/// Options of `ferrite broker`; the same letters as `mqbroker`.
#[derive(Args)]
#[command(disable_help_flag = true)]
#[command(after_help = "Examples:\n  ferrite broker -n 127.0.0.1:9876\n  \
    ferrite broker -c conf/broker.conf\n  \
    ferrite broker -n 'a:9876;b:9876' flushDiskType=SYNC_FLUSH")]
pub struct BrokerArgs {
    /// Name servers, host:port, separated by ';' (else namesrvAddr, else $NAMESRV_ADDR)
    #[arg(short = 'n', long, value_name = "ADDRS", alias = "namesrvAddr")]
    namesrv_addr: Option<String>,
    /// A Java broker.conf or .properties file
    #[arg(short = 'c', long, value_name = "FILE", alias = "configFile")]
    config_file: Option<PathBuf>,
    /// Print every configuration key and exit
    #[arg(short = 'p', long, alias = "printConfigItem")]
    print_config_item: bool,
    /// Print the keys that are usually set and exit
    #[arg(short = 'm', long, alias = "printImportantConfig")]
    print_important_config: bool,
    /// Print what mqbroker -h prints and exit
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
/// The configuration or the store is refused, or a port is taken.
pub fn run(args: BrokerArgs) -> anyhow::Result<()> {
    if args.usage {
        anstream::println!("{USAGE}");
        return Ok(());
    }
    let mut config = BrokerConfig::default();
    let file = args.config_file.as_deref();
    let mut notes = config_file::load(&mut config, file, &args.settings)?;
    let without_effect = config_file::without_effect(&config, file, &args.settings)?;
    if let Some(file) = &args.config_file {
        let keys = config_file::read(file)?.into_iter().map(|property| property.key).collect();
        notes.extend(stored::keep_sizes(&mut config, &keys));
    }
    if let Some(list) = args.namesrv_addr {
        config.namesrv_addr = list;
    } else if config.namesrv_addr.is_empty() {
        // A10: the environment names the name servers when nothing else does.
        config.namesrv_addr = std::env::var("NAMESRV_ADDR").unwrap_or_default();
    }
    if args.print_config_item || args.print_important_config {
        config_file::print(&config.entries(), JAVA_KEYS, args.print_important_config);
        return Ok(());
    }
    let isolated = match config.isolate_logs {
        true => format!("{}_{}", config.broker_name, config.broker_id),
        false => String::new(),
    };
    let _logging = logging::start_server(Role::Broker, &isolated);
    let defaults = BrokerConfig::default().entries();
    for (key, value) in config.entries() {
        if !defaults.contains(&(key, value.clone())) {
            tracing::info!("{key}={value}");
        }
    }
    for note in notes {
        tracing::warn!("{}", note.0);
    }
    let name_servers = config.namesrv_addr.clone();
    let given = Given { file: args.config_file, without_effect };
    let running = broker::start_given(config, given).context("the broker did not start")?;
    let mut line = format!(
        "The broker[{}, {}] boot success. serializeType=JSON",
        running.name(),
        running.address()
    );
    if !name_servers.is_empty() {
        line.push_str(&format!(" and name server is {name_servers}"));
    }
    tracing::info!("{line}");
    let ending = stop::Ending::listen()?;
    stop::say(&line);
    ending.wait();
    running.stop().context("the broker did not stop cleanly")?;
    tracing::info!("the broker has stopped");
    Ok(())
}
