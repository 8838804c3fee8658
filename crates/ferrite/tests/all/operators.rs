//! Commands for operators whose recordings say too little: what they ask a consumer (D24-g, D24-d,
//! D32, D33), what they move (D30), their JSON.

use std::process::{Command, Output};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use client::{Admin, Consumed, Consumer, ConsumerConfig, Listener, Message, Producer};
use client::{ProducerConfig, StartFrom};

use crate::servers::Server;
use crate::until::until;

const WAIT: Duration = Duration::from_secs(30);

fn admin(folder: &std::path::Path, name_server: &str, words: &str) -> Output {
    let (name, rest) = words.split_once(' ').unwrap_or((words, ""));
    let mut command = Command::new(env!("CARGO_BIN_EXE_ferrite"));
    command.args(["admin", name, "-n", name_server]).args(rest.split_whitespace());
    command.current_dir(folder).output().expect("the binary runs")
}

fn text(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_consumer_answers_operators() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_name_server, name_server) = Server::name_server(folder.path());
    let (_broker, broker) = Server::broker(folder.path(), &name_server, &[]);
    let calls = Admin::new(&name_server).expect("an address");
    until("the broker is registered", || calls.masters().is_ok_and(|m| m.contains(&broker)));
    calls.create_topic(&broker, "T", 1).expect("a topic");
    let ask = |words: &str| admin(folder.path(), &name_server, words);

    let producer = Producer::start(ProducerConfig::new(&*name_server, "P")).expect("started");
    let (sender, receiver) = sync_channel(100);
    let listener = Listener::Concurrent(Box::new(move |messages| {
        for message in messages {
            sender.send(message.body().to_vec()).expect("room");
        }
        Consumed::Done
    }));
    until("the topic is routed", || calls.topic_route("T").is_ok());
    let config =
        ConsumerConfig { start_from: StartFrom::First, ..ConsumerConfig::new(&*name_server, "G") };
    let consumer = Consumer::start(config, &[("T", "*")], listener).expect("started");
    let sent = producer.send(&mut Message::new("T", "one").with_keys("k")).expect("sent");
    assert_eq!(receiver.recv_timeout(WAIT).expect("consumed"), b"one");
    let (id, client_id) = (&sent.message_id, consumer.client_id());

    // D24: that client consumes the message once more, now.
    until("the message can be found", || ask("queryMsgByKey -t T -k k").status.success());
    let said = text(&ask(&format!("queryMsgByUniqueKey -t T -i {id} -g G -d {client_id}")));
    assert!(said.contains("consumeResult=CR_SUCCESS"), "{said}");
    assert_eq!(receiver.recv_timeout(WAIT).expect("again"), b"one");

    // D32, D33: what it says about itself.
    let said = text(&ask(&format!("consumerStatus -g G -i {client_id}")));
    assert!(said.contains("#Consumer Properties#") && said.contains("consumerGroup"), "{said}");
    let said = text(&ask("getConsumerStatus -g G -t T"));
    let row = said.lines().last().unwrap_or_default();
    assert!(row.starts_with(client_id) && row.trim_end().ends_with('1'), "{said}");

    // D31: the same as an object.
    until("the offset is committed", || {
        let said = text(&ask("consumerProgress -g G --json"));
        let said: serde_json::Value = serde_json::from_str(&said).expect("one object");
        said["diffTotal"] == 0 && said["queues"][0]["consumerOffset"] == 1
    });

    // D30: it goes back while it runs.
    let said = text(&ask("resetOffsetByTime -g G -t T -s 0"));
    assert!(said.contains("#brokerName"), "{said}");
    assert_eq!(receiver.recv_timeout(WAIT).expect("from the start"), b"one");
    consumer.stop();
    producer.stop();
}

#[test]
fn mistakes_are_said_and_have_a_status() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_name_server, name_server) = Server::name_server(folder.path());
    let (_broker, broker) = Server::broker(folder.path(), &name_server, &[]);
    for (words, why) in [
        (&*format!("updateSubGroup -b {broker} -g G --attributes +a=b"), "unsupported key: a"),
        (&*format!("updateSubGroup -b {broker} -g G -p nonsense"), "-p"),
        ("resetOffsetByTime -g G -t T -s yesterday", "yyyy-MM-dd"),
        ("queryMsgByKey -t NoSuch -k k", "CODE: 17"),
        ("setConsumeMode -c DefaultCluster -t T -g G -m PUSH", "PULL or POP"),
        ("dumpCompactionLog -f nothing", "not exist"),
    ] {
        let output = admin(folder.path(), &name_server, words);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{words}: {said}");
        assert!(said.contains(why), "{words}: {said}");
    }
}
