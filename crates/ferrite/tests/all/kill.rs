//! What was acknowledged is there after `kill -9`, in order, once.

use client::{Admin, Message, MessageQueue, Producer, ProducerConfig};

use crate::servers::Server;
use crate::until::until;

const MESSAGES: usize = 300;

/// Sends through a broker, kills it, and reads every acknowledged message back from the next one.
fn survives(settings: &[&str]) {
    let folder = tempfile::tempdir().expect("a folder");
    let (_name_server, namesrv) = Server::name_server(folder.path());
    let (broker, address) = Server::broker(folder.path(), &namesrv, settings);
    let admin = Admin::new(&namesrv).expect("an admin");
    until("the broker is registered", || admin.cluster_info().is_ok_and(|c| holds(&c, &address)));
    admin.create_topic(&address, "Kill", 4).expect("a topic");
    until("the route is known", || admin.topic_route("Kill").is_ok());
    let producer = Producer::start(ProducerConfig::new(&namesrv, "kill_group")).expect("started");
    let mut acknowledged = Vec::new();
    for number in 0..MESSAGES {
        let mut message = Message::new("Kill", format!("body {number}"));
        let result = producer.send(&mut message).expect("acknowledged");
        acknowledged.push((result.queue.queue_id, result.queue_offset, number));
    }
    broker.kill();
    let (_broker, address) = Server::broker(folder.path(), &namesrv, settings);
    until("the new broker is registered", || {
        admin.cluster_info().is_ok_and(|c| holds(&c, &address)) && admin.topic_route("Kill").is_ok()
    });
    acknowledged.sort_unstable();
    for queue_id in 0..4 {
        let queue =
            MessageQueue { broker_name: "broker-a".to_owned(), queue_id, topic: "Kill".to_owned() };
        let kept: Vec<_> = acknowledged.iter().filter(|(id, _, _)| *id == queue_id).collect();
        let offsets: Vec<i64> = kept.iter().map(|(_, offset, _)| *offset).collect();
        assert_eq!(offsets, (0..kept.len() as i64).collect::<Vec<_>>(), "dense offsets");
        until("the queue is known", || admin.max_offset(&queue).is_ok());
        assert_eq!(admin.max_offset(&queue).expect("an offset"), kept.len() as i64);
    }
    let found = crate::until::consume_all(&namesrv, "Kill", MESSAGES);
    let mut wanted: Vec<String> = (0..MESSAGES).map(|number| format!("body {number}")).collect();
    wanted.sort_unstable();
    assert_eq!(found, wanted);
}

fn holds(cluster: &protocol::body::route::ClusterInfo, address: &str) -> bool {
    cluster
        .broker_addr_table
        .values()
        .any(|broker| broker.broker_addrs.0.values().any(|a| a == address))
}

#[test]
fn acknowledged_messages_survive_kill_9_with_async_flush() {
    survives(&["flushDiskType=ASYNC_FLUSH"]);
}

/// B12.
#[test]
fn acknowledged_messages_survive_kill_9_with_sync_flush() {
    survives(&["flushDiskType=SYNC_FLUSH"]);
}
