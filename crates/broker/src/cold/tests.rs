//! Questions about old messages over a simulated disk whose page cache is empty: who waits for the
//! device is counted by thread.

use super::*;
use crate::broker::{Identity, Parts};
use crate::config::BrokerConfig;
use crate::routes;
use crate::signal::{Signals, Woken};
use base::thread::spawn_named;
use protocol::encode::write_request;
use protocol::frame::{self, HeaderKind};
use protocol::request::message::{QueryMessage, ViewMessageById};
use protocol::request::offset::{
    GetEarliestMsgStoreTime, GetMaxOffset, GetMinOffset, QueryConsumerOffset,
    SearchOffsetByTimestamp,
};
use protocol::request::pop::{Notification, PeekMessage, PopMessage};
use protocol::request::pull::PullMessage;
use protocol::request::send::SendMessage;
use remoting::{Routes, Server, ServerConfig, Stopper};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use store::{Dispatch, JobKind, PutMessage, StoreConfig};
use testkit::disk::SimDisk;

mod errands;

const NOW: i64 = 1_732_190_400_000;
const QUEUES: i32 = 3;
const MESSAGES: i64 = 600;

fn host() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 10911))
}

fn config() -> StoreConfig {
    StoreConfig {
        commit_log_file_bytes: 64 << 10,
        consume_queue_file_bytes: 20 * 100,
        index_slots: 16,
        index_entries: 250,
        tail_window_bytes: 1 << 10,
        memory_bytes: 1 << 30,
        ..StoreConfig::new("/s")
    }
}

fn open(disk: &SimDisk) -> Store {
    Store::open(config(), Arc::new(disk.clone()), NOW).unwrap()
}

/// Messages a second apart, each with a key of its own and one of ten shared ones; the commit log
/// offsets of some.
fn fill(disk: &SimDisk) -> Vec<i64> {
    let mut store = open(disk);
    let mut places = Vec::new();
    for i in 0..MESSAGES {
        let queue_id = (i % i64::from(QUEUES)) as i32;
        let (body, unique_key) = (format!("{i:500}"), format!("U{i}"));
        let keys = format!("K{i} shared{}", i % 10);
        let properties = format!("KEYS\x01{keys}\x02UNIQ_KEY\x01{unique_key}\x02");
        let row = Row { topic: b"T", queue_id, body: &body, properties: &properties, tags_code: 0 };
        let at = append(&mut store, i, &row, (&unique_key, &keys));
        if i % 97 == 0 {
            places.push(at);
        }
    }
    close(store);
    places
}

/// A message of a store.
struct Row<'a> {
    topic: &'a [u8],
    queue_id: i32,
    body: &'a str,
    properties: &'a str,
    tags_code: i64,
}

/// Writes a message `number` seconds after the start; its commit log offset.
fn append(store: &mut Store, number: i64, row: &Row<'_>, (unique_key, keys): (&str, &str)) -> i64 {
    let queue = store.queue_or_create(row.topic, row.queue_id).unwrap();
    let put = PutMessage {
        topic: row.topic,
        queue,
        queue_id: row.queue_id,
        flag: 0,
        sys_flag: 0,
        born_timestamp: NOW,
        born_host: host(),
        store_timestamp: NOW + number * 1000,
        store_host: host(),
        reconsume_times: 0,
        prepared_transaction_offset: 0,
        body: row.body.as_bytes(),
        properties: [row.properties.as_bytes(), b"", b""],
        tags_code: row.tags_code,
        unique_key: unique_key.as_bytes(),
        keys: keys.as_bytes(),
        dispatch: Dispatch::Queue,
    };
    let appended = store.append(&put).unwrap();
    store.write().unwrap();
    appended.commit_log_offset
}

fn close(mut store: Store) {
    for kind in JobKind::ALL {
        while let Some(job) = store.next_job(NOW + MESSAGES * 1000, kind) {
            store.finish(job.run()).unwrap();
        }
    }
    store.close(NOW + MESSAGES * 1000).unwrap();
}

/// A broker with the two threads that matter here, named as they are.
struct Rig {
    service: Arc<Mutex<BrokerService>>,
    stopper: Stopper,
    signals: Arc<Signals>,
    threads: Vec<JoinHandle<()>>,
    peer: TcpStream,
}

impl Rig {
    fn start(disk: &SimDisk) -> Rig {
        Rig::around(open(disk))
    }

    fn around(store: Store) -> Rig {
        Rig::prepared(store, |_| {})
    }

