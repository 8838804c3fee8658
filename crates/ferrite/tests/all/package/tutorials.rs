//! Runs the tutorials of `docs/tutorials`: every ```sh block, in order, in one shell, against a
//! package that is unpacked as they say. Only ports differ.
//!
//! Where a tutorial has a Java RocketMQ, a stand-in is used that answers to the same scripts. With
//! `ROCKETMQ_JARS` (a folder with the jars of a Java release) it runs the genuine servers.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;

use super::{Installation, Started, ended, started};
use crate::until::until;

/// Ports that tutorials name, and those used instead.
struct Ports(Vec<(&'static str, String)>);

impl Ports {
    /// Free ones: brokers listen two below theirs as well.
    fn free() -> Ports {
        let mut taken = Vec::new();
        let mut found = Vec::new();
        for named in ["9876", "10911", "11911"] {
            let port = loop {
                let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
                let port = listener.local_addr().expect("bound").port();
                taken.push(listener);
                let fast = TcpListener::bind(("127.0.0.1", port - 2));
                let apart = |(_, other): &(_, String)| {
                    other.parse::<u16>().expect("a port").abs_diff(port) > 3
                };
                if fast.is_ok() && found.iter().all(apart) {
                    break port;
                }
            };
            found.push((named, port.to_string()));
        }
        Ports(found)
    }

    fn apply(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (named, port)| text.replace(named, port))
    }

    fn broker(&self) -> &str {
        &self.0[1].1
    }
}

/// A home folder with the archive in it, as a reader of a tutorial has.
struct Reader {
    here: Installation,
    ports: Ports,
    /// Where the package is unpacked.
    unpacked: PathBuf,
}

impl Reader {
    fn new(name: &str) -> Reader {
        let here = Installation::new(name);
        let ports = Ports::free();
        let edit = |file: &str, more: &str| {
            let path = here.folder.join("conf").join(file);
            let text = ports.apply(&fs::read_to_string(&path).expect("a shipped file")) + more;
            write(&path, &text);
        };
        edit("namesrv.conf", "");
        let small = "mappedFileSizeCommitLog=4194304\nbrokerIP1=127.0.0.1\n";
        edit("broker.conf", &format!("{small}listenPort={}\n", ports.broker()));
        edit("2m-noslave/broker-a.properties", small);
        edit("2m-noslave/broker-b.properties", small);
        // The archive has a link to the binary: packing that would take longer than all the rest.
        let binary = here.folder.join("bin/ferrite");
        fs::remove_file(&binary).expect("there");
        symlink(env!("CARGO_BIN_EXE_ferrite"), &binary).expect("linked");
        let parent = here.folder.parent().expect("a folder");
        let archive = here.home.join(format!("{}.tar.gz", package::name()));
        let mut tar = Command::new("tar");
        tar.arg("czf").arg(&archive).arg("-C").arg(parent).arg(package::name());
        let packed = tar.status().expect("tar runs");
        assert!(packed.success());
        let unpacked = here.home.join(package::name());
        Reader { here, ports, unpacked }
    }

    /// Runs a tutorial's commands; all of them succeed.
    fn follow(&self, tutorial: &str) -> String {
        let path = package::repository().join("docs/tutorials").join(tutorial);
        let text = fs::read_to_string(&path).expect("a tutorial");
        let mut script = String::from("set -e\n");
        let mut is_command = false;
        for line in text.lines() {
            match line {
                "```sh" => is_command = true,
                "```" => is_command = false,
                _ if is_command => script.push_str(&format!("{}\n", self.ports.apply(line))),
                _ => {}
            }
        }
        assert!(script.lines().count() > 10, "{tutorial} has no commands");
        let script = script.replace("ferritemq-0.1.0", &package::name());
        let mut shell = self.here.sh(&["-c", &script]);
        shell.current_dir(&self.here.home);
        let said = ended(shell);
        assert_eq!(said.code, 0, "{tutorial}:\n{script}\n{}\n{}", said.out, said.err);
        said.out
    }

    /// A folder that answers to the scripts of a Java release.
    fn java(&self) -> PathBuf {
        let folder = self.here.home.join("rocketmq");
        fs::create_dir_all(folder.join("bin")).expect("made");
        for (role, class) in
            [("namesrv", "namesrv.NamesrvStartup"), ("broker", "broker.BrokerStartup")]
        {
            let server = match std::env::var("ROCKETMQ_JARS") {
                Ok(jars) => format!(
                    "exec java -Xms64m -Xmx512m --add-opens java.base/java.nio=ALL-UNNAMED \
                     --add-opens java.base/sun.nio.ch=ALL-UNNAMED -Duser.home=\"$HOME\" \
                     -cp '{jars}/*' org.apache.rocketmq.{class} \"$@\""
                ),
                Err(_) => {
                    let own = self.here.folder.join("bin").join(format!("mq{role}"));
                    format!("exec sh '{}' \"$@\"", own.display())
                }
            };
            let text = format!("echo $$ >\"$HOME/{role}.pid\"\nexport ROCKETMQ_HOME=\"$HOME\"\n");
            write(&folder.join(format!("bin/mq{role}")), &(text + &server));
        }
        write(&folder.join("bin/mqshutdown"), "kill \"$(cat \"$HOME/$1.pid\")\"\n");
        folder
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // What a failed tutorial left behind.
        for role in ["broker", "namesrv"] {
            for folder in [&self.unpacked, &self.here.folder] {
                let script = folder.join("bin/mqshutdown").display().to_string();
                ended(self.here.sh(&[&script, role]));
            }
            let stop = format!("kill $(cat '{}/{role}.pid')", self.here.home.display());
            ended(self.here.sh(&["-c", &stop]));
        }
    }
}

fn write(path: &std::path::Path, text: &str) {
    let file = fs::File::create(path);
    let written = file.and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()));
    written.unwrap_or_else(|e| panic!("{}: {e}", path.display()));
}

