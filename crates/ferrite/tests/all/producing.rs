//! What a producer promises.

use std::sync::mpsc::sync_channel;

use client::{Admin, Message, Producer, ProducerConfig, SendStatus};

use crate::servers::Server;
use crate::until::until;

const MESSAGES: usize = 500;

/// E28: Java's producer fails the sends that are under way when it stops; ours waits for them.
#[test]
fn a_producer_that_stops_waits_for_its_sends() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_name_server, name_server) = Server::name_server(folder.path());
    let (_broker, address) = Server::broker(folder.path(), &name_server, &[]);
    let admin = Admin::new(&name_server).expect("an address");
    until("the broker is registered", || admin.masters().is_ok_and(|m| m.contains(&address)));
    admin.create_topic(&address, "Drain", 4).expect("a topic");
    until("the topic is routed", || admin.topic_route("Drain").is_ok());
    let producer = Producer::start(ProducerConfig::new(&*name_server, "P")).expect("started");
    let (sender, outcomes) = sync_channel(MESSAGES);
    for number in 0..MESSAGES {
        let sender = sender.clone();
        let done = move |outcome| sender.send(outcome).expect("room");
        let message = Message::new("Drain", format!("{number:04}"));
        producer.send_with_callback(message, done).expect("under way");
    }
    producer.stop();
    drop(sender);
    let mut places = std::collections::BTreeSet::new();
    for outcome in outcomes {
        let result = outcome.expect("stored");
        assert_eq!(result.status, SendStatus::Stored);
        places.insert((result.queue.queue_id, result.queue_offset));
    }
    assert_eq!(places.len(), MESSAGES, "answers of different places");
    let expected: Vec<String> = (0..MESSAGES).map(|number| format!("{number:04}")).collect();
    assert_eq!(crate::until::consume_all(&name_server, "Drain", MESSAGES), expected);
    assert!(producer.send(&mut Message::new("Drain", "late")).is_err(), "it has stopped");
}
