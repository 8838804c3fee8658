//! The pieces of the image, the units and the Debian package that can be tried without building
//! them: the entry point, the health check, the files they name.

use std::fs;
use std::process::Command;

use super::{Ended, Installation, ended};

fn dist(file: &str) -> String {
    package::repository().join("dist").join(file).display().to_string()
}

// A49, A51: logs and messages are where something is mounted.
#[test]
fn the_entry_point_knows_the_paths_of_the_usual_images() {
    let here = Installation::new("entry");
    let mounts = here.home.join("mounts");
    let run = |mounted: &str, command: &[&str]| -> Ended {
        let text = format!("overlay / overlay rw 0 0\n/dev/sda1 {mounted} ext4 rw 0 0\n");
        let written = fs::File::create(&mounts)
            .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()));
        written.expect("written");
        let mut shell = here.sh(&[&[dist("docker/entrypoint.sh").as_str()], command].concat());
        shell.env("MOUNTS", &mounts).env("ROCKETMQ_HOME", &here.folder);
        ended(shell)
    };
    let home = ["sh", "-c", "echo $HOME"];
    for (mounted, expected) in
        [("/root/logs", "/root"), ("/opt/store", "/opt"), ("/srv", "/home/rocketmq")]
    {
        assert_eq!(run(mounted, &home).out.trim(), expected, "{mounted}");
    }
    let said = run("/srv", &["broker", "-h"]);
    assert!(said.out.starts_with("usage: mqbroker "), "{}{}", said.out, said.err);
    assert!(run("/srv", &["sh", "bin/mqnamesrv", "-h"]).out.starts_with("usage: mqnamesrv "));
}

/// A health check with a command line and a program in place of `nc` and `wget`.
struct Check {
    here: Installation,
    stub: std::path::PathBuf,
    words: std::path::PathBuf,
}

impl Check {
    fn new() -> Check {
        let here = Installation::new("health");
        let (stub, words) = (here.home.join("stub"), here.home.join("cmdline"));
        // It says what it was called with, keeps what it was sent, and answers.
        put(&stub, "echo \"$*\" >\"$0.words\"\ncat >\"$0.sent\"\nprintf '%s' \"$ANSWER\"\n");
        Check { here, stub, words }
    }

    /// The exit code and the words the stub was called with.
    fn run(&self, command_line: &str, answer: &str) -> (i32, String) {
        put(&self.words, command_line);
        let mut check = self.here.sh(&[&dist("docker/healthcheck.sh")]);
        let stub = format!("sh {}", self.stub.display());
        check.env("CMDLINE", &self.words).env("NC", &stub).env("WGET", &stub);
        check.env("ANSWER", answer);
        let code = ended(check).code;
        let words = fs::read_to_string(self.stub.with_extension("words")).unwrap_or_default();
        (code, words.trim().to_owned())
    }
}

fn put(path: &std::path::Path, text: &str) {
    let file = fs::File::create(path);
    file.and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes())).expect("put");
}

const BROKER: &str = "ferrite\0org.apache.rocketmq.broker.BrokerStartup";
const NAME_SERVER: &str = "ferrite\0org.apache.rocketmq.namesrv.NamesrvStartup";

#[test]
fn the_health_check_finds_the_port() {
    let check = Check::new();
    let conf = check.here.home.join("a b.conf");
    put(&conf, "#listenPort=1\nlistenPort = 11011\nmetricsPromExporterPort=5558\n");
    let conf = conf.display();
    let ready = "-q -T 2 -O /dev/null http://";
    let cases = [
        (format!("{NAME_SERVER}\0"), "-w 1 127.0.0.1 9876".to_owned()),
        (format!("{BROKER}\0"), "-w 1 127.0.0.1 10911".to_owned()),
        (format!("{BROKER}\0-c\0{conf}\0"), "-w 1 127.0.0.1 11011".to_owned()),
        (format!("{BROKER}\0-c\0{conf}\0listenPort=7\0"), "-w 1 127.0.0.1 7".to_owned()),
        (format!("{BROKER}\0tls.server.mode=enforcing\0"), "-z 127.0.0.1 10911".to_owned()),
        (format!("{BROKER}\0metricsExporterType=PROM\0"), format!("{ready}127.0.0.1:5557/readyz")),
        (
            format!(
                "{BROKER}\0-c\0{conf}\0metricsExporterType=PROM\0\
                 metricsPromExporterHost=10.0.0.1\0"
            ),
            format!("{ready}10.0.0.1:5558/readyz"),
        ),
    ];
    for (command_line, expected) in cases {
        let answer = (0, expected);
        assert_eq!(check.run(&command_line, "\u{1}{\"code\":0}"), answer, "{command_line:?}");
    }
    assert_eq!(check.run(&format!("{BROKER}\0"), "").0, 1, "nobody answers");
    assert_eq!(check.run("sh\0", "").0, 0, "no server");
}

