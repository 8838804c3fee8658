//! What the recordings do not hold: dialects by version, compressed and old registrations,
//! refusals, restarts, connections that close.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use nameserver::{StartError, start};
use protocol::body::register::{RegisterBrokerBody, body_crc32};
use protocol::body::topic::{DataVersion, TopicConfig, TopicConfigSerializeWrapper};
use protocol::fastjson;
use serde_json::{Value, json};

use crate::peer::{Answer, Peer, Server, config, request};

fn body(topics: &[&str], counter: i64) -> RegisterBrokerBody {
    let topic = |name: &&str| {
        let topic = TopicConfig { topic_name: (*name).to_owned(), ..TopicConfig::default() };
        ((*name).to_owned(), topic)
    };
    RegisterBrokerBody {
        topic_config_wrapper: TopicConfigSerializeWrapper {
            data_version: DataVersion { counter, state_version: 0, timestamp: 5 },
            topic_config_table: topics.iter().map(topic).collect(),
            ..TopicConfigSerializeWrapper::default()
        },
        ..RegisterBrokerBody::default()
    }
}

fn fields(id: i64, address: &str) -> Value {
    json!({
        "brokerName": "broker-a", "brokerAddr": address, "clusterName": "DefaultCluster",
        "brokerId": id.to_string(), "haServerAddr": format!("ha-{address}"),
    })
}

/// Registers the master of `broker-a` at `m:1` with two topics.
fn register(peer: &mut Peer) -> Answer {
    let body = body(&["TopicTest", "Other"], 0).encode(false);
    peer.ask_with(103, &fields(0, "m:1"), &body).ok()
}

