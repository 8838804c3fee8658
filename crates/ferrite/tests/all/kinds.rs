//! Messages that are not readable at once: delayed ones, those given back, transactions, each
//! also across `kill -9`; consumers that filter by expressions; replies (rows E, F, G).

use std::path::Path;

use model::record::{self, Entry};
use protocol::frame::HeaderKind;

use crate::peer::{Incoming, Peer};
use crate::servers::Server;
use crate::until::until;

/// A message as a consumer sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub body: String,
    pub store_timestamp: i64,
    reconsume_times: i32,
    commit_log_offset: i64,
    properties: Vec<u8>,
}

impl Seen {
    pub fn property(&self, name: &str) -> Option<String> {
        let value = model::message::property(&self.properties, name)?;
        Some(String::from_utf8_lossy(value).into_owned())
    }
}

pub fn start(folder: &Path) -> (Server, String) {
    let settings = ["messageDelayLevel=1s 2s", "transactionTimeOut=50"];
    let more = ["transactionCheckInterval=100", "transactionCheckMax=2"];
    Server::broker(folder, "", &[settings, more].concat())
}

fn send(peer: &mut Peer, topic: &str, properties: &str, body: &str) -> Incoming {
    let fields =
        [("a", "p"), ("b", topic), ("c", "TBW102"), ("d", "1"), ("e", "0"), ("i", properties)];
    let answer = peer.ask(310, &fields, body.as_bytes());
    assert_eq!(answer.code, 0, "{}", answer.remark);
    answer
}

/// All messages of queue 0 of a topic.
pub fn pull(peer: &mut Peer, topic: &str) -> Vec<Seen> {
    let answer = pull_filtered(peer, topic, ("TAG", "*"));
    let mut seen = Vec::new();
    let mut rest = &answer.body[..];
    while let Ok(Entry::Record(record)) = record::decode(rest) {
        seen.push(Seen {
            body: String::from_utf8_lossy(record.body).into_owned(),
            store_timestamp: record.store_timestamp,
            reconsume_times: record.reconsume_times,
            commit_log_offset: record.commit_log_offset,
            properties: record.properties.to_vec(),
        });
        rest = &rest[record.total_len..];
    }
    seen
}

/// A pull of queue 0 with an expression of a type.
fn pull_filtered(peer: &mut Peer, topic: &str, (kind, text): (&str, &str)) -> Incoming {
    let fields = [
        ("consumerGroup", "TOOLS_CONSUMER"),
        ("topic", topic),
        ("queueId", "0"),
        ("queueOffset", "0"),
        ("maxMsgNums", "32"),
        ("sysFlag", "4"),
        ("commitOffset", "0"),
        ("suspendTimeoutMillis", "0"),
        ("subscription", text),
        ("expressionType", kind),
        ("subVersion", "0"),
    ];
    peer.ask(11, &fields, &[])
}

pub fn bodies(seen: &[Seen]) -> Vec<&str> {
    seen.iter().map(|message| &*message.body).collect()
}

/// B35: levels of the configuration's own.
#[test]
fn a_delayed_message_is_delivered_once_even_across_a_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, address) = start(folder.path());
    let mut peer = Peer::connect(&address);
    send(&mut peer, "D", "TAGS\u{1}t\u{2}DELAY\u{1}1\u{2}UNIQ_KEY\u{1}A1\u{2}", "late");
    send(&mut peer, "D", "UNIQ_KEY\u{1}A2\u{2}", "at once");
    assert_eq!(bodies(&pull(&mut peer, "D")), ["at once"]);
    server.kill();
    let (_server, address) = start(folder.path());
    let mut peer = Peer::connect(&address);
    until("the delayed message is there", || pull(&mut peer, "D").len() > 1);
    let seen = pull(&mut peer, "D");
    assert_eq!(bodies(&seen), ["at once", "late"]);
    let property = |name| seen[1].property(name);
    assert_eq!((property("DELAY").as_deref(), property("TAGS").as_deref()), (Some("1"), Some("t")));
    assert_eq!(property("REAL_TOPIC").as_deref(), Some("D"));
    assert_eq!(property("REAL_QID").as_deref(), Some("0"));
}

