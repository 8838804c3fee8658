//! `ferrite man`: manual pages of every command, made from the command line's own descriptions.

use std::path::PathBuf;

use anyhow::Context;
use base::disk::{Disk, RealDisk};
use clap::{Args, Command};

/// Options of `ferrite man`.
#[derive(Args)]
#[command(after_help = "Example:\n  ferrite man /usr/local/share/man/man1")]
pub struct ManArgs {
    /// Where the pages go: ferrite.1, ferrite-broker.1, ferrite-admin-topicList.1 and so on
    dir: PathBuf,
}

/// Writes the pages of `cli`.
///
/// # Errors
/// The folder cannot be written to.
pub fn run(cli: Command, args: &ManArgs) -> anyhow::Result<()> {
    let dir = args.dir.display();
    RealDisk.create_dir_all(&args.dir).with_context(|| dir.to_string())?;
    clap_mangen::generate_to(cli, &args.dir).with_context(|| dir.to_string())
}
