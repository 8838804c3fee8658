//! `ferrite namesrv`: drop-in for `mqnamesrv`.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use nameserver::config::{JAVA_KEYS, NameServerConfig};
use tracing::level_filters::LevelFilter;

use super::stop;
use crate::{config_file, logging};

/// Options of `ferrite namesrv`; the same letters as `mqnamesrv`.
#[derive(Args)]
pub struct NamesrvArgs {
    /// A Java namesrv.conf or .properties file
    #[arg(short = 'c', long, value_name = "FILE")]
    config_file: Option<PathBuf>,
    /// Print every configuration key and exit
    #[arg(short = 'p', long)]
    print_config_item: bool,
    /// Accepted for mqnamesrv's sake; a name server needs no other name server
    #[arg(short = 'n', long, value_name = "ADDRS", hide = true)]
    namesrv_addr: Option<String>,
    /// Settings over those of the file
    #[arg(value_name = "KEY=VALUE")]
    settings: Vec<String>,
}

/// Runs until SIGTERM or ^C.
///
/// # Errors
/// The configuration is refused, or the port is taken.
pub fn run(args: NamesrvArgs) -> anyhow::Result<()> {
    logging::start(LevelFilter::INFO);
    let mut config = NameServerConfig::default();
    let file = args.config_file.as_deref();
    let notes = config_file::load(&mut config, file, &args.settings)?;
    if let Some(path) = file {
        // Changes made at run time are kept in the file the server was started with.
        config.config_store_path = path.display().to_string();
    }
    if args.print_config_item {
        config_file::print(&config.entries(), JAVA_KEYS, None);
        return Ok(());
    }
    for note in notes {
        tracing::warn!("{}", note.0);
    }
    if let Some(list) = args.namesrv_addr {
        tracing::warn!("-n {list} has no effect on a name server");
    }
    let running = nameserver::start(config).context("the name server did not start")?;
    let address = running.addresses()[0];
    anstream::println!("The Name Server boot success. serializeType=JSON, address {address}");
    stop::wait()?;
    running.stop();
    Ok(())
}
