//! One broker process, of this very binary.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::Context;

/// Log files small enough that every few cycles one is full.
const COMMIT_LOG_FILE: &str = "mappedFileSizeCommitLog=4194304";

/// A broker; killed when dropped.
pub struct Broker {
    child: Child,
    address: String,
}

impl Broker {
    /// Starts one in `folder` on a free port.
    pub fn launch(folder: &Path, flush: &str) -> anyhow::Result<Broker> {
        let program = std::env::current_exe().context("where is this program?")?;
        let root = format!("storePathRootDir={}", folder.join("store").display());
        let child = Command::new(program)
            .args(["broker", "listenPort=0", "brokerIP1=127.0.0.1", "brokerName=torture"])
            .args([&root, COMMIT_LOG_FILE, &format!("flushDiskType={flush}")])
            .env("FERRITE_LOG", "error")
            .env_remove("NAMESRV_ADDR")
            .stdout(Stdio::piped())
            .spawn()
            .context("the broker cannot be started")?;
        Ok(Broker { child, address: String::new() })
    }

    /// Waits for the line that says it serves.
    pub fn wait_until_up(mut self) -> anyhow::Result<Broker> {
        let output = self.child.stdout.take().context("its output is a pipe")?;
        for line in BufReader::new(output).lines() {
            let line = line?;
            let address = line.split_once(", ").and_then(|(_, rest)| rest.split_once(']'));
            if let Some((address, _)) = address.filter(|_| line.contains("boot success")) {
                self.address = address.to_owned();
                return Ok(self);
            }
        }
        anyhow::bail!("the broker did not start: {}", self.child.wait()?)
    }

    /// Where it listens.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// `kill -9`.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill().context("the broker cannot be killed")?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