    fn prepared(store: Store, prepare: impl FnOnce(&mut Broker)) -> Rig {
        let signals = Arc::new(Signals::default());
        let identity = Identity {
            ip: "127.0.0.1".to_owned(),
            address: host().to_string(),
            store_host: host(),
            ha_address: host().to_string(),
            cluster_property: b"CLUSTER\x01C\x02".to_vec(),
            boot_ms: NOW,
        };
        let parts = Parts {
            config: BrokerConfig { auto_create_group: true, ..BrokerConfig::default() },
            identity,
            store,
            delay_levels_ms: vec![1000],
            signals: Arc::clone(&signals),
        };
        let mut broker = Broker::new(parts);
        broker.topics.create_if_absent("T", QUEUES, 0, NOW);
        prepare(&mut broker);
        let routes = Arc::new(Routes::new(routes::routes()));
        let service = Arc::new(Mutex::new(BrokerService::new(broker, routes)));
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut server = Server::bind(ServerConfig::new(vec![address])).unwrap();
        let (stopper, address) = (server.stopper(), server.addresses()[0]);
        let own = Arc::clone(&service);
        let serve = spawn_named("broker-loop", move || server.run(&own).unwrap()).unwrap();
        let (own, bells, waker) = (Arc::clone(&service), Arc::clone(&signals), stopper.clone());
        let read = spawn_named("store-read", move || {
            let mut buf = Vec::new();
            while bells.read.wait(Duration::from_secs(60)) != Woken::Stop {
                while read_next(&own, &mut buf) {
                    waker.wake();
                }
            }
        });
        let threads = vec![serve, read.unwrap()];
        Rig { service, stopper, signals, threads, peer: TcpStream::connect(address).unwrap() }
    }

    /// Ends the thread that fetches.
    fn stop_reading(&mut self) {
        self.signals.stop();
        let reader = self.threads.pop().unwrap();
        reader.join().unwrap();
    }

    /// Fetches what is wanted, here.
    fn read_all(&self) {
        let mut spare = Vec::new();
        while read_next(&self.service, &mut spare) {}
        self.stopper.wake();
    }

    /// The next frame.
    fn receive(&mut self) -> Vec<u8> {
        let mut bytes = vec![0; 4];
        self.peer.read_exact(&mut bytes).unwrap();
        let len = frame::announced_len(&bytes).unwrap().unwrap();
        bytes.resize(len, 0);
        self.peer.read_exact(&mut bytes[4..]).unwrap();
        bytes
    }

    fn ask<R: Request>(&mut self, request: &R) -> Vec<u8> {
        self.ask_with(request, &[])
    }

    fn ask_with<R: Request>(&mut self, request: &R, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let kind = HeaderKind::Json;
        write_request(&mut out, kind, R::CODE, 7, false, |w| request.encode(w), body);
        self.peer.write_all(&out).unwrap();
        self.receive()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.stopper.stop();
        self.signals.stop();
        self.threads.drain(..).for_each(|thread| thread.join().unwrap());
        assert!(!self.service.is_poisoned());
    }
}

fn code_and_body(answer: &[u8]) -> (i32, Vec<u8>) {
    let mut answer = answer.to_vec();
    let decoded = frame::decode(&mut answer).unwrap();
    (decoded.code, decoded.body.to_vec())
}

fn by_key(key: &str, is_unique: bool, (begin, end): (i64, i64)) -> QueryMessage {
    QueryMessage {
        topic: "T".to_owned(),
        key: key.to_owned(),
        max_num: 64,
        begin_timestamp: begin,
        end_timestamp: end,
        unique_key_query: is_unique.then_some(true),
    }
}

/// Every question, once each.
fn questions(rig: &mut Rig, places: &[i64]) -> Vec<Vec<u8>> {
    let mut answers = Vec::new();
    let always = (0, i64::MAX);
    for (key, is_unique, span) in [
        ("K5", false, always),
        ("U300", true, always),
        ("shared3", false, always),
        ("shared3", false, (NOW + 50_000, NOW + 90_000)),
        ("nobody's", false, always),
    ] {
        answers.push(rig.ask(&by_key(key, is_unique, span)));
    }
    for offset in places.iter().copied().chain([1, i64::MAX]) {
        answers.push(rig.ask(&ViewMessageById { offset, topic: None }));
    }
    for queue_id in 0..=QUEUES {
        let topic = "T".to_owned();
        for (seconds, boundary) in
            [(0, "lower"), (133, "upper"), (299, "lower"), (599, "upper"), (9999, "lower")]
        {
            answers.push(rig.ask(&SearchOffsetByTimestamp {
                topic: topic.clone(),
                queue_id,
                timestamp: NOW + seconds * 1000,
                boundary_type: Some(boundary.to_owned()),
            }));
        }
        answers.push(rig.ask(&GetMaxOffset { topic: topic.clone(), queue_id, committed: true }));
        answers.push(rig.ask(&GetMinOffset { topic: topic.clone(), queue_id }));
        answers.push(rig.ask(&GetEarliestMsgStoreTime { topic: topic.clone(), queue_id }));
        answers.push(rig.ask(&QueryConsumerOffset {
            consumer_group: "G".to_owned(),
            topic: topic.clone(),
            queue_id,
            set_zero_if_not_found: None,
        }));
    }
    answers
}

