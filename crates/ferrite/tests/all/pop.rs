//! POP: messages popped, acknowledged, hidden longer, coming again; also across `kill -9`.

use std::path::Path;

use model::record::{self, Entry};
use protocol::frame::HeaderKind;

use crate::peer::{Incoming, Peer, read_frame};
use crate::servers::Server;
use crate::until::until;

const GROUP: &str = "PG";

fn start(folder: &Path) -> (Server, String) {
    Server::broker(folder, "", &["flushConsumerOffsetInterval=200"])
}

fn send(peer: &mut Peer, topic: &str, queue_id: &str, body: &str) {
    let key = format!("TAGS\u{1}t\u{2}UNIQ_KEY\u{1}{body}\u{2}");
    let fields =
        [("a", "p"), ("b", topic), ("c", "TBW102"), ("d", "4"), ("e", queue_id), ("i", &*key)];
    let answer = peer.ask(310, &fields, body.as_bytes());
    assert_eq!(answer.code, 0, "{}", answer.remark);
}

/// A message with what is needed to acknowledge it.
#[derive(Debug, Clone)]
struct Popped {
    topic: String,
    body: String,
    reconsume_times: i32,
    queue_id: i32,
    queue_offset: i64,
    receipt: String,
}

impl Popped {
    /// As the request names it: where it stands.
    fn fields(&self) -> [(&'static str, String); 5] {
        let kind = self.receipt.split(' ').nth(4).expect("a kind").to_owned();
        let topic = match &*kind {
            "1" => format!("%RETRY%{GROUP}_{}", self.topic),
            _ => self.topic.clone(),
        };
        [
            ("consumerGroup", GROUP.to_owned()),
            ("topic", topic),
            ("queueId", self.queue_id.to_string()),
            ("offset", self.queue_offset.to_string()),
            ("extraInfo", self.receipt.clone()),
        ]
    }
}

/// Puts receipts together as Java's client does.
fn popped(answer: &Incoming) -> Vec<Popped> {
    let mut starts = std::collections::HashMap::new();
    let info = |name: &str| answer.fields.get(name).cloned().unwrap_or_default();
    for entry in info("startOffsetInfo").split(';').filter(|entry| !entry.is_empty()) {
        let fields: Vec<&str> = entry.split(' ').collect();
        starts.insert((fields[0].to_owned(), fields[1].to_owned()), fields[2].to_owned());
    }
    let listed: usize = info("msgOffsetInfo")
        .split(';')
        .filter(|entry| !entry.is_empty())
        .map(|entry| entry.rsplit(' ').next().expect("offsets").split(',').count())
        .sum();
    let mut found = Vec::new();
    let mut rest = &answer.body[..];
    while let Ok(Entry::Record(record)) = record::decode(rest) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let own = model::message::property(record.properties, "POP_CK").map(text);
        let receipt = own.unwrap_or_else(|| {
            let start = &starts[&("0".to_owned(), record.queue_id.to_string())];
            format!(
                "{start} {} {} {} 0 broker-a {} {}",
                answer.field("popTime"),
                answer.field("invisibleTime"),
                answer.field("reviveQid"),
                record.queue_id,
                record.queue_offset
            )
        });
        found.push(Popped {
            topic: text(record.topic),
            body: text(record.body),
            reconsume_times: record.reconsume_times,
            queue_id: record.queue_id,
            queue_offset: record.queue_offset,
            receipt,
        });
        rest = &rest[record.total_len..];
    }
    assert_eq!(found.len(), listed, "{:?}", answer.fields);
    found
}

fn pop_fields<'a>(
    topic: &'a str,
    invisible: &'a str,
    poll: &'a str,
    order: &'a str,
) -> Vec<(&'static str, &'a str)> {
    vec![
        ("consumerGroup", GROUP),
        ("topic", topic),
        ("queueId", "-1"),
        ("maxMsgNums", "32"),
        ("invisibleTime", invisible),
        ("pollTime", poll),
        ("bornTime", "0"),
        ("initMode", "0"),
        ("expType", "TAG"),
        ("exp", "*"),
        ("order", order),
    ]
}

fn pop(peer: &mut Peer, topic: &str, invisible: &str) -> Vec<Popped> {
    let answer = peer.ask(200_050, &pop_fields(topic, invisible, "0", "false"), &[]);
    assert!(matches!(answer.code, 0 | 210), "{} {}", answer.code, answer.remark);
    popped(&answer)
}

