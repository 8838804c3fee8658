//! `ferrite broker`: drop-in for `mqbroker`.

use std::path::PathBuf;

use anyhow::Context;
use broker::config::{BrokerConfig, JAVA_KEYS};
use clap::Args;
use tracing::level_filters::LevelFilter;

use super::stop;
use crate::{config_file, logging};

/// Keys that `-m` prints: what operators usually set.
const IMPORTANT: &[&str] = &[
    "namesrvAddr",
    "listenPort",
    "brokerIP1",
    "autoCreateTopicEnable",
    "autoCreateSubscriptionGroup",
    "msgTraceTopicName",
    "traceTopicEnable",
    "rejectTransactionMessage",
    "storePathRootDir",
    "storePathCommitLog",
    "flushIntervalCommitLog",
    "deleteWhen",
    "fileReservedTime",
    "maxTransferBytesOnMessageInMemory",
    "maxTransferCountOnMessageInMemory",
    "maxTransferBytesOnMessageInDisk",
    "maxTransferCountOnMessageInDisk",
    "messageIndexEnable",
    "brokerRole",
    "flushDiskType",
];

/// Options of `ferrite broker`; the same letters as `mqbroker`.
#[derive(Args)]
#[command(after_help = "Examples:\n  ferrite broker -n 127.0.0.1:9876\n  \
    ferrite broker -c conf/broker.conf\n  \
    ferrite broker -n 'a:9876;b:9876' flushDiskType=SYNC_FLUSH")]
pub struct BrokerArgs {
    /// Name servers, host:port, separated by ';' (else namesrvAddr, else $NAMESRV_ADDR)
    #[arg(short = 'n', long, value_name = "ADDRS")]
    namesrv_addr: Option<String>,
    /// A Java broker.conf or .properties file
    #[arg(short = 'c', long, value_name = "FILE")]
    config_file: Option<PathBuf>,
    /// Print every configuration key and exit
    #[arg(short = 'p', long)]
    print_config_item: bool,
    /// Print the keys that are usually set and exit
    #[arg(short = 'm', long)]
    print_important_config: bool,
    /// Settings over those of the file
    #[arg(value_name = "KEY=VALUE")]
    settings: Vec<String>,
}

/// Runs until SIGTERM or ^C.
///
/// # Errors
/// The configuration or the store is refused, or a port is taken.
pub fn run(args: BrokerArgs) -> anyhow::Result<()> {
    logging::start(LevelFilter::INFO);
    let mut config = BrokerConfig::default();
    let notes = config_file::load(&mut config, args.config_file.as_deref(), &args.settings)?;
    if let Some(list) = args.namesrv_addr {
        config.namesrv_addr = list;
    } else if config.namesrv_addr.is_empty() {
        // A10: the environment names the name servers when nothing else does.
        config.namesrv_addr = std::env::var("NAMESRV_ADDR").unwrap_or_default();
    }
    if args.print_config_item || args.print_important_config {
        let important = args.print_important_config.then_some(IMPORTANT);
        config_file::print(&config.entries(), JAVA_KEYS, important);
        return Ok(());
    }
    for note in notes {
        tracing::warn!("{}", note.0);
    }
    let name_servers = config.namesrv_addr.clone();
    let running =
        broker::start_with_file(config, args.config_file).context("the broker did not start")?;
    let mut line = format!(
        "The broker[{}, {}] boot success. serializeType=JSON",
        running.name(),
        running.address()
    );
    if !name_servers.is_empty() {
        line.push_str(&format!(" and name server is {name_servers}"));
    }
    anstream::println!("{line}");
    stop::wait()?;
    running.stop().context("the broker did not stop cleanly")
}
