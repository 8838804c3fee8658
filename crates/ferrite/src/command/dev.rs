//! `ferrite dev`: a name server and a broker in one process.

use std::path::PathBuf;

use anyhow::Context;
use broker::config::BrokerConfig;
use clap::Args;
use nameserver::config::NameServerConfig;
use tracing::level_filters::LevelFilter;

use super::stop;
use crate::logging;

/// Options of `ferrite dev`.
#[derive(Args)]
pub struct DevArgs {
    /// Where messages are kept between runs (default: a folder that is removed at the end)
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Port of the name server; 0 takes a free one
    #[arg(long, default_value_t = 9876)]
    namesrv_port: u16,
    /// Port of the broker; 0 takes a free one
    #[arg(long, default_value_t = 10911)]
    broker_port: u16,
}

/// Runs until SIGTERM or ^C.
///
/// # Errors
/// A port is taken, or the folder cannot be used.
pub fn run(args: DevArgs) -> anyhow::Result<()> {
    logging::start(LevelFilter::INFO);
    let (folder, temporary) = match args.data {
        Some(folder) => (folder, None),
        None => {
            let temporary = tempfile::Builder::new().prefix("ferrite-dev").tempdir()?;
            (temporary.path().to_owned(), Some(temporary))
        }
    };
    let servers = Servers::start(&folder, args.namesrv_port, args.broker_port)?;
    let name_server = servers.name_server();
    let ending = stop::Ending::listen()?;
    anstream::println!("Name server  {name_server}");
    anstream::println!("Broker       {}", servers.broker.address());
    match &temporary {
        None => anstream::println!("Messages     kept in {}", folder.display()),
        Some(_) => anstream::println!("Messages     forgotten at the end (keep them: --data DIR)"),
    }
    anstream::println!(
        "\nTry next:\n  \
         point a client at it      producer.setNamesrvAddr(\"{name_server}\")\n  \
         put load on it            ferrite bench --namesrv {name_server}\n\n\
         ^C ends it."
    );
    ending.wait();
    servers.stop()
}

/// A name server and a broker that know each other, in this process.
pub struct Servers {
    name_server: nameserver::RunningNameServer,
    /// The broker.
    pub broker: broker::RunningBroker,
}

impl Servers {
    /// Starts both on the loopback address with their files under `folder`.
    ///
    /// # Errors
    /// A port is taken, or the folder cannot be used.
    pub fn start(
        folder: &std::path::Path,
        namesrv_port: u16,
        broker_port: u16,
    ) -> anyhow::Result<Servers> {
        let kv_config = folder.join("namesrv").join("kvConfig.json");
        let name_server = nameserver::start(NameServerConfig {
            listen_port: namesrv_port,
            kv_config_path: kv_config.display().to_string(),
            config_store_path: folder.join("namesrv.properties").display().to_string(),
            ..NameServerConfig::default()
        })
        .context("the name server did not start")?;
        let namesrv_addr = format!("127.0.0.1:{}", name_server.addresses()[0].port());
        let broker = broker::start(BrokerConfig {
            broker_name: "dev".to_owned(),
            broker_ip: "127.0.0.1".to_owned(),
            listen_port: broker_port,
            namesrv_addr,
            store_root: folder.join("store").display().to_string(),
            ..BrokerConfig::default()
        })
        .context("the broker did not start")?;
        Ok(Servers { name_server, broker })
    }

    /// The name server's address as clients on this machine write it.
    pub fn name_server(&self) -> String {
        format!("127.0.0.1:{}", self.name_server.addresses()[0].port())
    }

    /// Stops both, the broker first.
    ///
    /// # Errors
    /// Something could not be saved.
    pub fn stop(self) -> anyhow::Result<()> {
        self.broker.stop().context("the broker did not stop cleanly")?;
        self.name_server.stop();
        Ok(())
    }
}