#[test]
fn servers_answer_what_the_health_check_asks() {
    let check = Check::new();
    check.run(&format!("{BROKER}\0"), "");
    let sent = fs::read(check.stub.with_extension("sent")).expect("what it asks");
    let name_server = check.here.name_server();
    let folder = tempfile::tempdir().expect("a folder");
    let (_broker, broker) = crate::servers::Server::broker(folder.path(), "", &[]);
    for (address, code) in [(broker, 0), (name_server.address(), 3)] {
        let mut stream = std::net::TcpStream::connect(&address).expect("connected");
        std::io::Write::write_all(&mut stream, &sent).expect("sent");
        let answer = crate::peer::read_frame(&mut stream).expect("an answer");
        assert_eq!((answer.code, answer.kind), (code, protocol::frame::HeaderKind::Json));
    }
}

// A48, A50, A52, B82: what the compose files start is accepted by the image's entry point, with the
// variable that older images are started with.
#[test]
fn commands_of_the_compose_files_are_accepted() {
    let here = Installation::new("compose");
    let mut seen = 0;
    for file in ["compose.yml", "compose-2m-2s.yml"] {
        let text = fs::read_to_string(dist(&format!("docker/{file}"))).expect("the file");
        for command in text.lines().filter_map(|line| line.trim().strip_prefix("command: ")) {
            seen += 1;
            let command = command.replace("${BROKER_IP:-127.0.0.1}", "127.0.0.1");
            let mut words = vec![dist("docker/entrypoint.sh")];
            words.extend(command.split(' ').map(str::to_owned));
            words.push("-p".to_owned());
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let mut shell = here.sh(&words);
            shell.current_dir(here.folder.join("bin")).env("ROCKETMQ_HOME", &here.folder);
            shell.env("MAX_POSSIBLE_HEAP", "100000000").env("MOUNTS", "/dev/null");
            let said = ended(shell);
            assert_eq!(said.code, 0, "{command}: {}", said.err);
            assert!(said.out.contains("metricsExporterType=PROM"), "{command}: {}", said.out);
        }
    }
    assert!(seen >= 8, "{seen} commands");
}

// Every file that the Debian package, the units and the image name is there.
#[test]
fn what_packages_name_exists() {
    let metadata = cargo_metadata::MetadataCommand::new()
        .manifest_path(package::repository().join("Cargo.toml"))
        .no_deps()
        .exec()
        .expect("cargo metadata");
    let ferrite = metadata.packages.iter().find(|p| p.name == "ferrite").expect("this package");
    let deb = &ferrite.metadata["deb"];
    let here = package::repository().join("crates/ferrite");
    for asset in deb["assets"].as_array().expect("a list") {
        let source = asset[0].as_str().expect("a path");
        let fixed = source.split('*').next().expect("a beginning");
        assert!(source.starts_with("target/") || here.join(fixed).exists(), "{source}");
    }
    for unit in deb["systemd-units"].as_array().expect("a list") {
        let name = unit["unit-name"].as_str().expect("a name");
        let path = here.join(unit["unit-scripts"].as_str().expect("a folder"));
        let text = fs::read_to_string(path.join(format!("{name}.service"))).expect("the unit");
        let start = text.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/bin/"));
        let words: Vec<&str> = start.expect("a command").split(' ').collect();
        let file = words[3].replace("/etc/ferritemq/", "");
        assert!(package::repository().join("dist/conf").join(file).exists(), "{words:?}");
        // The command is one: what it says of its file is its own.
        let checked = Command::new(env!("CARGO_BIN_EXE_ferrite"))
            .args([words[1], "-h"])
            .output()
            .expect("it runs");
        assert!(checked.status.success());
    }
    let dockerfile = fs::read_to_string(dist("docker/Dockerfile")).expect("the file");
    for name in ["entrypoint.sh", "healthcheck.sh"] {
        assert!(dockerfile.contains(&format!("dist/docker/{name}")));
        assert!(fs::metadata(dist(&format!("docker/{name}"))).is_ok());
    }
}
