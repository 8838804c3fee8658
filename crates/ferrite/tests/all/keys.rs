//! Keys of the tutorials do what they say, as it is seen from outside.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use base::clock::mono_ns;

use crate::peer::{Incoming, Peer};
use crate::servers::Server;
use crate::until::until;

/// A port that is free, with the one two below it.
fn free_port() -> u16 {
    loop {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
        let port = listener.local_addr().expect("an address").port();
        if TcpListener::bind(("127.0.0.1", port - 2)).is_ok() {
            return port;
        }
    }
}

fn broker(folder: &Path, settings: &[&str]) -> (Server, Peer) {
    let (server, address) = Server::broker(folder, "", settings);
    (server, Peer::connect(&address))
}

/// A send as 4.x clients make it, for as many queues as `queues` if the topic is new.
fn send(peer: &mut Peer, topic: &str, (queues, properties): (&str, &str), body: &[u8]) -> Incoming {
    let fields = [("a", "g"), ("b", topic), ("c", "TBW102"), ("d", queues), ("e", "0")];
    peer.ask(310, &[&fields[..], &[("i", properties)]].concat(), body)
}

/// A pull that waits if it may.
fn pull(peer: &mut Peer, group: &str, topic: &str) -> Incoming {
    let fields = [
        ("consumerGroup", group),
        ("topic", topic),
        ("queueId", "0"),
        ("queueOffset", "0"),
        ("maxMsgNums", "32"),
        ("sysFlag", "6"),
        ("commitOffset", "0"),
        ("suspendTimeoutMillis", "15000"),
        ("subscription", "*"),
        ("subVersion", "0"),
    ];
    peer.ask(11, &fields, &[])
}

fn text(answer: &Incoming) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

/// B01, B02, B03, B04, B09, B10, A15, A20, A55, A56, A58: clients are told what the file says;
/// name servers may be given by host names, and all of them are told. The port two below takes
/// requests as well.
#[test]
fn names_and_addresses_reach_clients() {
    let folder = tempfile::tempdir().expect("a folder");
    let second = folder.path().join("second");
    std::fs::create_dir(&second).expect("made");
    let (_one, first) = Server::name_server(folder.path());
    let (_two, second) = Server::name_server(&second);
    let by_name = |address: &str| address.replace("127.0.0.1", "localhost");
    let list = format!("{};{}", by_name(&first), by_name(&second));
    let port = free_port();
    let listen = format!("listenPort={port}");
    let settings = ["brokerClusterName=rocketmq-cluster", "brokerName=broker-b", "brokerId=0"];
    let more = [listen.as_str(), "brokerIP1=10.1.2.3"];
    let (_broker, address) =
        Server::broker(folder.path(), &list, &[&settings[..], &more[..]].concat());
    assert_eq!(address, format!("10.1.2.3:{port}"));
    for name_server in [&first, &second] {
        let mut peer = Peer::connect(name_server);
        let mut seen = String::new();
        until("the broker is registered", || {
            seen = text(&peer.ask(106, &[], &[]));
            seen.contains("broker-b")
        });
        let expected = format!("0:\"{address}\"");
        let is_told = seen.contains(&expected) || seen.contains(&expected.replace("0:", "\"0\":"));
        assert!(is_told && seen.contains("\"cluster\":\"rocketmq-cluster\""), "{seen}");
    }
    for port in [port, port - 2] {
        let mut peer = Peer::connect(&format!("127.0.0.1:{port}"));
        assert_eq!(peer.ask(28, &[], &[]).code, 0, "{port}");
    }
}

/// A57: nothing listens but the port and the one two below.
#[test]
#[cfg(target_os = "linux")]
fn only_the_named_ports_are_open() {
    let folder = tempfile::tempdir().expect("a folder");
    let port = free_port();
    let listen = format!("listenPort={port}");
    let (server, _) = Server::broker(folder.path(), "", &[&listen]);
    let (name_server, address) = Server::name_server(folder.path());
    let of_name_server: u16 =
        address.rsplit_once(':').expect("a port").1.parse().expect("a number");
    let mut open = listening(server.child.id());
    open.sort_unstable();
    assert_eq!(open, [port - 2, port]);
    assert_eq!(listening(name_server.child.id()), [of_name_server]);
}