/// Pops until so many messages came, whatever queue and topic they stand in.
fn pop_many(peer: &mut Peer, topic: &str, invisible: &str, count: usize) -> Vec<Popped> {
    let mut found = Vec::new();
    until("messages are popped", || {
        found.extend(pop(peer, topic, invisible));
        found.len() >= count
    });
    found.sort_by(|a: &Popped, b| a.body.cmp(&b.body));
    found
}

fn bodies(popped: &[Popped]) -> Vec<&str> {
    popped.iter().map(|message| &*message.body).collect()
}

fn ask(peer: &mut Peer, code: i32, fields: &[(&'static str, String)]) -> Incoming {
    let fields: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (*k, &**v)).collect();
    peer.ask(code, &fields, &[])
}

fn ack(peer: &mut Peer, message: &Popped) {
    let answer = ask(peer, 200_051, &message.fields());
    assert_eq!(answer.code, 0, "{}", answer.remark);
}

/// The committed offsets of the group on a topic, added up.
fn consumed(peer: &mut Peer, topic: &str) -> i64 {
    let offset = |queue_id: i32| {
        let queue_id = queue_id.to_string();
        let fields = [("consumerGroup", GROUP), ("topic", topic), ("queueId", &*queue_id)];
        let answer = peer.ask(14, &fields, &[]);
        answer.fields.get("offset").map_or(0, |offset| offset.parse().expect("a number"))
    };
    (0..4).map(offset).sum()
}

#[test]
fn popped_messages_are_hidden_and_come_again_unless_acknowledged() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_server, address) = start(folder.path());
    let mut peer = Peer::connect(&address);
    for (queue_id, body) in [("0", "a"), ("1", "b"), ("1", "c"), ("3", "d")] {
        send(&mut peer, "P", queue_id, body);
    }
    let fields = [("consumerGroup", GROUP), ("topic", "P"), ("queueId", "-1"), ("maxMsgNums", "3")];
    for _ in 0..2 {
        let answer = peer.ask(200_052, &fields, &[]);
        assert_eq!((answer.code, answer.field("restNum")), (0, "4"), "a look hides nothing");
    }
    let first = pop_many(&mut peer, "P", "700", 4);
    assert_eq!(peer.ask(200_052, &fields, &[]).code, 19);
    assert_eq!(bodies(&first), ["a", "b", "c", "d"]);
    assert!(pop(&mut peer, "P", "700").is_empty(), "all are hidden");
    ack(&mut peer, &first[0]);
    ack(&mut peer, &first[2]);
    ack(&mut peer, &first[2]);
    let again = pop_many(&mut peer, "P", "60000", 2);
    assert_eq!(bodies(&again), ["b", "d"]);
    assert_eq!((again[0].reconsume_times, &*again[0].topic), (1, "P"));
    assert_eq!(again[0].receipt.split(' ').nth(4), Some("1"));
    for message in &again {
        ack(&mut peer, message);
    }
    until("the offsets are committed", || consumed(&mut peer, "P") == 4);
    let mut wrong = first[0].clone();
    wrong.queue_offset = 99;
    assert_eq!(ask(&mut peer, 200_051, &wrong.fields()).code, 208);
    wrong.queue_id = 4;
    assert_eq!(ask(&mut peer, 200_051, &wrong.fields()).code, 13);
    wrong = Popped { receipt: "x".to_owned(), ..first[0].clone() };
    assert_eq!(
        peer.ask(
            200_051,
            &[
                ("consumerGroup", GROUP),
                ("topic", "P"),
                ("queueId", "0"),
                ("offset", "0"),
                ("extraInfo", &*wrong.receipt)
            ],
            &[]
        )
        .code,
        1
    );
}

