//! Server processes, of this very binary.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail};

/// Log files small enough that every few cycles one is full; delays and checks short enough that
/// they happen within a few lives.
const SETTINGS: [&str; 5] = [
    "mappedFileSizeCommitLog=4194304",
    "messageDelayLevel=1s 2s 3s",
    "transactionTimeOut=300",
    "transactionCheckInterval=200",
    "transactionCheckMax=1000000",
];

/// A process; killed when dropped.
struct Process(Child);

impl Process {
    fn start(command: &mut Command) -> anyhow::Result<Process> {
        let command = command.env("FERRITE_LOG", "error").env_remove("NAMESRV_ADDR");
        let child = command.stdout(Stdio::piped()).spawn().context("a server cannot be started")?;
        Ok(Process(child))
    }

    /// Waits for the line that says it serves.
    fn boot_line(&mut self) -> anyhow::Result<String> {
        let output = self.0.stdout.take().context("its output is a pipe")?;
        for line in BufReader::new(output).lines() {
            let line = line?;
            if line.contains("boot success") {
                return Ok(line);
            }
        }
        bail!("a server did not start: {}", self.0.wait()?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn own_program() -> anyhow::Result<Command> {
    Ok(Command::new(std::env::current_exe().context("where is this program?")?))
}

/// A broker; killed when dropped.
pub struct Broker {
    process: Process,
    address: String,
}

impl Broker {
    /// Starts one in `folder` on a free port.
    pub fn launch(folder: &Path, flush: &str) -> anyhow::Result<Broker> {
        let flush = format!("flushDiskType={flush}");
        Broker::launch_with(folder, &["listenPort=0", &flush])
    }

    /// Starts one in `folder` with more settings.
    pub fn launch_with(folder: &Path, settings: &[&str]) -> anyhow::Result<Broker> {
        let root = format!("storePathRootDir={}", folder.join("store").display());
        let mut command = own_program()?;
        command.args(["broker", "brokerIP1=127.0.0.1", "brokerName=torture", &root]);
        command.args(SETTINGS).args(settings);
        Ok(Broker { process: Process::start(&mut command)?, address: String::new() })
    }

    /// Waits for the line that says it serves.
    pub fn wait_until_up(mut self) -> anyhow::Result<Broker> {
        let line = self.process.boot_line()?;
        let address = line.split_once(", ").and_then(|(_, rest)| rest.split_once(']'));
        let (address, _) = address.with_context(|| format!("no address in '{line}'"))?;
        self.address = address.to_owned();
        Ok(self)
    }

    /// Where it listens.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// `kill -9`.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.process.0.kill().context("the broker cannot be killed")?;
        self.process.0.wait()?;
        Ok(())
    }
}

/// A name server; killed when dropped.
pub struct NameServer {
    _process: Process,
}

impl NameServer {
    /// Starts one on a free port; it and its address.
    pub fn start(folder: &Path) -> anyhow::Result<(NameServer, String)> {
        let values = format!("kvConfigPath={}", folder.join("kv.json").display());
        let own = format!("configStorePath={}", folder.join("namesrv.properties").display());
        let mut process =
            Process::start(own_program()?.args(["namesrv", "listenPort=0", &values, &own]))?;
        let line = process.boot_line()?;
        let port = line.rsplit(':').next().context("a port")?;
        Ok((NameServer { _process: process }, format!("127.0.0.1:{port}")))
    }
}