#[test]
fn routes_come_in_the_dialect_of_the_client() {
    let server = Server::new();
    let mut peer = server.peer();
    register(&mut peer);
    let mut route = |version, fields: Value| {
        peer.call(&request(version, 105, &fields, &[])).ok().text().to_owned()
    };
    let strict = route(401, json!({ "topic": "TopicTest" }));
    assert!(strict.contains(r#""brokerAddrs":{"0":"m:1"}"#), "{strict}");
    assert!(strict.contains("topicSysFlag") && !strict.contains("topicSynFlag"), "{strict}");

    let loose = route(293, json!({ "topic": "TopicTest" }));
    assert!(loose.contains(r#""brokerAddrs":{0:"m:1"}"#), "{loose}");
    assert!(loose.contains("topicSysFlag") && loose.contains("topicSynFlag"), "{loose}");

    let go = route(317, json!({ "topic": "TopicTest", "acceptStandardJsonOnly": "true" }));
    assert!(go.contains(r#""brokerAddrs":{"0":"m:1"}"#), "{go}");
    assert!(go.contains("topicSysFlag") && go.contains("topicSynFlag"), "{go}");
}

#[test]
fn registrations_are_read_in_every_form() {
    let server = Server::new();
    let mut peer = server.peer();
    let compressed = body(&["C1", "C2"], 0).encode(true);
    let mut header = fields(0, "m:1");
    header["compressed"] = "true".into();
    header["bodyCrc32"] = body_crc32(&compressed).to_string().into();
    peer.ask_with(103, &header, &compressed).ok();
    assert_eq!(peer.topics(), ["C1", "C2"]);

    header["bodyCrc32"] = "1".into();
    let refused = peer.ask_with(103, &header, &compressed);
    assert_eq!((refused.code, refused.remark()), (1, "crc32 not match"));

    // What a Java broker with `compressedRegister` sends.
    header["compressed"] = "false".into();
    header["bodyCrc32"] = body_crc32(&compressed).to_string().into();
    peer.ask_with(103, &header, &compressed).ok();

    // 3.0.10 sent its topics alone.
    let old = fastjson::write(&body(&["O1", "O2"], 1).topic_config_wrapper);
    peer.call(&request(35, 103, &fields(0, "m:1"), &old)).ok();
    assert_eq!(peer.topics(), ["C1", "C2", "O1", "O2"]);

    let slave = peer.ask_with(103, &fields(1, "s:1"), &body(&["C1", "C2"], 0).encode(false)).ok();
    assert_eq!(slave.fields["masterAddr"], "m:1");
    assert_eq!(slave.fields["haServerAddr"], "ha-m:1");

    let single = body(&["S"], 0).encode(false);
    let refused = peer.ask_with(103, &fields(2, "s:2"), &single);
    assert_eq!((refused.code, refused.remark()), (1, "register broker failed"));
    assert!(peer.ask_with(103, &fields(2, "s:2"), &[]).ok().body.is_empty());
}

#[test]
fn a_data_version_tells_whether_to_register_again() {
    let server = Server::new();
    let mut peer = server.peer();
    let same = br#"{"counter":0,"stateVersion":0,"timestamp":5}"#;
    let first = peer.ask_with(322, &fields(0, "m:1"), same).ok();
    assert_eq!(first.fields["changed"], "true");
    assert!(first.body.is_empty());
    register(&mut peer);
    let second = peer.ask_with(322, &fields(0, "m:1"), same).ok();
    assert_eq!(second.fields["changed"], "false");
    assert_eq!(second.body, same);
    assert_eq!(peer.ask_with(322, &fields(0, "m:1"), b"{}").ok().fields["changed"], "true");
    peer.ask(904, &fields(0, "m:1")).ok();
}

#[test]
fn members_clusters_and_system_topics_are_listed() {
    let server = Server::new();
    let mut peer = server.peer();
    register(&mut peer);
    peer.ask_with(103, &fields(1, "s:1"), &body(&["TopicTest", "Other"], 0).encode(false)).ok();
    let group = json!({ "clusterName": "DefaultCluster", "brokerName": "broker-a" });
    let addresses = json!({ "0": "m:1", "1": "s:1" });
    let members = peer.ask(901, &group).ok().json();
    assert_eq!(members["brokerMemberGroup"]["brokerAddrs"], addresses);
    let info = peer.ask(106, &json!({})).ok().json();
    assert_eq!(info["brokerAddrTable"]["broker-a"]["brokerAddrs"], addresses);
    assert_eq!(info["clusterAddrTable"], json!({ "DefaultCluster": ["broker-a"] }));
    let system = peer.ask(304, &json!({})).ok().json();
    let expected = json!({ "brokerAddr": "m:1", "topicList": ["DefaultCluster", "broker-a"] });
    assert_eq!(system, expected);
    let of_cluster = peer.ask(224, &json!({ "cluster": "DefaultCluster" })).ok().json();
    assert_eq!(of_cluster["topicList"], json!(["Other", "TopicTest"]));
    for code in [311, 312, 313] {
        assert_eq!(peer.ask(code, &json!({})).ok().json()["topicList"], json!([]));
    }
    peer.ask(104, &fields(0, "m:1")).ok();
    peer.ask(104, &fields(1, "s:1")).ok();
    assert!(peer.topics().is_empty());
}

/// H29.
#[test]
fn a_broker_leaves_when_its_connection_closes() {
    let server = Server::new();
    let mut client = server.peer();
    let mut broker = server.peer();
    register(&mut broker);
    assert_eq!(client.topics().len(), 2);
    drop(broker);
    // The loop learns of it at one of its next wake-ups.
    assert!((0..100_000).any(|_| client.topics().is_empty()), "the broker is still there");
}

#[test]
fn a_silent_broker_leaves_by_itself() {
    // CL08, H29, with a timeout of the broker's own.
    let server = Server::with(|config| config.scan_interval_ms = 1);
    let mut broker = server.peer();
    let mut header = fields(0, "m:1");
    header["heartbeatTimeoutMillis"] = "1".into();
    broker.ask_with(103, &header, &body(&["A", "B"], 0).encode(false)).ok();
    let mut client = server.peer();
    assert!((0..100_000).any(|_| client.topics().is_empty()), "the broker is still there");
}

#[test]
fn order_configuration_stands_in_routes_and_goes_to_brokers() {
    // D08 and its namespace.
    let server = Server::new();
    let mut peer = server.peer();
    assert!(register(&mut peer).body.is_empty());
    let order = json!({
        "namespace": "ORDER_TOPIC_CONFIG", "key": "TopicTest", "value": "broker-a:4",
    });
    peer.ask(100, &order).ok();
    let route = json!({ "topic": "TopicTest" });
    assert!(peer.ask(105, &route).ok().json().get("orderTopicConf").is_none());
    assert_eq!(register(&mut peer).json(), json!({ "table": { "TopicTest": "broker-a:4" } }));

    peer.ask_with(318, &json!({}), b"orderMessageEnable=true\n").ok();
    assert_eq!(peer.ask(105, &route).ok().json()["orderTopicConf"], "broker-a:4");
    peer.ask(102, &order).ok();
    assert!(peer.ask(105, &route).ok().json().get("orderTopicConf").is_none());
}

#[test]
fn key_values_survive_a_restart_and_damage_is_an_error() {
    // B41, D39, D40.
    let server = Server::new();
    let pair = json!({ "namespace": "NS1", "key": "k1", "value": "v1" });
    let mut peer = server.peer();
    let none = peer.ask(219, &pair);
    assert_eq!((none.code, none.remark()), (22, "No config item, Namespace: NS1"));
    peer.ask(100, &pair).ok();
    let server = server.restart();
    let mut peer = server.peer();
    assert_eq!(peer.ask(101, &pair).ok().fields["value"], "v1");
    assert_eq!(peer.ask(219, &pair).ok().json(), json!({ "table": { "k1": "v1" } }));
    peer.ask(102, &pair).ok();
    let none = peer.ask(101, &pair);
    assert_eq!((none.code, none.remark()), (22, "No config item, Namespace: NS1 Key: k1"));

    let Server { running, dir } = server;
    drop(running);
    let mut file = std::fs::File::create(dir.path().join("kvConfig.json")).unwrap();
    file.write_all(b"{\"configTable\"").unwrap();
    match start(config(&dir)).err().unwrap() {
        StartError::KvTable(e) => assert!(e.to_string().contains("kvConfig.json is damaged")),
        other => panic!("{other}"),
    }
}

// B42, B43: by request, and in the file after a restart.
#[test]
fn settings_are_changed_shown_and_kept() {
    let server = Server::new();
    let mut peer = server.peer();
    peer.ask_with(318, &json!({}), b"enableTopicList=false\nserverWorkerThreads=4\n").ok();
    let shown = peer.ask(319, &json!({})).ok();
    assert!(shown.text().contains("enableTopicList=false\n"));
    assert!(shown.text().contains("serverWorkerThreads=4\n"));
    let kept = std::fs::read_to_string(server.dir.path().join("ns.conf")).unwrap();
    assert_eq!(kept, "enableTopicList=false\nserverWorkerThreads=4\n");

    let listed = peer.ask(224, &json!({ "cluster": "DefaultCluster" }));
    assert_eq!((listed.code, listed.remark()), (1, "disable"));
    peer.ask_with(318, &json!({}), b"enableAllTopicList=false").ok();
    assert_eq!(peer.ask(206, &json!({})).remark(), "disable");

    let refused = peer.ask_with(318, &json!({}), b"kvConfigPath=/tmp/x");
    assert_eq!((refused.code, refused.remark()), (16, "Can not update config in black list."));
    let refused = peer.ask_with(318, &json!({}), b"enableTopicList=perhaps");
    assert_eq!(refused.code, 1);
    assert!(refused.remark().contains("enableTopicList: 'perhaps' is not true or false"));
    let refused = peer.ask_with(318, &json!({}), b"\xff");
    assert!(refused.remark().starts_with("string2Properties error"), "{refused:?}");
}

#[test]
fn routes_wait_for_the_brokers_when_told_to() {
    let server = Server::with(|config| config.need_wait_for_service = true);
    let mut peer = server.peer();
    register(&mut peer);
    let early = peer.ask(105, &json!({ "topic": "TopicTest" }));
    assert_eq!((early.code, early.remark()), (1, "name server not ready"));
    peer.ask_with(318, &json!({}), b"waitSecondsForService=0").ok();
    peer.ask(105, &json!({ "topic": "TopicTest" })).ok();
}

#[test]
fn clients_of_a_zone_see_its_brokers() {
    let server = Server::new();
    let mut peer = server.peer();
    let mut header = fields(0, "m:1");
    header["__ZONE_NAME"] = "Z1".into();
    peer.ask_with(103, &header, &body(&["TopicTest", "Other"], 0).encode(false)).ok();
    let mut brokers = |zone: &str, mode: &str| {
        let ask = json!({ "topic": "TopicTest", "__ZONE_NAME": zone, "__ZONE_MODE": mode });
        peer.ask(105, &ask).ok().json()["brokerDatas"].as_array().unwrap().len()
    };
    assert_eq!(brokers("z1", "true"), 1);
    assert_eq!(brokers("Z2", "true"), 0);
    assert_eq!(brokers("Z2", "false"), 1);
}

#[test]
fn brokers_are_told_of_a_new_smallest_id() {
    let server = Server::with(|config| config.notify_min_broker_id = true);
    let slave = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = slave.local_addr().unwrap().to_string();
    let mut peer = server.peer();
    for (id, address) in [(0, "m:1"), (1, address.as_str())] {
        let mut header = fields(id, address);
        header["enableActingMaster"] = "true".into();
        peer.ask_with(103, &header, &body(&["A", "B"], 0).encode(false)).ok();
    }
    peer.ask(104, &fields(0, "m:1")).ok();
    let (stream, _) = slave.accept().unwrap();
    let told = Answer::of(read_frame(stream));
    assert_eq!(told.code, 905);
    assert_eq!(told.fields["minBrokerId"], "1");
    assert_eq!(told.fields["minBrokerAddr"], address);
    assert_eq!(told.fields["offlineBrokerAddr"], "m:1");
}

fn read_frame(mut stream: TcpStream) -> Vec<u8> {
    let mut frame = vec![0; 4];
    stream.read_exact(&mut frame).unwrap();
    let len = u32::from_be_bytes(frame[..4].try_into().unwrap()) as usize;
    frame.resize(4 + len, 0);
    stream.read_exact(&mut frame[4..]).unwrap();
    frame
}

#[test]
fn what_cannot_be_served_is_refused_by_name() {
    let server = Server::new();
    let mut peer = server.peer();
    let unknown = peer.ask(11, &json!({}));
    assert_eq!((unknown.code, unknown.remark()), (3, " request type 11 not supported"));
    let missing = [
        (103, "brokerName"),
        (104, "brokerName"),
        (105, "topic"),
        (100, "namespace"),
        (205, "brokerName"),
        (216, "topic"),
        (224, "cluster"),
        (901, "clusterName"),
    ];
    for (code, key) in missing {
        let refused = peer.ask(code, &json!({}));
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!(refused.remark().contains(&format!("<{key}> is null")), "{refused:?}");
    }
    // A65.
    let absent = peer.ask(105, &json!({ "topic": "TopicTest1" }));
    assert_eq!(absent.code, 17);
    let text = "No topic route info in name server for the topic: TopicTest1\n";
    assert!(absent.remark().starts_with(text), "{absent:?}");
    for (code, body) in [(103, "{\"topicConfigSerializeWrapper\":"), (322, "[}"), (217, "nonsense")]
    {
        let mut header = fields(0, "m:1");
        header["topic"] = "T".into();
        let refused = peer.ask_with(code, &header, body.as_bytes());
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!(refused.remark().contains("bad JSON"), "{refused:?}");
    }
    let mut header = fields(0, "m:1");
    header["compressed"] = "true".into();
    let refused = peer.ask_with(103, &header, b"not zlib");
    assert!(refused.remark().starts_with("Failed to decode RegisterBrokerBody"), "{refused:?}");
    // It still works.
    register(&mut peer);
}

#[test]
fn a_taken_port_is_named() {
    let server = Server::new();
    let dir = tempfile::tempdir().unwrap();
    let mut second = config(&dir);
    second.listen_port = server.address().port();
    let error = start(second).err().unwrap().to_string();
    assert!(error.contains(&server.address().to_string()), "{error}");
}