// D21, D22, D24: what is asked of old messages is answered as of new ones.
#[test]
fn questions_about_old_messages_do_not_hold_the_loop_up() {
    let disk = SimDisk::new();
    let places = fill(&disk);
    let warm = questions(&mut Rig::start(&disk), &places);
    let disk = disk.process_crash();
    let mut rig = Rig::start(&disk);
    for round in 0..2 {
        disk.drop_caches();
        let before = disk.waits_of("store-read");
        let cold = questions(&mut rig, &places);
        for (at, (cold, warm)) in cold.iter().zip(&warm).enumerate() {
            assert!(cold == warm, "round {round}, question {at}");
        }
        assert_eq!(disk.waits_of("broker-loop"), 0, "round {round}");
        assert!(disk.waits_of("store-read") > before + 20, "round {round}");
    }
    let found = warm.iter().map(|answer| code_and_body(answer)).filter(|(code, _)| *code == 0);
    assert!(found.filter(|(_, body)| !body.is_empty()).count() >= 10);
}

/// With the first use of a queue, pulls and pops need three ranges, one after the other.
#[test]
fn pulls_and_pops_of_queues_nobody_has_used_do_not_hold_the_loop_up() {
    let disk = SimDisk::new();
    fill(&disk);
    let pull = |queue_id, queue_offset| PullMessage {
        consumer_group: "G".to_owned(),
        topic: "T".to_owned(),
        queue_id,
        queue_offset,
        max_msg_nums: 8,
        sys_flag: 1 << 2,
        commit_offset: 0,
        suspend_timeout_ms: 0,
        subscription: Some("*".to_owned()),
        sub_version: 0,
        expression_type: None,
        max_msg_bytes: None,
        request_source: None,
        proxy_forward_client_id: None,
    };
    let pop = || PopMessage {
        consumer_group: "P".to_owned(),
        topic: "T".to_owned(),
        queue_id: -1,
        max_msg_nums: 32,
        invisible_time: 60_000,
        poll_time: 0,
        born_time: 0,
        init_mode: 0,
        expression_type: None,
        expression: None,
        order: false,
        attempt_id: None,
    };
    let peek = PeekMessage {
        topic: "T".to_owned(),
        queue_id: 2,
        max_msg_nums: 5,
        consumer_group: "P".to_owned(),
    };
    let notification = || Notification {
        consumer_group: "P".to_owned(),
        topic: "T".to_owned(),
        queue_id: 1,
        poll_time: 0,
        born_time: 0,
        order: false,
        attempt_id: None,
    };
    let mut answers = Vec::new();
    for is_cold in [false, true] {
        let disk = disk.process_crash();
        let mut rig = Rig::start(&disk);
        if is_cold {
            disk.drop_caches();
        }
        let mut own = vec![rig.ask(&notification())];
        own.extend((0..QUEUES).map(|queue_id| rig.ask(&pull(queue_id, 100))));
        own.push(rig.ask(&pull(0, 0)));
        own.push(rig.ask(&peek));
        // Only some queues are in memory: what is there is given out.
        let mut popped = 0;
        while popped < MESSAGES as usize {
            let (code, body) = code_and_body(&rig.ask(&pop()));
            assert_eq!(code, 0, "after {popped}");
            popped += errands::records_in(&body);
        }
        assert_eq!(popped, MESSAGES as usize);
        assert_eq!(disk.waits_of("broker-loop"), 0);
        assert_eq!(disk.waits_of("store-read") > 0, is_cold);
        answers.push(own);
    }
    assert!(answers[0][0] == answers[1][0], "the notifications");
    for (warm, cold) in answers[0].iter().zip(&answers[1]).skip(1) {
        let ((warm_code, warm), (code, cold)) = (code_and_body(warm), code_and_body(cold));
        // A pull ends where what is in memory ends.
        assert_eq!((warm_code, code), (0, 0));
        assert!(!cold.is_empty() && warm.starts_with(&cold));
    }
}

