//! Against a running cluster, ours or Apache's: set `FERRITE_NAMESRV` to its name server. Says in
//! one line that it did nothing when that is not set. Topics and groups get names of their own.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use client::{
    Admin, Consumed, Consumer, ConsumerConfig, Error, Listener, Message, Model, Producer,
    ProducerConfig, Received, SendStatus, StartFrom,
};

use protocol::body::running_info::CmResult;
use protocol::request::message::ConsumeMessageDirectly;
use protocol::request::offset::InvokeBrokerToResetOffset;

const WAIT: Duration = Duration::from_secs(30);
const QUEUES: i32 = 4;

struct Live {
    name_servers: String,
    topic: String,
    admin: Admin,
}

/// A cluster with a fresh topic, if there is one to test against.
fn live(name: &str) -> Option<Live> {
    let Ok(name_servers) = std::env::var("FERRITE_NAMESRV") else {
        eprintln!("skipped: FERRITE_NAMESRV names no running cluster");
        return None;
    };
    let topic = format!("live_{name}_{}", base::clock::wall_ms());
    let admin = Admin::new(&name_servers).unwrap();
    for master in admin.masters().unwrap() {
        admin.create_topic(&master, &topic, QUEUES).unwrap();
    }
    until("the topic is routed", || admin.topic_route(&topic).is_ok());
    Some(Live { name_servers, topic, admin })
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let due_ns = base::clock::mono_ns() + WAIT.as_nanos() as u64;
    while !is_so() {
        assert!(base::clock::mono_ns() < due_ns, "not in time: {what}");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

impl Live {
    fn producer(&self) -> Producer {
        Producer::start(ProducerConfig::new(&self.name_servers, "live_producer")).unwrap()
    }

    fn config(&self, group: &str) -> ConsumerConfig {
        let group = format!("{group}_{}", self.topic);
        let config = ConsumerConfig::new(&self.name_servers, group);
        ConsumerConfig { start_from: StartFrom::First, ..config }
    }

    fn message(&self, number: usize) -> Message {
        Message::new(&*self.topic, format!("body {number}"))
    }
}

fn sink() -> (SyncSender<Received>, Receiver<Received>) {
    sync_channel(100_000)
}

fn into(sender: SyncSender<Received>) -> Listener {
    Listener::Concurrent(Box::new(move |messages| {
        messages.iter().for_each(|m| sender.send(m.clone()).unwrap());
        Consumed::Done
    }))
}

/// Bodies that arrived, sorted; waits for `count` and makes sure that there are no more at once.
fn bodies(receiver: &Receiver<Received>, count: usize) -> Vec<String> {
    let next = |_| receiver.recv_timeout(WAIT).expect("a message is missing");
    let mut seen: Vec<_> =
        (0..count).map(next).map(|m| String::from_utf8(m.body().to_vec()).unwrap()).collect();
    assert!(receiver.recv_timeout(Duration::from_millis(300)).is_err(), "one too many");
    seen.sort_unstable();
    seen
}

fn expected(count: usize) -> Vec<String> {
    let mut all: Vec<_> = (0..count).map(|n| format!("body {n}")).collect();
    all.sort_unstable();
    all
}

#[test]
fn all_kinds_of_sends_arrive_once_at_two_members() {
    let Some(live) = live("sends") else { return };
    let (sender, receiver) = sink();
    let start = |to: &SyncSender<Received>| {
        Consumer::start(live.config("two"), &[(&live.topic, "*")], into(to.clone())).unwrap()
    };
    let first = start(&sender);
    until("the only member has all queues", || first.queues().len() == QUEUES as usize);
    let second = start(&sender);
    until("both members have half", || (first.queues().len(), second.queues().len()) == (2, 2));

    let producer = live.producer();
    let mut sent = live.message(0).with_keys("key-0 other").with_tag("A");
    let result = producer.send(&mut sent).unwrap();
    assert_eq!(result.status, SendStatus::Stored);
    assert_eq!(Some(result.message_id.as_str()), sent.unique_key());
    assert_eq!(result.offset_message_id.len(), 32);
    producer.send_oneway(&mut live.message(1)).unwrap();
    let mut batch: Vec<_> = (2..12).map(|n| live.message(n)).collect();
    let result = producer.send_batch(&mut batch).unwrap();
    assert_eq!(result.message_id.split(',').count(), 10);
    let result = producer.send_selected(&mut live.message(12), |_| 3).unwrap();
    assert_eq!(result.queue.queue_id, 3);
    let (done, results) = sync_channel(3000);
    for number in 13..3000 {
        let done = done.clone();
        let tell = move |result| done.send(result).unwrap();
        producer.send_with_callback(live.message(number), tell).unwrap();
    }
    for _ in 13..3000 {
        results.recv_timeout(WAIT).unwrap().unwrap();
    }
    assert_eq!(bodies(&receiver, 3000), expected(3000));

    until("the message is found by its key", || {
        live.admin.query_by_key(&live.topic, "key-0", 8).unwrap().len() == 1
    });
    let found = &live.admin.query_by_key(&live.topic, "key-0", 8).unwrap()[0];
    assert_eq!((found.body(), found.tag()), (&b"body 0"[..], Some("A")));
    let mut stored = 0;
    for queue in producer.queues(&live.topic).unwrap() {
        stored += live.admin.max_offset(&queue).unwrap() - live.admin.min_offset(&queue).unwrap();
    }
    assert_eq!(stored, 3000);

    second.stop();
    until("the member left takes over", || first.queues().len() == QUEUES as usize);
    first.stop();
    for queue in producer.queues(&live.topic).unwrap() {
        let group = format!("two_{}", live.topic);
        let committed = live.admin.committed_offset(&group, &queue).unwrap();
        assert_eq!(committed, Some(live.admin.max_offset(&queue).unwrap()));
    }
    // Whoever comes after them finds nothing left.
    let third = start(&sender);
    until("the third member has all queues", || third.queues().len() == QUEUES as usize);
    assert!(receiver.recv_timeout(Duration::from_millis(300)).is_err());
}

#[test]
fn a_tag_filter_lets_its_tags_pass() {
    let Some(live) = live("tags") else { return };
    let producer = live.producer();
    for number in 0..60 {
        // "Aa" and "BB" have the same hash, so only the client can tell them apart.
        let tag = ["Aa", "BB", "C"][number % 3];
        producer.send(&mut live.message(number / 3).with_tag(tag)).unwrap();
    }
    let (sender, receiver) = sink();
    let consumer =
        Consumer::start(live.config("tag"), &[(&live.topic, "Aa || X")], into(sender)).unwrap();
    assert_eq!(bodies(&receiver, 20), expected(20));
    consumer.stop();
}

#[test]
fn orderly_members_keep_the_order_and_come_back_after_a_failure() {
    let Some(live) = live("order") else { return };
    let producer = live.producer();
    for number in 0..200 {
        producer.send_selected(&mut live.message(number), |_| number % 4).unwrap();
    }
    type Seen = BTreeMap<i32, Vec<String>>;
    let seen: Arc<Mutex<(Seen, usize)>> = Arc::default();
    let config =
        || ConsumerConfig { retry_after: Duration::from_millis(20), ..live.config("order") };
    let listener = || {
        let seen = seen.clone();
        Listener::Orderly(Box::new(move |messages: &[Received]| {
            let mut seen = seen.lock().unwrap();
            seen.1 += 1;
            if seen.1.is_multiple_of(10) {
                return Consumed::Later;
            }
            for message in messages {
                let body = String::from_utf8(message.body().to_vec()).unwrap();
                seen.0.entry(message.queue.queue_id).or_default().push(body);
            }
            Consumed::Done
        }))
    };
    let first = Consumer::start(config(), &[(&live.topic, "*")], listener()).unwrap();
    let second = Consumer::start(config(), &[(&live.topic, "*")], listener()).unwrap();
    let total = || seen.lock().unwrap().0.values().map(Vec::len).sum::<usize>();
    until("all messages are consumed", || total() >= 200);
    until("both members have half", || (first.queues().len(), second.queues().len()) == (2, 2));
    for (queue_id, bodies) in &seen.lock().unwrap().0 {
        let in_order = (0..200).filter(|n| n % 4 == *queue_id).map(|n| format!("body {n}"));
        assert_eq!(*bodies, in_order.collect::<Vec<_>>());
    }
    first.stop();
    until("the member left takes over", || second.queues().len() == QUEUES as usize);
}

#[test]
fn each_member_of_a_broadcast_gets_all_and_failures_come_again() {
    let Some(live) = live("broadcast") else { return };
    let (sender, receiver) = sink();
    let config = || ConsumerConfig {
        model: Model::Broadcast,
        retry_after: Duration::from_millis(20),
        ..live.config("all")
    };
    let once = Mutex::new(false);
    let other = sender.clone();
    let failing = Listener::Concurrent(Box::new(move |messages: &[Received]| {
        if !std::mem::replace(&mut *once.lock().unwrap(), true) {
            panic!("a listener may panic");
        }
        messages.iter().for_each(|m| other.send(m.clone()).unwrap());
        Consumed::Done
    }));
    let first = Consumer::start(config(), &[(&live.topic, "*")], into(sender)).unwrap();
    let second = Consumer::start(config(), &[(&live.topic, "*")], failing).unwrap();
    let producer = live.producer();
    for number in 0..50 {
        producer.send(&mut live.message(number)).unwrap();
    }
    let mut twice = [expected(50), expected(50)].concat();
    twice.sort_unstable();
    assert_eq!(bodies(&receiver, 100), twice);
    first.stop();
    second.stop();
}

#[test]
fn failures_say_what_is_wrong() {
    let Some(live) = live("errors") else { return };
    let nobody = ProducerConfig::new("127.0.0.1:1", "g");
    let producer = Producer::start(nobody).unwrap();
    let sent = producer.send(&mut live.message(0));
    assert!(matches!(sent, Err(Error::NoNameServer(_))), "{sent:?}");
    let producer = live.producer();
    producer.stop();
    assert!(matches!(producer.send(&mut live.message(0)), Err(Error::Stopped)));
    let unknown = live.admin.topic_route("no_such_topic");
    assert!(matches!(unknown, Err(Error::NoTopic(_))));
}

/// Brokers of 4.x tell the members, those of 5.x tell who pulls.
#[test]
fn a_group_goes_back_when_it_is_told_to() {
    let Some(live) = live("reset") else { return };
    let (sender, receiver) = sink();
    let config = live.config("back");
    let group = config.group.clone();
    let consumer = Consumer::start(config, &[(&live.topic, "*")], into(sender)).unwrap();
    let producer = live.producer();
    let count = 8;
    for number in 0..count {
        producer.send(&mut live.message(number)).unwrap();
    }
    assert_eq!(bodies(&receiver, count), expected(count));
    let queues = producer.queues(&live.topic).unwrap();
    until("everything is committed", || {
        let committed = |q| live.admin.committed_offset(&group, q).unwrap();
        queues.iter().all(|q| committed(q) == Some(live.admin.max_offset(q).unwrap()))
    });
    let reset = InvokeBrokerToResetOffset {
        group: group.clone(),
        topic: live.topic.clone(),
        queue_id: -1,
        is_force: true,
        ..InvokeBrokerToResetOffset::default()
    };
    let mut moved = 0;
    for master in live.admin.masters().unwrap() {
        moved += live.admin.reset_offsets_at(&master, &reset).unwrap().0.len();
    }
    assert_eq!(moved, queues.len());
    assert_eq!(bodies(&receiver, count), expected(count));

    // The operator's other questions.
    let info = live.admin.running_info_of(&group, consumer.client_id(), false).unwrap();
    assert_eq!(info.properties["consumerGroup"], group);
    assert_eq!(info.queue_table.0.len(), queues.len());
    let master = live.admin.masters().unwrap().into_iter().next().unwrap();
    let said = live.admin.client_offsets_at(&master, &live.topic, &group, "").unwrap();
    assert!(!said[consumer.client_id()].0.is_empty());
    let sent = producer.send(&mut live.message(count)).unwrap();
    receiver.recv_timeout(WAIT).unwrap();
    let directly = ConsumeMessageDirectly {
        consumer_group: group,
        client_id: Some(consumer.client_id().to_owned()),
        msg_id: Some(sent.offset_message_id),
        topic: Some(live.topic.clone()),
        ..ConsumeMessageDirectly::default()
    };
    let result = live.admin.consume_directly(&master, &directly).unwrap();
    assert_eq!(result.consume_result, CmResult::Success);
    let again = receiver.recv_timeout(WAIT).unwrap();
    assert_eq!(again.body(), format!("body {count}").as_bytes());
}