/// The ports a process listens on.
#[cfg(target_os = "linux")]
fn listening(pid: u32) -> Vec<u16> {
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("its files").flatten();
    let links = open.filter_map(|entry| std::fs::read_link(entry.path()).ok());
    let sockets: Vec<String> = links.map(|link| link.display().to_string()).collect();
    let mut ports = Vec::new();
    for table in ["tcp", "tcp6"] {
        let table = std::fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        for line in table.lines().skip(1) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let is_own = sockets.contains(&format!("socket:[{}]", words[9]));
            if words[3] == "0A" && is_own {
                let (_, port) = words[1].rsplit_once(':').expect("an address");
                ports.push(u16::from_str_radix(port, 16).expect("a port"));
            }
        }
    }
    ports
}

/// B05, B06, B44, B45, B47, B48, B49: a new topic has the lower of the two numbers of queues.
/// B27: longer messages are refused. B07, B08: nothing is made where the configuration says so.
#[test]
fn topics_and_groups_are_made_as_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = ["defaultTopicQueueNums=3", "maxMessageSize=1000"];
    let (_server, mut peer) = broker(folder.path(), &settings);
    for (topic, asked, expected) in [("Many", "8", 3), ("Few", "2", 2)] {
        assert_eq!(send(&mut peer, topic, (asked, ""), b"x").code, 0);
        let config = text(&peer.ask(351, &[("topic", topic)], &[]));
        for key in ["readQueueNums", "writeQueueNums"] {
            assert!(config.contains(&format!("\"{key}\":{expected}")), "{config}");
        }
        for rest in [r#""topicFilterType":"SINGLE_TAG""#, r#""topicSysFlag":0"#, r#""order":false"#]
        {
            assert!(config.contains(rest), "{config}");
        }
    }
    assert_eq!(send(&mut peer, "Few", ("2", ""), &[b'x'; 1000]).code, 0);
    assert_eq!(send(&mut peer, "Few", ("2", ""), &[b'x'; 1001]).code, 13);

    let folder = tempfile::tempdir().expect("a folder");
    let settings = ["autoCreateTopicEnable=false", "autoCreateSubscriptionGroup=false"];
    let (_server, mut peer) = broker(folder.path(), &settings);
    let refused = send(&mut peer, "Unknown", ("4", ""), b"x");
    assert_eq!(refused.code, 17, "{}", refused.remark);
    let fields = [("topic", "Known"), ("defaultTopic", "TBW102"), ("readQueueNums", "1")];
    let more = [("writeQueueNums", "1"), ("perm", "6"), ("topicFilterType", "SINGLE_TAG")];
    let made = peer.ask(
        17,
        &[&fields[..], &more[..], &[("topicSysFlag", "0"), ("order", "false")]].concat(),
        &[],
    );
    assert_eq!(made.code, 0, "{}", made.remark);
    assert_eq!(pull(&mut peer, "unknown", "Known").code, 26);
}

