//! Metrics and health over HTTP, end to end (H32).

use std::io::{Read, Write};
use std::net::TcpStream;

use protocol::frame::HeaderKind;

use crate::peer::Peer;
use crate::servers::Server;
use crate::until::until;

/// A port nobody listens on just now.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
    listener.local_addr().expect("an address").port()
}

/// Status line and body.
fn get(port: u16, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("connected");
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a body");
    (head.lines().next().unwrap_or_default().to_owned(), body.to_owned())
}

#[test]
fn a_broker_shows_figures_and_says_when_it_is_ready() {
    let folder = tempfile::tempdir().expect("a folder");
    let ns_http = free_port();
    let kv = format!("kvConfigPath={}", folder.path().join("kv.json").display());
    let conf = format!("configStorePath={}", folder.path().join("ns.properties").display());
    let ns_port = format!("metricsPromExporterPort={ns_http}");
    let prom = "metricsExporterType=PROM";
    let ns = Server::start(&["namesrv", "listenPort=0", prom, &ns_port, &kv, &conf]);
    let ns_address = format!("127.0.0.1:{}", ns.boot_line.rsplit_once(':').expect("a port").1);
    let port = free_port();
    let setting = format!("metricsPromExporterPort={port}");
    let host = "metricsPromExporterHost=127.0.0.1";
    let (_server, address) = Server::broker(folder.path(), &ns_address, &[prom, &setting, host]);
    assert_eq!(get(port, "/healthz"), ("HTTP/1.1 200 OK".to_owned(), "ok\n".to_owned()));
    until("the broker is ready", || get(port, "/readyz").0 == "HTTP/1.1 200 OK");
    assert!(get(port, "/elsewhere").0.contains("404"));

    let mut peer = Peer::connect(&address);
    for _ in 0..3 {
        let fields = [("a", "g"), ("b", "T"), ("c", "TBW102"), ("d", "4"), ("e", "0"), ("i", "")];
        assert_eq!(peer.ask(310, &fields, b"twelve bytes").code, 0);
    }
    let pull = [("consumerGroup", "cg"), ("topic", "T"), ("queueId", "0"), ("queueOffset", "0")];
    let more = [("maxMsgNums", "2"), ("sysFlag", "4"), ("commitOffset", "0"), ("subVersion", "0")];
    let last = [("subscription", "*"), ("expressionType", "TAG"), ("suspendTimeoutMillis", "0")];
    let all = [&pull[..], &more[..], &last[..]].concat();
    assert_eq!(peer.ask_in(HeaderKind::Json, 11, &all, b"").code, 0);
    let commit = [("consumerGroup", "cg"), ("topic", "T"), ("queueId", "0"), ("commitOffset", "1")];
    assert_eq!(peer.ask(15, &commit, b"").code, 0);

    let (_, text) = get(port, "/metrics");
    let group = "consumer_group=\"cg\",topic=\"T\",is_retry=\"false\",is_system=\"false\"";
    let labels = "cluster=\"DefaultCluster\",node_id=\"broker-a\",node_type=\"broker\"";
    for expected in [
        format!("rocketmq_broker_permission{{{labels}}} 6\n"),
        format!(
            "rocketmq_messages_in_total{{{labels},topic=\"T\",message_type=\"normal\",\
             is_system=\"false\"}} 3\n"
        ),
        format!(
            "rocketmq_messages_out_total{{{labels},topic=\"T\",consumer_group=\"cg\",\
             is_retry=\"false\",is_system=\"false\"}} 2\n"
        ),
        format!(
            "rocketmq_consumer_lag_messages{{{labels},consumer_group=\"cg\",topic=\"T\",\
             is_retry=\"false\",is_system=\"false\"}} 2\n"
        ),
        "# TYPE rocketmq_storage_size_bytes gauge\n".to_owned(),
        format!("rocketmq_consumer_inflight_messages{{{labels},{group}}} 1\n"),
        format!("rocketmq_consumer_ready_messages{{{labels},{group}}} 1\n"),
        format!(
            "rocketmq_message_size_bucket{{{labels},topic=\"T\",message_type=\"normal\",\
             is_system=\"false\",le=\"1024.0\"}} 3\n"
        ),
        format!(
            "rocketmq_rpc_latency_milliseconds_count{{{labels},protocol_type=\"remoting\",\
             request_code=\"send_message_v2\",response_code=\"success\",\
             is_long_polling=\"false\",result=\"success\"}} 3\n"
        ),
        format!("rocketmq_pop_revive_lag_milliseconds{{{labels},queue_id=\"0\"}} 0\n"),
    ] {
        assert!(text.contains(&expected), "no {expected} in {text}");
    }
    // Every line is one that Prometheus reads, and no series comes twice.
    let mut seen = std::collections::HashSet::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').expect("a value");
        assert!(value.parse::<f64>().is_ok(), "{line}");
        assert!(seen.insert(series), "{line}");
    }

    let (_, text) = get(ns_http, "/metrics");
    assert!(text.contains("ferrite_namesrv_broker_number{node_type=\"nameserver\"} 1\n"), "{text}");
    assert!(get(ns_http, "/readyz").0.contains("200"));
}

#[test]
fn a_broker_without_its_name_server_or_permission_is_not_ready() {
    let folder = tempfile::tempdir().expect("a folder");
    let (port, nobody) = (free_port(), free_port());
    let name_server = format!("127.0.0.1:{nobody}");
    let setting = format!("metricsPromExporterPort={port}");
    let settings = ["metricsExporterType=PROM", &setting, "brokerPermission=4"];
    let (_server, _) = Server::broker(folder.path(), &name_server, &settings);
    let (status, why) = get(port, "/readyz");
    assert_eq!(status, "HTTP/1.1 503 Service Unavailable");
    assert!(why.contains("brokerPermission") && why.contains("name server"), "{why}");
    assert!(get(port, "/healthz").0.contains("200"));
}
