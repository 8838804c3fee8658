//! Log files where Java's are.

use super::{Installation, SMALL, started};

// A22, A35, A51: every file is there from the start, so that `tail -f` has something to follow.
#[test]
fn log_files_are_where_java_puts_them() {
    let here = Installation::new("logs");
    let name_server = here.name_server();
    let broker = here.broker(&name_server.address());
    for name in [
        "namesrv.log",
        "namesrv_default.log",
        "broker.log",
        "broker_default.log",
        "store.log",
        "storeerror.log",
        "watermark.log",
        "stats.log",
        "broker_traffic.log",
        "transaction.log",
        "lock.log",
        "filter.log",
        "pop.log",
        "protection.log",
        "remoting.log",
    ] {
        here.log(name);
    }
    // Nothing would ever be in them.
    let logs = here.home.join("logs/rocketmqlogs");
    assert!(!logs.join("commercial.log").exists() && !logs.join("namesrv_traffic.log").exists());
    let boot = |name: &str, line: &str| {
        crate::until::until("the boot line is in the log", || here.log(name).contains(line));
        let text = here.log(name);
        let line = text.lines().find(|l| l.contains(line)).expect("just seen");
        let (time, rest) = line.split_at("2026-11-21 17:00:00".len());
        assert_eq!(time.as_bytes()[4], b'-', "{line}");
        assert!(rest.starts_with(" INFO main - The "), "{line}");
    };
    boot("namesrv.log", &name_server.boot_line);
    boot("broker.log", &broker.boot_line);
}

#[test]
fn logs_of_brokers_in_one_home_can_be_apart() {
    let here = Installation::new("isolated");
    let mut words = vec!["bin/mqbroker", "isolateLogEnable=true", "brokerName=b7"];
    words.extend(SMALL);
    let mut command = here.sh(&words);
    let folder = here.home.join("own-logs");
    command.env("ROCKETMQ_LOG_DIR", &folder);
    let broker = started(command, &here.home);
    assert!(broker.boot_line.contains("b7"));
    assert!(folder.join("b7_0/broker.log").is_file());
}

// 88 bad inputs: a folder that cannot be written costs the files, not the server.
#[test]
fn without_room_for_logs_the_server_runs() {
    let here = Installation::new("no-logs");
    let mut command = here.sh(&["bin/mqnamesrv", "listenPort=0"]);
    command.env("ROCKETMQ_LOG_DIR", "/proc/none");
    let server = started(command, &here.home);
    let out = std::fs::read_dir(&here.home).expect("a folder").flatten();
    let texts: Vec<String> =
        out.filter_map(|entry| std::fs::read_to_string(entry.path()).ok()).collect();
    assert!(texts.iter().any(|text| text.contains("no log files in /proc/none")), "{texts:?}");
    drop(server);
}