#[test]
fn invisible_times_change_in_both_directions() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_server, address) = start(folder.path());
    let mut peer = Peer::connect(&address);
    send(&mut peer, "V", "0", "sooner");
    send(&mut peer, "V", "0", "later");
    let first = pop_many(&mut peer, "V", "1500", 2);
    let change = |peer: &mut Peer, message: &Popped, invisible: &str| {
        let mut fields = message.fields().to_vec();
        fields.push(("invisibleTime", invisible.to_owned()));
        let answer = ask(peer, 200_053, &fields);
        assert_eq!(answer.code, 0, "{}", answer.remark);
        let receipt: Vec<&str> = message.receipt.split(' ').collect();
        let (pop_time, own) = (answer.field("popTime"), answer.field("invisibleTime"));
        let (revive, offset) = (answer.field("reviveQid"), message.queue_offset.to_string());
        let receipt =
            [&*offset, pop_time, own, revive, receipt[4], receipt[5], receipt[6], &*offset];
        Popped { receipt: receipt.join(" "), ..message.clone() }
    };
    let later = change(&mut peer, &first[0], "60000");
    change(&mut peer, &first[1], "100");
    let again = pop_many(&mut peer, "V", "60000", 1);
    assert_eq!(bodies(&again), ["sooner"]);
    ack(&mut peer, &again[0]);
    // The old receipt no longer counts, the new one does.
    ack(&mut peer, &first[0]);
    let sooner = change(&mut peer, &later, "50");
    let again = pop_many(&mut peer, "V", "60000", 1);
    assert_eq!(bodies(&again), ["later"]);
    ack(&mut peer, &sooner);
    ack(&mut peer, &again[0]);
    // A receipt whose time is over hides nothing: a check point of it would repeat the message.
    let mut fields = later.fields().to_vec();
    fields.push(("invisibleTime", "50".to_owned()));
    assert_eq!(ask(&mut peer, 200_053, &fields).code, 208);
    assert!(pop(&mut peer, "V", "60000").is_empty());
}

#[test]
fn several_are_acknowledged_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_server, address) = start(folder.path());
    let mut peer = Peer::connect(&address);
    for number in 0..10 {
        send(&mut peer, "B", "2", &format!("b{number}"));
    }
    let first = pop_many(&mut peer, "B", "600", 10);
    let fields: Vec<&str> = first[0].receipt.split(' ').collect();
    // All but the fourth: 0xf7, 0x03.
    let body = format!(
        "{{\"brokerName\":\"broker-a\",\"acks\":[{{\"b\":\"9wM=\",\"c\":\"{GROUP}\",\"it\":{},\
         \"pt\":{},\"q\":2,\"r\":\"0\",\"rq\":{},\"so\":0,\"t\":\"B\"}}]}}",
        fields[2], fields[1], fields[3]
    );
    assert_eq!(peer.ask(200_151, &[], body.as_bytes()).code, 0);
    assert_eq!(peer.ask(200_151, &[], b"{}").code, 208);
    let again = pop_many(&mut peer, "B", "60000", 1);
    assert_eq!(bodies(&again), ["b3"]);
}

#[test]
fn a_kill_loses_no_popped_message_and_repeats_no_acknowledged_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, address) = start(folder.path());
    let mut peer = Peer::connect(&address);
    for number in 0..6 {
        send(&mut peer, "K", &(number % 4).to_string(), &format!("k{number}"));
    }
    let first = pop_many(&mut peer, "K", "1500", 6);
    ack(&mut peer, &first[1]);
    ack(&mut peer, &first[4]);
    server.kill();
    let (server, address) = start(folder.path());
    let mut peer = Peer::connect(&address);
    // A receipt of before the kill is good.
    ack(&mut peer, &first[5]);
    assert!(pop(&mut peer, "K", "60000").is_empty(), "the others are still hidden");
    let again = pop_many(&mut peer, "K", "60000", 3);
    assert_eq!(bodies(&again), ["k0", "k2", "k3"]);
    for message in &again {
        ack(&mut peer, message);
    }
    server.kill();
    let (_server, address) = start(folder.path());
    let mut peer = Peer::connect(&address);
    send(&mut peer, "K", "0", "k6");
    let last = pop_many(&mut peer, "K", "60000", 1);
    assert_eq!(bodies(&last), ["k6"]);
    assert!(pop(&mut peer, "K", "60000").is_empty());
}

#[test]
fn a_pop_waits_for_a_message_and_for_one_that_comes_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_server, address) = start(folder.path());
    let (mut peer, mut waiting) = (Peer::connect(&address), Peer::connect(&address));
    send(&mut peer, "W", "0", "w0");
    let first = pop_many(&mut peer, "W", "60000", 1);
    waiting.send(HeaderKind::Json, 200_050, &pop_fields("W", "400", "15000", "false"), &[]);
    let info = [("consumerGroup", GROUP), ("topic", "W"), ("queueId", "-1")];
    until("the pop waits", || peer.ask(200_055, &info, &[]).field("pollingNum") == "1");
    send(&mut peer, "W", "3", "w1");
    let answer = read_frame(&mut waiting.stream).expect("an answer");
    assert_eq!((answer.code, bodies(&popped(&answer))), (0, vec!["w1"]));
    // What comes again wakes too.
    waiting.send(HeaderKind::Json, 200_050, &pop_fields("W", "60000", "15000", "false"), &[]);
    let answer = read_frame(&mut waiting.stream).expect("an answer");
    assert_eq!((answer.code, bodies(&popped(&answer))), (0, vec!["w1"]));
    ack(&mut peer, &first[0]);
    // Nothing comes: the answer does.
    waiting.send(HeaderKind::Json, 200_050, &pop_fields("W", "60000", "700", "false"), &[]);
    let answer = read_frame(&mut waiting.stream).expect("an answer");
    assert_eq!((answer.code, &*answer.remark), (210, "NO_MESSAGE_IN_QUEUE"));
    let fields = [&info[..], &[("pollTime", "0"), ("bornTime", "0")]].concat();
    assert_eq!(peer.ask(200_054, &fields, &[]).field("hasMsg"), "false");
    send(&mut peer, "W", "2", "w2");
    assert_eq!(peer.ask(200_054, &fields, &[]).field("hasMsg"), "true");
}