/// A page cache that keeps nothing ends no question: the loop waits in the end.
#[test]
fn a_question_whose_bytes_never_stay_is_answered_all_the_same() {
    let disk = SimDisk::new();
    let places = fill(&disk);
    let warm = questions(&mut Rig::start(&disk), &places);
    let disk = disk.process_crash();
    let mut rig = Rig::start(&disk);
    disk.cache_nothing();
    assert!(questions(&mut rig, &places) == warm);
    assert!(disk.waits_of("broker-loop") > 0);
}

/// What several readers come to is read ahead once.
#[test]
fn readers_that_meet_are_one() {
    let mut reads = ColdReads::default();
    let stretch = |number: i64| (number * COLD_LOG_BYTES, (number + 1) * COLD_LOG_BYTES);
    for number in [0, 2, 7, 1] {
        let (from, to) = stretch(number);
        reads.note_stream(from, to);
    }
    let ends = |reads: &ColdReads| {
        let mut ends: Vec<i64> = reads.streams.iter().map(|s| s.to / COLD_LOG_BYTES).collect();
        ends.sort_unstable();
        ends
    };
    assert_eq!(ends(&reads), [2, 3, 8]);
    let (from, to) = stretch(2);
    reads.note_stream(from, to);
    assert_eq!(ends(&reads), [3, 8], "the first has come to where the second is");
    assert_eq!(reads.next_ahead(from + 1), Some(to));
}

/// More questions than may wait: the others are answered by the loop, and in the end all are.
#[test]
fn only_so_many_wait() {
    let disk = SimDisk::new();
    fill(&disk);
    let mut rig = Rig::start(&disk);
    let held = Arc::clone(&rig.service);
    // Nobody can read before all have been asked.
    rig.stop_reading();
    disk.drop_caches();
    let asked = WAITING_MAX + 100;
    let mut peer = rig.peer.try_clone().unwrap();
    let answered = spawn_named("asker", move || {
        let mut out = Vec::new();
        for opaque in 0..asked {
            let request = GetMaxOffset { topic: "T".to_owned(), queue_id: 1, committed: true };
            let (kind, code) = (HeaderKind::Json, GetMaxOffset::CODE);
            write_request(&mut out, kind, code, opaque as i32, false, |w| request.encode(w), &[]);
        }
        peer.write_all(&out).unwrap();
    });
    answered.unwrap().join().unwrap();
    // The one beyond the limit is answered, and what it read serves those after it.
    let mut answers = vec![rig.receive()];
    {
        let service = held.lock().unwrap();
        let cold = &service.broker.cold;
        assert!(cold.waiting.len() <= WAITING_MAX && cold.wanted.len() == 1);
    }
    assert!(disk.waits_of("broker-loop") > 0);
    rig.read_all();
    answers.extend((1..asked).map(|_| rig.receive()));
    let mut opaques: Vec<i32> = Vec::new();
    for answer in &mut answers {
        let decoded = frame::decode(answer).unwrap();
        assert_eq!(decoded.fields.text("offset"), Some("200"));
        opaques.push(decoded.opaque);
    }
    opaques.sort_unstable();
    assert!(opaques.iter().copied().eq(0..asked as i32), "each is answered once");
    assert!(held.lock().unwrap().broker.cold.waiting.is_empty());
}

fn send(queue_id: i32, number: i32) -> SendMessage {
    SendMessage {
        producer_group: "P".to_owned(),
        topic: "T".to_owned(),
        default_topic: "TBW102".to_owned(),
        default_topic_queue_nums: 4,
        queue_id,
        sys_flag: 0,
        born_timestamp: NOW,
        flag: 0,
        properties: Some(format!("KEYS\u{1}new{number}\u{2}")),
        reconsume_times: None,
        unit_mode: None,
        batch: None,
        max_reconsume_times: None,
    }
}

