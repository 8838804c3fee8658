//! `ferrite config`: what a key means, whether a file is sound, how two files differ. Reads the
//! same tables as the servers, by way of [`crate::config_file`].

mod check;
mod diff;
mod explain;

use std::path::PathBuf;

use base::properties::Property;
use broker::config::BrokerConfig;
use clap::{Args, Subcommand, ValueEnum};
use nameserver::config::NameServerConfig;

use crate::config_file::{Section, Verdict, judge};

/// Options of `ferrite config`.
#[derive(Args)]
pub struct ConfigArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Says what keys do, their defaults, and when a change takes effect
    Explain {
        /// Keys, in any known spelling
        #[arg(required = true, value_name = "KEY")]
        keys: Vec<String>,
    },
    /// Looks for unknown keys, bad values, dangerous combinations and lines that change nothing
    Check {
        /// A broker's or name server's properties file
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Whose file it is (default: whose keys it has)
        #[arg(long, value_enum)]
        role: Option<Role>,
    },
    /// Shows which settings differ, defaults included
    Diff {
        /// One file
        #[arg(value_name = "A")]
        a: PathBuf,
        /// Another one
        #[arg(value_name = "B")]
        b: PathBuf,
        /// Whose files they are (default: whose keys the first has)
        #[arg(long, value_enum)]
        role: Option<Role>,
    },
}

/// Whose configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Role {
    /// A broker's
    Broker,
    /// A name server's
    Namesrv,
}

impl Role {
    const ALL: [Role; 2] = [Role::Broker, Role::Namesrv];

    fn name(self) -> &'static str {
        match self {
            Role::Broker => "broker",
            Role::Namesrv => "name server",
        }
    }

    /// Its defaults.
    fn section(self) -> Box<dyn Section> {
        match self {
            Role::Broker => Box::new(BrokerConfig::default()),
            Role::Namesrv => Box::new(NameServerConfig::default()),
        }
    }

    /// The role that knows most of the keys; the broker when both know as many.
    fn of(properties: &[Property]) -> Role {
        let unknown = |role: Role| {
            let mut section = role.section();
            let is_unknown =
                |p: &&Property| matches!(judge(&mut *section, p), Ok(Verdict::Unknown(_)));
            properties.iter().filter(is_unknown).count()
        };
        if unknown(Role::Namesrv) < unknown(Role::Broker) { Role::Namesrv } else { Role::Broker }
    }
}

/// Runs one of them.
///
/// # Errors
/// A file cannot be read, a key is unknown, or a file has errors.
pub fn run(args: ConfigArgs) -> anyhow::Result<()> {
    match args.what {
        What::Explain { keys } => explain::run(&keys),
        What::Check { file, role } => check::run(&file, role),
        What::Diff { a, b, role } => diff::run(&a, &b, role),
    }
}