#[test]
fn messages_given_back_come_again_and_then_go_to_the_dead_letters() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_server, address) = start(folder.path());
    let mut peer = Peer::connect(&address);
    let answer = peer.ask(200, &[], br#"{"groupName":"G","retryQueueNums":1,"retryMaxTimes":16}"#);
    assert_eq!(answer.code, 0, "{}", answer.remark);
    send(&mut peer, "R", "UNIQ_KEY\u{1}B1\u{2}", "hard");
    let first = pull(&mut peer, "R").remove(0);
    let mut give_back = |message: &Seen, level: &str| {
        let offset = message.commit_log_offset.to_string();
        let fields = [("offset", &*offset), ("group", "G"), ("delayLevel", level)];
        peer.ask(36, &fields, &[])
    };
    assert_eq!(give_back(&first, "1").code, 0);
    assert_eq!(give_back(&first, "-1").code, 0);
    let nowhere = Seen { commit_log_offset: 7, ..first.clone() };
    let answer = give_back(&nowhere, "1");
    assert_eq!((answer.code, &*answer.remark), (1, "look message by offset failed, 7"));
    let mut peer = Peer::connect(&address);
    let dead = pull(&mut peer, "%DLQ%G");
    assert_eq!((bodies(&dead), dead[0].reconsume_times), (vec!["hard"], 1));
    until("the retry is there", || !pull(&mut peer, "%RETRY%G").is_empty());
    let retry = pull(&mut peer, "%RETRY%G").remove(0);
    assert_eq!((&*retry.body, retry.reconsume_times), ("hard", 1));
    assert_eq!(retry.property("RETRY_TOPIC").as_deref(), Some("R"));
    assert_eq!(retry.property("ORIGIN_MESSAGE_ID").map(|id| id.len()), Some(32));
}

/// A client gives back by a plain send when its queue is consumed in order (rows F14, F39).
#[test]
fn messages_sent_to_a_retry_topic_too_often_are_dead_letters() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_server, address) = start(folder.path());
    let mut peer = Peer::connect(&address);
    let mut retry = |times: &str, body: &str| {
        let topic = "%RETRY%ordered";
        let of_topic = [("a", "p"), ("b", topic), ("c", "TBW102"), ("d", "1"), ("e", "0")];
        let of_retry = [("i", "KEYS\x01k\x02DELAY\x011\x02"), ("j", times), ("l", "2")];
        let fields = [&of_topic[..], &of_retry[..]].concat();
        let answer = peer.ask(310, &fields, body.as_bytes());
        assert_eq!(answer.code, 0, "{}", answer.remark);
    };
    retry("2", "once more");
    retry("3", "no more");
    let dead = pull(&mut peer, "%DLQ%ordered");
    assert_eq!(bodies(&dead), ["no more"]);
    assert_eq!(dead[0].reconsume_times, 3);
    assert_eq!(dead[0].property("KEYS").as_deref(), Some("k"));
    assert_eq!(dead[0].property("DELAY").as_deref(), Some("-1"));
    until("the delayed one", || bodies(&pull(&mut peer, "%RETRY%ordered")) == ["once more"]);
}

const PREPARED: &str = "TRAN_MSG\u{1}true\u{2}PGROUP\u{1}P\u{2}UNIQ_KEY\u{1}";

pub fn prepare(peer: &mut Peer, topic: &str, key: &str) -> (String, String) {
    let properties = format!("{PREPARED}{key}\u{2}");
    let born = base::clock::wall_ms().to_string();
    let fields = [
        ("a", "P"),
        ("b", topic),
        ("c", "TBW102"),
        ("d", "1"),
        ("e", "0"),
        ("f", "4"),
        ("g", &*born),
        ("i", &*properties),
    ];
    let answer = peer.ask(310, &fields, key.as_bytes());
    assert_eq!(answer.code, 0, "{}", answer.remark);
    assert_eq!(answer.field("transactionId"), key);
    let id: model::message_id::MessageId = answer.field("msgId").parse().expect("an id");
    (answer.field("queueOffset").to_owned(), id.commit_log_offset.to_string())
}

pub fn end(peer: &mut Peer, half: &(String, String), how: &str, is_check: bool) -> Incoming {
    let fields = [
        ("producerGroup", "P"),
        ("tranStateTableOffset", &*half.0),
        ("commitLogOffset", &*half.1),
        ("commitOrRollback", how),
        ("fromTransactionCheck", if is_check { "true" } else { "false" }),
        ("msgId", "x"),
    ];
    peer.ask(37, &fields, &[])
}

pub fn heartbeat(peer: &mut Peer) {
    let body = br#"{"clientID":"c","producerDataSet":[{"groupName":"P"}],"consumerDataSet":[]}"#;
    assert_eq!(peer.ask(34, &[], body).code, 0);
}