/// The first sends after a start find queues whose files nobody has looked at: they wait without
/// holding the loop up, and none overtakes another.
#[test]
fn first_sends_wait_in_order() {
    const SENDS: i32 = 200;
    let disk = SimDisk::new();
    fill(&disk);
    let mut rig = Rig::start(&disk);
    disk.drop_caches();
    for number in 0..SENDS {
        let request = send(number % QUEUES, number);
        let mut out = Vec::new();
        // Both headers, and bodies that are no text.
        let kind = [HeaderKind::Json, HeaderKind::Binary][(number % 2) as usize];
        let body = [number as u8, 0, 0xff];
        let fields = |w: &mut FieldWriter<'_>| request.encode(w);
        write_request(&mut out, kind, SendMessage::CODE, number, false, fields, &body);
        rig.peer.write_all(&out).unwrap();
    }
    let mut offsets = vec![Vec::new(); QUEUES as usize];
    for _ in 0..SENDS {
        let mut answer = rig.receive();
        let decoded = frame::decode(&mut answer).unwrap();
        assert_eq!(decoded.code, 0, "{}", decoded.remark_text());
        let expected = [HeaderKind::Json, HeaderKind::Binary][(decoded.opaque % 2) as usize];
        assert_eq!(decoded.kind, expected);
        let offset: i64 = decoded.fields.text("queueOffset").unwrap().parse().unwrap();
        offsets[(decoded.opaque % QUEUES) as usize].push((decoded.opaque, offset));
    }
    assert_eq!(disk.waits_of("broker-loop"), 0);
    assert!(disk.waits_of("store-read") > 0);
    for of_queue in &offsets {
        let mut of_queue = of_queue.clone();
        of_queue.sort_unstable();
        let expected = MESSAGES / i64::from(QUEUES)..;
        assert!(of_queue.iter().map(|(_, offset)| *offset).eq(expected.take(of_queue.len())));
    }
    let mut service = rig.service.lock().unwrap();
    let broker = &mut service.broker;
    assert!(!broker.cold.keeps_sends() && broker.cold.waiting.is_empty());
    let queue = broker.store.queue(b"T", 1).unwrap();
    let mut out = Vec::new();
    let got = broker.store.get(queue, 200, 1, 1 << 20, &mut |_| true, &mut out).unwrap();
    assert_eq!(got.count, 1);
    let Ok(model::record::Entry::Record(record)) = model::record::decode(&out) else {
        panic!("a record");
    };
    assert_eq!(record.body, [1, 0, 0xff]);
    assert!(record.properties.starts_with(b"KEYS\x01new1\x02"));
}

/// Sends beyond the bound are refused rather than put before those that wait.
#[test]
fn only_so_many_sends_are_kept() {
    const SENDS: i32 = 700;
    let disk = SimDisk::new();
    fill(&disk);
    let mut rig = Rig::start(&disk);
    rig.stop_reading();
    disk.drop_caches();
    let body = vec![7; 50 << 10];
    let mut peer = rig.peer.try_clone().unwrap();
    let sender = spawn_named("sender", move || {
        for number in 0..SENDS {
            let mut out = Vec::new();
            let (request, kind) = (send(1, number), HeaderKind::Json);
            let fields = |w: &mut FieldWriter<'_>| request.encode(w);
            write_request(&mut out, kind, SendMessage::CODE, number, false, fields, &body);
            peer.write_all(&out).unwrap();
        }
    });
    let mut refused = 0;
    let mut expected = 0;
    for answer in 0..SENDS {
        let mut bytes = rig.receive();
        let decoded = frame::decode(&mut bytes).unwrap();
        if decoded.code == response_code::SYSTEM_BUSY {
            refused += 1;
            // All were asked when the last is refused.
            if decoded.opaque == SENDS - 1 {
                assert_eq!(refused, answer + 1);
                assert!(rig.service.lock().unwrap().broker.cold.kept_bytes <= 32 << 20);
                rig.read_all();
            }
            continue;
        }
        let offset: i64 = decoded.fields.text("queueOffset").unwrap().parse().unwrap();
        assert_eq!((decoded.code, decoded.opaque), (0, expected), "{}", decoded.remark_text());
        assert_eq!(offset, 200 + i64::from(expected));
        expected += 1;
    }
    sender.unwrap().join().unwrap();
    assert!((40..=60).contains(&refused), "{refused}");
    assert_eq!(disk.waits_of("broker-loop"), 0);
}

/// An index that is so far behind that memory would run out takes no more: clients hear that the
/// broker is busy.
#[test]
fn sends_are_refused_while_the_index_is_far_behind() {
    let config = StoreConfig { index_backlog_keys_max: 1, ..config() };
    let mut rig = Rig::around(Store::open(config, Arc::new(SimDisk::new()), NOW).unwrap());
    // Each message has a key of its own and one that the broker gives it.
    let codes = [1, 2].map(|number| code_and_body(&rig.ask_with(&send(0, number), b"x")).0);
    assert_eq!(codes, [0, response_code::SYSTEM_BUSY]);
    let now_ms = base::clock::wall_ms() + 60_000;
    let mut service = rig.service.lock().unwrap();
    let job = service.broker.store.next_job(now_ms, JobKind::ApplyIndex).unwrap();
    service.broker.store.finish(job.run()).unwrap();
    drop(service);
    assert_eq!(code_and_body(&rig.ask_with(&send(0, 3), b"x")).0, 0);
}