#[test]
fn popping_in_order_gives_one_batch_at_a_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_server, address) = start(folder.path());
    let (mut peer, mut waiting) = (Peer::connect(&address), Peer::connect(&address));
    for body in ["o0", "o1"] {
        send(&mut peer, "O", "1", body);
    }
    let ordered = |peer: &mut Peer, invisible: &str| {
        peer.ask(200_050, &pop_fields("O", invisible, "0", "true"), &[])
    };
    let answer = ordered(&mut peer, "300");
    assert_eq!((answer.field("reviveQid"), answer.field("orderCountInfo")), ("999", "0 1 0"));
    assert_eq!(bodies(&popped(&answer)), ["o0", "o1"]);
    send(&mut peer, "O", "1", "o2");
    assert_eq!(ordered(&mut peer, "300").code, 210, "the queue is blocked");
    // The time of the first ones is over: they come again where they stand.
    let mut answer = ordered(&mut peer, "60000");
    until("the queue is free", || {
        answer = ordered(&mut peer, "60000");
        answer.code == 0
    });
    let again = popped(&answer);
    assert_eq!(bodies(&again), ["o0", "o1", "o2"]);
    assert_eq!(answer.field("orderCountInfo"), "0 qo1%0 1;0 qo1%1 1;0 1 0");
    waiting.send(HeaderKind::Json, 200_050, &pop_fields("O", "60000", "15000", "true"), &[]);
    ack(&mut peer, &again[0]);
    assert_eq!(consumed(&mut peer, "O"), 1);
    send(&mut peer, "O", "1", "o3");
    ack(&mut peer, &again[1]);
    ack(&mut peer, &again[2]);
    assert_eq!(consumed(&mut peer, "O"), 3);
    let answer = read_frame(&mut waiting.stream).expect("an answer");
    assert_eq!((answer.code, bodies(&popped(&answer))), (0, vec!["o3"]));
}

#[test]
fn clients_are_told_which_queues_to_pop() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, address) = start(folder.path());
    let mut peer = Peer::connect(&address);
    send(&mut peer, "A", "0", "a");
    let beat = r#"{"clientID":"c1","producerDataSet":[],"consumerDataSet":[{"groupName":"PG",
        "consumeType":"CONSUME_PASSIVELY","messageModel":"CLUSTERING","consumeFromWhere":
        "CONSUME_FROM_FIRST_OFFSET","subscriptionDataSet":[]}]}"#;
    assert_eq!(peer.ask(34, &[], beat.as_bytes()).code, 0);
    let question = r#"{"clientId":"c1","consumerGroup":"PG","messageModel":"CLUSTERING",
        "strategyName":"AVG","topic":"A"}"#;
    let answer = peer.ask(400, &[], question.as_bytes());
    assert_eq!(String::from_utf8_lossy(&answer.body).matches("PULL").count(), 4);
    let mode = r#"{"consumerGroup":"PG","mode":"POP","popShareQueueNum":0,"topic":"A"}"#;
    assert_eq!(peer.ask(401, &[], mode.as_bytes()).code, 0);
    server.kill();
    let (_server, address) = start(folder.path());
    let mut peer = Peer::connect(&address);
    assert_eq!(peer.ask(34, &[], beat.as_bytes()).code, 0);
    let answer = peer.ask(400, &[], question.as_bytes());
    let told = "{\"messageQueueAssignments\":[{\"messageQueue\":{\"brokerName\":\"broker-a\",\
                \"queueId\":-1,\"topic\":\"A\"},\"mode\":\"POP\"}]}";
    assert_eq!(String::from_utf8_lossy(&answer.body), told);
    let answer = peer.ask(402, &[], &[]);
    assert!(String::from_utf8_lossy(&answer.body).contains(mode));
    let retry = r#"{"consumerGroup":"PG","mode":"POP","topic":"%RETRY%PG"}"#;
    assert_eq!(peer.ask(401, &[], retry.as_bytes()).code, 16);
}

