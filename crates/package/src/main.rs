//! `cargo run -p package`: builds the binary and makes `target/ferritemq-VERSION/` and its
//! `.tar.gz`. The last two lines say where.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use clap::Parser;

/// Makes the package: bin/, benchmark/, conf/, lib/ and an archive of them.
#[derive(Parser)]
struct Args {
    /// Take this binary instead of building one
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Cargo profile to build with
    #[arg(long, default_value = "release")]
    profile: String,
    /// Platform to build for, such as x86_64-unknown-linux-musl
    #[arg(long, value_name = "TRIPLE")]
    target: Option<String>,
    /// Where the folder and the archive go (default: cargo's target folder)
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let repository = package::repository();
    let metadata = cargo_metadata::MetadataCommand::new()
        .manifest_path(repository.join("Cargo.toml"))
        .no_deps()
        .exec()
        .context("cargo does not say where its target folder is")?;
    let target_dir = metadata.target_directory.into_std_path_buf();
    let binary = match &args.binary {
        Some(binary) => binary.clone(),
        None => build(&repository, &target_dir, &args)?,
    };
    let out = args.out.unwrap_or(target_dir);
    let folder = package::assemble(&repository, &binary, &out).context("not assembled")?;
    let archive = package::archive(&folder).context("not packed")?;
    anstream::println!("{}\n{}", folder.display(), archive.display());
    Ok(())
}

/// Builds the binary and says where it is.
fn build(repository: &Path, target_dir: &Path, args: &Args) -> anyhow::Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(repository).args(["build", "--bin", "ferrite", "--profile", &args.profile]);
    let mut folder = target_dir.to_owned();
    if let Some(target) = &args.target {
        command.args(["--target", target]);
        folder.push(target);
    }
    if !command.status().context("cargo cannot be started")?.success() {
        bail!("the binary was not built; what cargo says stands above");
    }
    // The one profile whose folder has another name.
    folder.push(if args.profile == "dev" { "debug" } else { &args.profile });
    let windows = args.target.as_ref().map_or(cfg!(windows), |triple| triple.contains("windows"));
    Ok(folder.join(if windows { "ferrite.exe" } else { "ferrite" }))
}