/// B51: a group that may not consume. B46: a topic that may not be read.
#[test]
fn permissions_of_groups_and_topics_hold() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_server, mut peer) = broker(folder.path(), &[]);
    assert_eq!(send(&mut peer, "P", ("1", ""), b"x").code, 0);
    let group = |enabled: bool| format!(r#"{{"groupName":"G","consumeEnable":{enabled}}}"#);
    assert_eq!(peer.ask(200, &[], group(false).as_bytes()).code, 0);
    assert_eq!(pull(&mut peer, "G", "P").code, 16);
    assert_eq!(peer.ask(200, &[], group(true).as_bytes()).code, 0);
    assert_eq!(pull(&mut peer, "G", "P").code, 0);
    let set = |peer: &mut Peer, perm: &str| {
        let fields = [("topic", "P"), ("defaultTopic", "TBW102"), ("readQueueNums", "1")];
        let more = [("writeQueueNums", "1"), ("perm", perm), ("topicFilterType", "SINGLE_TAG")];
        let last = [("topicSysFlag", "0"), ("order", "false")];
        assert_eq!(peer.ask(17, &[&fields[..], &more[..], &last[..]].concat(), &[]).code, 0);
    };
    set(&mut peer, "2");
    assert_eq!(pull(&mut peer, "G", "P").code, 16);
    assert_eq!(send(&mut peer, "P", ("1", ""), b"x").code, 0);
    // Whether it may be written is the producer's to know, from the route.
    set(&mut peer, "4");
    assert_eq!(send(&mut peer, "P", ("1", ""), b"x").code, 0);
    assert_eq!(pull(&mut peer, "G", "P").code, 0);
}

fn heartbeat(peer: &mut Peer, client: &str, group: &str, model: &str) {
    let subscription = r#"{"topic":"P","subString":"*","tagsSet":[],"codeSet":[],"subVersion":1}"#;
    let body = format!(
        r#"{{"clientID":"{client}","producerDataSet":[],"consumerDataSet":[{{"groupName":"{group}",
        "consumeType":"CONSUME_PASSIVELY","messageModel":"{model}","unitMode":false,
        "consumeFromWhere":"CONSUME_FROM_LAST_OFFSET","subscriptionDataSet":[{subscription}]}}]}}"#
    );
    let answer = peer.ask(34, &[], body.as_bytes());
    assert_eq!(answer.code, 0, "{}", answer.remark);
}

