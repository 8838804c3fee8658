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

#[test]
fn the_health_check_finds_the_port() {
    let here = Installation::new("health");
    let conf = here.home.join("a b.conf");
    let words = here.home.join("cmdline");
    let write = |path: &std::path::Path, text: &str| {
        fs::File::create(path)
            .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()))
            .expect("written");
    };
    write(&conf, "#listenPort=1\nlistenPort = 11011\n");
    let class = "ferrite\0org.apache.rocketmq.broker.BrokerStartup";
    let cases = [
        ("ferrite\0org.apache.rocketmq.namesrv.NamesrvStartup\0".to_owned(), "9876"),
        (format!("{class}\0"), "10911"),
        (format!("{class}\0-c\0{}\0", conf.display()), "11011"),
        (format!("{class}\0-c\0{}\0listenPort=11911\0", conf.display()), "11911"),
    ];
    for (text, port) in cases {
        write(&words, &text);
        let mut check = here.sh(&[&dist("docker/healthcheck.sh")]);
        check.env("CMDLINE", &words).env("NC", "echo");
        assert_eq!(ended(check).out, format!("-z 127.0.0.1 {port}\n"), "{text:?}");
    }
    write(&words, "sh\0");
    let mut check = here.sh(&[&dist("docker/healthcheck.sh")]);
    check.env("CMDLINE", &words);
    assert_eq!(ended(check).code, 0);
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