#[test]
fn a_transaction_ends_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_server, address) = start(folder.path());
    let mut peer = Peer::connect(&address);
    let (committed, rolled_back) = (prepare(&mut peer, "T", "C1"), prepare(&mut peer, "T", "C2"));
    assert!(pull(&mut peer, "T").is_empty(), "half messages are not readable");
    assert_eq!(end(&mut peer, &committed, "8", false).code, 0);
    assert_eq!(end(&mut peer, &rolled_back, "12", false).code, 0);
    for half in [&committed, &rolled_back] {
        let answer = end(&mut peer, half, "8", false);
        assert_eq!((answer.code, &*answer.remark), (1, "the transaction has ended already"));
    }
    let seen = pull(&mut peer, "T");
    assert_eq!(bodies(&seen), ["C1"]);
    assert_eq!(seen[0].property("__transactionId__").as_deref(), Some("C1"));
    let wrong = (committed.0, "0".to_owned());
    assert_eq!(end(&mut peer, &wrong, "8", false).code, 1);
}

#[test]
fn a_commit_whose_write_was_cut_by_a_kill_is_known_and_made_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, address) = start(folder.path());
    let mut peer = Peer::connect(&address);
    let (cut, open) = (prepare(&mut peer, "T", "C1"), prepare(&mut peer, "T", "C2"));
    assert_eq!(end(&mut peer, &cut, "8", false).code, 0);
    let done = pull(&mut peer, "RMQ_SYS_TRANS_OP_HALF_TOPIC")[0].commit_log_offset;
    server.kill();
    // The message is written, what says that its transaction has ended is not.
    let log = folder.path().join("store/commitlog/00000000000000000000");
    let log = std::fs::OpenOptions::new().write(true).open(log).expect("the log");
    std::os::unix::fs::FileExt::write_all_at(&log, &[0; 4096], done as u64).expect("written");
    let (_server, address) = start(folder.path());
    let mut peer = Peer::connect(&address);
    let answer = end(&mut peer, &cut, "8", false);
    assert_eq!((answer.code, &*answer.remark), (1, "the transaction has ended already"));
    assert_eq!(end(&mut peer, &open, "8", false).code, 0);
    assert_eq!(bodies(&pull(&mut peer, "T")), ["C1", "C2"]);
}

/// B39, B40: asked after `transactionTimeOut`, at most `transactionCheckMax` times.
#[test]
fn silent_producers_are_asked_also_after_a_kill_and_given_up_in_the_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, address) = start(folder.path());
    let mut peer = Peer::connect(&address);
    prepare(&mut peer, "T", "C3");
    let ended = prepare(&mut peer, "T", "C4");
    assert_eq!(end(&mut peer, &ended, "8", false).code, 0);
    server.kill();
    let (_server, address) = start(folder.path());
    let mut peer = Peer::connect(&address);
    heartbeat(&mut peer);
    let check = peer.next_request();
    assert_eq!((check.code, check.field("transactionId")), (39, "C3"));
    let Ok(Entry::Record(record)) = record::decode(&check.body) else { panic!("no record") };
    assert_eq!((record.topic, record.body), (&b"T"[..], &b"C3"[..]));
    let half = |check: &Incoming| {
        let field = |name| check.field(name).to_owned();
        (field("tranStateTableOffset"), field("commitLogOffset"))
    };
    // Nobody answers the producer that does not know; it is asked again.
    let unknown = half(&check);
    let fields = [
        ("producerGroup", "P"),
        ("tranStateTableOffset", &*unknown.0),
        ("commitLogOffset", &*unknown.1),
        ("commitOrRollback", "0"),
        ("fromTransactionCheck", "true"),
    ];
    peer.send(HeaderKind::Json, 37, &fields, &[]);
    let again = peer.next_request();
    assert_eq!((again.code, again.field("transactionId")), (39, "C3"));
    assert_eq!(end(&mut peer, &half(&again), "8", true).code, 0);
    assert_eq!(bodies(&pull(&mut peer, "T")), ["C4", "C3"]);
    // Two checks that somebody hears are the most here.
    prepare(&mut peer, "T", "C5");
    until("the half message is given up", || {
        !pull(&mut peer, "TRANS_CHECK_MAX_TIME_TOPIC").is_empty()
    });
    let given_up = pull(&mut peer, "TRANS_CHECK_MAX_TIME_TOPIC");
    assert_eq!(bodies(&given_up), ["C5"]);
    assert_eq!(given_up[0].property("TRANSACTION_CHECK_TIMES").as_deref(), Some("2"));
    assert_eq!(bodies(&pull(&mut peer, "T")), ["C4", "C3"]);
}