/// B53: a group may be kept from broadcasting. B58: members of a group are told of new ones, or
/// not.
#[test]
fn groups_are_served_as_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, address) = Server::broker(folder.path(), "", &[]);
    let mut peer = Peer::connect(&address);
    assert_eq!(send(&mut peer, "P", ("1", ""), b"x").code, 0);
    let group = |peer: &mut Peer, name: &str, setting: &str| {
        let config = format!(r#"{{"groupName":"{name}",{setting}}}"#);
        assert_eq!(peer.ask(200, &[], config.as_bytes()).code, 0);
    };
    group(&mut peer, "B", r#""consumeBroadcastEnable":false"#);
    heartbeat(&mut peer, "c0", "B", "BROADCASTING");
    let fields = [
        ("consumerGroup", "B"),
        ("topic", "P"),
        ("queueId", "0"),
        ("queueOffset", "0"),
        ("maxMsgNums", "32"),
        ("sysFlag", "0"),
        ("commitOffset", "0"),
        ("suspendTimeoutMillis", "0"),
        ("subVersion", "1"),
    ];
    let refused = peer.ask(11, &fields, &[]);
    assert_eq!(refused.code, 16);
    assert!(refused.remark.contains("can not consume by broadcast way"), "{}", refused.remark);

    group(&mut peer, "silent", r#""notifyConsumerIdsChangedEnable":false"#);
    let (mut first, mut second) = (Peer::connect(&address), Peer::connect(&address));
    for name in ["silent", "told"] {
        heartbeat(&mut first, "c1", name, "CLUSTERING");
        heartbeat(&mut second, "c2", name, "CLUSTERING");
    }
    let told = first.next_request();
    assert_eq!((told.code, told.field("consumerGroup")), (40, "told"));
    drop(server);
}

/// A16: folders made before are taken. B16, B17, B21, B22: files are where and as large as told.
/// B23, B24: below the root, as in every version of Java's, whatever the tutorials' keys say.
#[test]
fn files_are_where_and_as_large_as_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("store");
    for name in ["commitlog", "consumequeue", "index"] {
        std::fs::create_dir_all(root.join(name)).expect("made");
    }
    let log = folder.path().join("elsewhere/log");
    let key = |key: &str, place: &Path| format!("{key}={}", place.display());
    let settings = [
        key("storePathCommitLog", &log),
        key("storePathConsumeQueue", &root.join("consumequeue")),
        key("storePathIndex", &root.join("index")),
        "mapedFileSizeCommitLog=1048576".to_owned(),
        "mappedFileSizeConsumeQueue=200".to_owned(),
    ];
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let (mut server, mut peer) = broker(folder.path(), &settings);
    for number in 0..12 {
        let properties = format!("KEYS\u{1}k{number}\u{2}");
        let sent = send(&mut peer, "F", ("1", &properties), &[b'x'; 200_000]);
        assert_eq!(sent.code, 0, "{}", sent.remark);
    }
    stop(&mut server);
    let names = |folder: PathBuf| -> Vec<String> {
        let found = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{folder:?}: {e}"));
        let names = found.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    };
    let log = names(log);
    assert_eq!(log[..3], ["0", "1048576", "2097152"].map(|at| format!("{at:0>20}")), "{log:?}");
    let queue = names(root.join("consumequeue/F/0"));
    assert_eq!(queue[..2], ["0", "200"].map(|at| format!("{at:0>20}")), "{queue:?}");
    assert!(!names(root.join("index")).is_empty());
    assert!(root.join("checkpoint").is_file() && root.join("config/topics.json").is_file());
}

/// Stops a server as `kill` does and waits for its end.
fn stop(server: &mut Server) {
    let pid = server.child.id().to_string();
    assert!(Command::new("kill").arg(pid).status().expect("kill runs").success());
    assert!(server.child.wait().expect("it ends").success());
}

/// B35: the first delay level is what the table says. B37: without long polling a pull is answered
/// after `shortPollingTimeMills`.
#[test]
fn waits_are_as_long_as_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings =
        ["messageDelayLevel=1s 1h", "longPollingEnable=false", "shortPollingTimeMills=100"];
    let (_server, mut peer) = broker(folder.path(), &settings);
    let sent_ns = mono_ns();
    assert_eq!(send(&mut peer, "W", ("1", "DELAY\u{1}1\u{2}"), b"late").code, 0);
    let mut answer = pull(&mut peer, "g", "W");
    assert_eq!(answer.code, 19, "nothing there yet: {}", answer.remark);
    assert!(mono_ns() - sent_ns < 5_000_000_000, "it waited for a message");
    while answer.code == 19 {
        answer = pull(&mut peer, "g", "W");
    }
    assert_eq!(answer.code, 0, "{}", answer.remark);
    let waited = Duration::from_nanos(mono_ns() - sent_ns);
    assert!(waited >= Duration::from_millis(900), "{waited:?}");
}

/// B12, B13, B38: taken; what they promise is shown elsewhere (`kill`) or needs a slave.
/// A53, A54: the ports when nothing is said.
#[test]
fn what_is_set_is_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = ["flushDiskType=SYNC_FLUSH", "syncFlushTimeout=3000", "slaveReadEnable=true"];
    let (_server, mut peer) = broker(folder.path(), &settings);
    assert_eq!(send(&mut peer, "S", ("1", ""), b"x").code, 0);
    let shown = text(&peer.ask(26, &[], &[]));
    // `syncFlushTimeout` has no effect here, and is shown as it was given.
    for setting in settings {
        assert!(shown.lines().any(|line| line == setting), "{setting}: {shown}");
    }
    for (role, line) in [("namesrv", "listenPort=9876"), ("broker", "listenPort=10911")] {
        let printed = Command::new(env!("CARGO_BIN_EXE_ferrite"))
            .args([role, "-p"])
            .output()
            .expect("the binary runs");
        let printed = String::from_utf8_lossy(&printed.stdout).into_owned();
        assert!(printed.lines().any(|shown| shown.ends_with(line)), "{printed}");
    }
}