// A03, A13, A19, A28, A41, A42, A44, A26, A38.
#[test]
fn a_single_node() {
    let reader = Reader::new("tutorial-single");
    let said = reader.follow("single-node.md");
    assert!(said.contains("The Name Server boot success. serializeType=JSON"), "{said}");
    assert!(said.contains("SendResult [sendStatus=SEND_OK"), "{said}");
    assert!(said.contains("Receive New Messages: [MessageExt"), "{said}");
}

// A37, C03, C04, C27: two brokers on one host; one goes and comes back.
#[test]
fn two_masters() {
    let reader = Reader::new("tutorial-two");
    let said = reader.follow("two-masters.md");
    let counts: Vec<u32> = said.lines().filter_map(|line| line.trim().parse().ok()).collect();
    assert_eq!(counts, [500, 500, 1000, 2000], "{said}");
}

#[test]
fn from_java_and_back() {
    let reader = Reader::new("tutorial-java");
    let java = reader.java();
    let home = &reader.here.home;
    write(&home.join("namesrv.conf"), &reader.ports.apply("listenPort=9876\n"));
    let text = "brokerName=broker-a\nlistenPort=10911\nbrokerIP1=127.0.0.1\n\
                mappedFileSizeCommitLog=4194304\nfileReservedTime=48\nflushDiskType=ASYNC_FLUSH\n\
                sendMessageThreadPoolNums=16\ndiskMaxUsedSpaceRatio=95\n";
    let conf = home.join("broker.conf");
    write(&conf, &reader.ports.apply(text));
    let address = reader.ports.apply("localhost:9876");
    let start = |role: &str, options: &[&str]| -> Started {
        let script = java.join(format!("bin/mq{role}")).display().to_string();
        started(reader.here.sh(&[&[script.as_str()], options].concat()), home)
    };
    let conf = conf.display().to_string();
    let namesrv_conf = home.join("namesrv.conf").display().to_string();
    let servers =
        [start("namesrv", &["-c", &namesrv_conf]), start("broker", &["-n", &address, "-c", &conf])];
    let class = "org.apache.rocketmq.example.quickstart.Producer";
    // A genuine broker says that it serves before its name server knows it.
    until("messages are taken", || {
        let produced = reader.here.run(&["bin/tools.sh", class, "-n", &address]);
        produced.out.matches("SEND_OK").count() == 1000
    });
    // Servers of a tutorial are nobody's children; these would stay as zombies.
    let reaper = std::thread::Builder::new().spawn(move || {
        for mut server in servers.into_iter().rev() {
            // A genuine one takes its time.
            server.child.wait().expect("a child");
        }
    });
    let there = reader.follow("from-java.md");
    assert!(there.contains("SendResult [sendStatus=SEND_OK"), "{there}");
    reaper.expect("a thread").join().expect("both have ended");
    reader.follow("back-to-java.md");
}