/// A71, B36, F48: where SQL92 is off, Java's text says so.
#[test]
fn expressions_choose_messages_where_the_configuration_allows_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_server, address) = Server::broker(folder.path(), "", &["enablePropertyFilter=true"]);
    let mut peer = Peer::connect(&address);
    for (value, body) in [("1", "one"), ("2", "two"), ("3", "three")] {
        send(&mut peer, "S", &format!("a\u{1}{value}\u{2}"), body);
    }
    let answer = pull_filtered(&mut peer, "S", ("SQL92", "a > 1 AND a < 3"));
    assert_eq!(answer.code, 0, "{}", answer.remark);
    let Ok(Entry::Record(record)) = record::decode(&answer.body) else { panic!("no record") };
    assert_eq!((record.body, record.total_len), (&b"two"[..], answer.body.len()));
    let answer = pull_filtered(&mut peer, "S", ("SQL92", "a > 5"));
    assert_eq!((answer.code, answer.field("nextBeginOffset")), (20, "3"));
    assert_eq!(pull_filtered(&mut peer, "S", ("SQL92", "a >")).code, 23);
    let asked = |text: &str| {
        let data = format!(r#"{{"topic":"S","subString":"{text}","expressionType":"SQL92"}}"#);
        format!(r#"{{"clientId":"c","group":"g","subscriptionData":{data}}}"#)
    };
    assert_eq!(peer.ask(46, &[], asked("a IN ('x')").as_bytes()).code, 0);
    let refused = peer.ask(46, &[], asked("a IN x").as_bytes());
    assert_eq!(refused.code, 23, "{}", refused.remark);
    peer.ask(25, &[], b"enablePropertyFilter=false");
    let answer = pull_filtered(&mut peer, "S", ("SQL92", "a > 1"));
    assert!(answer.remark.starts_with("The broker does not support consumer to filter"));
}

#[test]
fn a_reply_is_pushed_to_the_client_that_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_server, address) = start(folder.path());
    let (mut asker, mut answerer) = (Peer::connect(&address), Peer::connect(&address));
    heartbeat(&mut asker);
    let properties = "REPLY_TO_CLIENT\u{1}c\u{2}CORRELATION_ID\u{1}7\u{2}";
    let fields = [
        ("a", "p"),
        ("b", "DefaultCluster_REPLY_TOPIC"),
        ("c", "TBW102"),
        ("d", "1"),
        ("e", "0"),
        ("i", properties),
    ];
    answerer.send(HeaderKind::Json, 325, &fields, b"42");
    let pushed = asker.next_request();
    assert_eq!((pushed.code, &pushed.body[..]), (326, &b"42"[..]));
    assert!(pushed.field("properties").contains("PUSH_REPLY_TIME\u{1}"));
    asker.answer(&pushed, 0);
    let stored = answerer.next_response();
    assert_eq!((stored.code, stored.field("queueId")), (0, "0"), "{}", stored.remark);
    assert_eq!(bodies(&pull(&mut asker, "DefaultCluster_REPLY_TOPIC")), ["42"]);
    let nobody = [&fields[..5], &[("i", "REPLY_TO_CLIENT\u{1}nobody\u{2}")]].concat();
    let refused = answerer.ask(325, &nobody, b"");
    assert_eq!(refused.remark, "push reply message fail, channel of <nobody> not found.");
}

#[test]
fn light_queues_share_messages_also_after_a_kill_without_queues() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = ["enableLmq=true", "enableMultiDispatch=true"];
    let (server, address) = Server::broker(folder.path(), "", &settings);
    let mut peer = Peer::connect(&address);
    send(&mut peer, "L", "INNER_MULTI_DISPATCH\u{1}%LMQ%a,%LMQ%b,other\u{2}", "both");
    send(&mut peer, "L", "INNER_MULTI_DISPATCH\u{1}%LMQ%b\u{2}", "second");
    let check = |peer: &mut Peer| {
        assert_eq!(bodies(&pull(peer, "L")), ["both", "second"]);
        assert_eq!(bodies(&pull(peer, "%LMQ%a")), ["both"]);
        let seen = pull(peer, "%LMQ%b");
        assert_eq!(bodies(&seen), ["both", "second"]);
        assert_eq!(seen[0].property("INNER_MULTI_QUEUE_OFFSET").as_deref(), Some("0,0,"));
        assert_eq!(seen[1].property("INNER_MULTI_QUEUE_OFFSET").as_deref(), Some("1"));
    };
    check(&mut peer);
    server.kill();
    std::fs::remove_dir_all(folder.path().join("store/consumequeue")).ok();
    let (_server, address) = Server::broker(folder.path(), "", &settings);
    check(&mut Peer::connect(&address));
}