#[test]
fn check_points_that_another_broker_left_are_taken_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_server, address) = start(folder.path());
    let mut peer = Peer::connect(&address);
    send(&mut peer, "F", "0", "f0");
    let first = pop_many(&mut peer, "F", "60000", 1);
    ack(&mut peer, &first[0]);
    // As the timer of a Java broker would deliver it.
    let body = format!(
        "{{\"bm\":0,\"bn\":\"broker-a\",\"c\":\"{GROUP}\",\"d\":[0],\"it\":1000,\"n\":1,\
         \"pt\":1700000000000,\"q\":0,\"reviveTime\":1700000001000,\"ro\":0,\"so\":0,\"t\":\"F\"}}"
    );
    let topic = "rmq_sys_REVIVE_LOG_DefaultCluster";
    let tag = "TAGS\u{1}ck\u{2}";
    let fields = [("a", "p"), ("b", topic), ("c", "TBW102"), ("d", "8"), ("e", "0"), ("i", tag)];
    assert_eq!(peer.ask(310, &fields, body.as_bytes()).code, 0);
    let again = pop_many(&mut peer, "F", "60000", 1);
    assert_eq!((bodies(&again), again[0].reconsume_times), (vec!["f0"], 1));
}

#[test]
fn the_queues_of_every_broker_are_divided_among_the_clients() {
    let (folder, other) = (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("two"));
    let (_names, namesrv) = Server::name_server(folder.path());
    let (_first, first) = Server::broker(folder.path(), &namesrv, &[]);
    let (_second, second) = Server::broker(other.path(), &namesrv, &["brokerName=broker-b"]);
    let (mut peer, mut names) = (Peer::connect(&first), Peer::connect(&namesrv));
    for (address, queues) in [(&first, "2"), (&second, "3")] {
        let fields = [
            ("topic", "Q"),
            ("defaultTopic", "TBW102"),
            ("readQueueNums", queues),
            ("writeQueueNums", queues),
            ("perm", "6"),
            ("topicFilterType", "SINGLE_TAG"),
            ("topicSysFlag", "0"),
            ("order", "false"),
        ];
        assert_eq!(Peer::connect(address).ask(17, &fields, &[]).code, 0);
    }
    until("both are in the route", || {
        let route = names.ask(105, &[("topic", "Q")], &[]);
        let text = String::from_utf8_lossy(&route.body).into_owned();
        ["broker-a", "broker-b"].iter().all(|name| text.contains(name))
    });
    let group = format!(
        "{{\"groupName\":\"{GROUP}\",\"consumeType\":\"CONSUME_PASSIVELY\",\"messageModel\":\
         \"CLUSTERING\",\"consumeFromWhere\":\"CONSUME_FROM_FIRST_OFFSET\",\
         \"subscriptionDataSet\":[{{\"topic\":\"Q\",\"subString\":\"*\"}}]}}"
    );
    let connected = ["c1", "c2"].map(|client| {
        let body = format!(
            "{{\"clientID\":\"{client}\",\"consumerDataSet\":[{group}],\"producerDataSet\":[]}}"
        );
        let mut client = Peer::connect(&first);
        assert_eq!(client.ask(34, &[], body.as_bytes()).code, 0);
        client
    });
    let mut queues_of = |client: &str| {
        let body = format!(
            "{{\"topic\":\"Q\",\"consumerGroup\":\"{GROUP}\",\"clientId\":\"{client}\",\
             \"strategyName\":\"AVG\",\"messageModel\":\"CLUSTERING\"}}"
        );
        let answer = peer.ask(400, &[], body.as_bytes());
        assert_eq!(answer.code, 0, "{}", answer.remark);
        let json: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
        let queues = json["messageQueueAssignments"].as_array().expect("a list").iter();
        let name = |one: &serde_json::Value| {
            let queue = &one["messageQueue"];
            format!("{}{}", queue["brokerName"].as_str().expect("a name"), queue["queueId"])
        };
        let mut names: Vec<String> = queues.map(name).collect();
        names.sort();
        names
    };
    assert_eq!(queues_of("c1"), ["broker-a0", "broker-a1", "broker-b0"]);
    assert_eq!(queues_of("c2"), ["broker-b1", "broker-b2"]);
    drop(connected);
}
