//! The built binary as a server: started on ports of the system's choosing, killed, restarted.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A server process; killed when dropped.
pub struct Server {
    pub child: Child,
    /// The line that says it is up.
    pub boot_line: String,
}

impl Server {
    /// Starts `ferrite` with `args` and waits for its boot line.
    pub fn start(args: &[&str]) -> Server {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ferrite"))
            .args(args)
            .env("FERRITE_LOG", "error")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let boot_line = lines.next().expect("a line before the end").expect("UTF-8");
        assert!(boot_line.contains("boot success"), "{boot_line}");
        Server { child, boot_line }
    }

    /// Starts a name server; returns it with its address.
    pub fn name_server(folder: &Path) -> (Server, String) {
        let kv = format!("kvConfigPath={}", folder.join("kv.json").display());
        let conf = format!("configStorePath={}", folder.join("namesrv.properties").display());
        let server = Server::start(&["namesrv", "listenPort=0", &kv, &conf]);
        let (_, port) = server.boot_line.rsplit_once(':').expect("an address");
        let address = format!("127.0.0.1:{port}");
        (server, address)
    }

    /// Starts a broker; returns it with its address.
    pub fn broker(folder: &Path, name_server: &str, settings: &[&str]) -> (Server, String) {
        let root = format!("storePathRootDir={}", folder.join("store").display());
        let mut args = vec!["broker", "-n", name_server, "listenPort=0", "brokerIP1=127.0.0.1"];
        args.extend(["brokerName=broker-a", &root]);
        args.extend(settings);
        let server = Server::start(&args);
        let address = server.broker_address();
        (server, address)
    }

    /// The address in a broker's boot line.
    pub fn broker_address(&self) -> String {
        let (_, rest) = self.boot_line.split_once(", ").expect("name and address");
        let (address, _) = rest.split_once(']').expect("an address");
        address.to_owned()
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
