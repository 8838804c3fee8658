//! The scripts of a built package, run by `sh` as tutorials run them: temporary homes, ports of
//! the system's choosing. Every installation has a binary of its own path, so that `mqshutdown`
//! of one test cannot reach another's servers.

mod examples;
mod images;
mod options;
mod places;
mod tools;
mod tutorials;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use crate::until::until;

/// Words for a broker that shall be small and take any port.
pub const SMALL: [&str; 3] =
    ["listenPort=0", "brokerIP1=127.0.0.1", "mappedFileSizeCommitLog=4194304"];

/// An unpacked package and a home folder.
pub struct Installation {
    /// Where it lies.
    pub folder: PathBuf,
    /// The home folder of who uses it.
    pub home: PathBuf,
}

impl Installation {
    /// Makes one, afresh; `name` is part of its path.
    pub fn new(name: &str) -> Installation {
        let top = Path::new(env!("CARGO_TARGET_TMPDIR")).join("package").join(name);
        let _ = fs::remove_dir_all(&top);
        let home = top.join("home");
        fs::create_dir_all(&home).expect("a home folder");
        let license = package::repository().join("LICENSE");
        let folder = package::assemble(&package::repository(), &license, &top).expect("assembled");
        let binary = folder.join("bin/ferrite");
        fs::remove_file(&binary).expect("the place holder");
        fs::hard_link(env!("CARGO_BIN_EXE_ferrite"), &binary).expect("linked");
        Installation { folder, home }
    }

    /// `sh` with `arguments`, in the package's folder and with nothing in the environment but
    /// the home folder and the usual path.
    pub fn sh(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("sh");
        command.args(arguments).current_dir(&self.folder).env_clear();
        command.env("HOME", &self.home).env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
        command
    }

    /// Runs a script to its end.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        ended(self.sh(arguments))
    }

    /// Starts a server and waits for its boot line.
    pub fn start(&self, arguments: &[&str]) -> Started {
        started(self.sh(arguments), &self.home)
    }

    /// Starts a name server by its script.
    pub fn name_server(&self) -> Started {
        self.start(&["bin/mqnamesrv", "listenPort=0"])
    }

    /// Starts a broker by its script.
    pub fn broker(&self, name_server: &str) -> Started {
        self.start(&[&["bin/mqbroker", "-n", name_server], &SMALL[..]].concat())
    }

    /// A log file's text.
    pub fn log(&self, name: &str) -> String {
        let path = self.home.join("logs/rocketmqlogs").join(name);
        fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }
}

/// What a script said.
pub struct Ended {
    /// Its exit code.
    pub code: i32,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

/// Runs a command to its end.
pub fn ended(mut command: Command) -> Ended {
    let Output { status, stdout, stderr } = command.output().expect("sh runs");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ended { code: status.code().unwrap_or(-1), out: text(stdout), err: text(stderr) }
}

/// A server under way; killed when dropped.
pub struct Started {
    /// The process: scripts become the server, so this is it.
    pub child: Child,
    /// Its boot line.
    pub boot_line: String,
}

/// Starts a server and waits for its boot line, which comes within half a minute.
pub fn started(mut command: Command, home: &Path) -> Started {
    static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let path = home.join(format!("server-{number}.out"));
    let file = fs::File::create(&path).expect("a file for the output");
    command.stdout(file.try_clone().expect("a second handle")).stderr(file);
    let mut child = command.spawn().expect("sh runs");
    let mut boot_line = None;
    until("the server boots", || {
        let text = fs::read_to_string(&path).expect("its output");
        boot_line = text.lines().find(|line| line.contains("boot success")).map(str::to_owned);
        let is_over = child.try_wait().expect("a child").is_some();
        assert!(boot_line.is_some() || !is_over, "it ended: {text}");
        boot_line.is_some()
    });
    Started { child, boot_line: boot_line.expect("waited for it") }
}

impl Started {
    /// Where a name server listens, as clients on this machine write it.
    pub fn address(&self) -> String {
        let (_, port) = self.boot_line.rsplit_once(':').expect("an address at the end");
        format!("127.0.0.1:{port}")
    }

    /// Waits until the server has ended by itself.
    pub fn wait(&mut self) -> i32 {
        let mut status = None;
        until("the server ends", || {
            status = self.child.try_wait().expect("a child");
            status.is_some()
        });
        status.and_then(|status| status.code()).unwrap_or(-1)
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
