//! What timer messages cost: CPU time of the broker for each one taken, memory for each one that
//! waits, time until a burst is delivered, and time of a start with all of them.
//!
//! A measurement, not a check, so `cargo test` leaves it alone:
//! `cargo test --release -p ferrite --test timer_cost`
//!
//! Behind `--`: `waiting 10000000` for many that wait across a kill, `kill 4` for kills in the
//! middle of bursts.

// The modules are those of the end-to-end tests; a measurement needs only part of them.
#![allow(dead_code)]

#[path = "all/peer.rs"]
mod peer;
#[path = "all/servers.rs"]
mod servers;
#[path = "all/until.rs"]
mod until;

use std::io::Write;
use std::time::Duration;

use base::clock::{mono_ns, wall_ms};
use model::record::{self, Entry};
use protocol::frame::HeaderKind;

use crate::peer::{Peer, read_frame};
use crate::servers::Server;
use crate::until::until;

const IN_FLIGHT: usize = 256;
const BODY: [u8; 100] = [b'x'; 100];

/// Sends `count` messages to `topic`, each with the property that `timer` makes of its number, with
/// the header that Java's clients write unless told otherwise.
fn send_many(peer: &mut Peer, topic: &str, count: usize, timer: impl Fn(usize) -> Option<i64>) {
    send_as(HeaderKind::Json, peer, topic, count, timer);
}

fn send_as(
    kind: HeaderKind,
    peer: &mut Peer,
    topic: &str,
    count: usize,
    timer: impl Fn(usize) -> Option<i64>,
) {
    let mut out = Vec::new();
    for from in (0..count).step_by(IN_FLIGHT) {
        out.clear();
        let batch = from..count.min(from + IN_FLIGHT);
        for n in batch.clone() {
            let mut properties = format!("UNIQ_KEY\u{1}7F00000100002A139A551B5A5C5F{n:08}\u{2}");
            if let Some(at) = timer(n) {
                properties.push_str(&format!("TIMER_DELIVER_MS\u{1}{at}\u{2}"));
            }
            let write = |w: &mut protocol::FieldWriter<'_>| {
                let fields = [("a", "p"), ("b", topic), ("c", "TBW102"), ("d", "1"), ("e", "0")];
                for (key, value) in fields {
                    w.str(key, value);
                }
                w.str("i", &*properties);
            };
            protocol::write_request(&mut out, kind, 310, 1, false, write, &BODY);
        }
        peer.stream.write_all(&out).expect("sent");
        for _ in batch {
            let answer = read_frame(&mut peer.stream).expect("an answer");
            assert_eq!(answer.code, 0, "{}", answer.remark);
        }
    }
}

/// CPU time of a process in ms, and its memory in bytes.
fn usage(pid: u32) -> (f64, u64) {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let behind = stat.rsplit_once(')').expect("a name").1;
    let fields: Vec<i64> = behind.split_whitespace().filter_map(|f| f.parse().ok()).collect();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let rss = status.lines().find(|line| line.starts_with("RssAnon")).expect("Linux has it");
    let kib: u64 = rss.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number");
    // State and the numbers before the times: 10 that parse; ticks of 10 ms.
    ((fields[10] + fields[11]) as f64 * 10.0, kib << 10)
}

fn end_of(peer: &mut Peer, topic: &str) -> i64 {
    let answer = peer.ask(30, &[("topic", topic), ("queueId", "0")], &[]);
    answer.fields.get("offset").and_then(|offset| offset.parse().ok()).unwrap_or(0)
}

/// How many timer messages wait.
fn waiting_in(peer: &mut Peer) -> u64 {
    let body = peer.ask(28, &[], &[]).body;
    let text = String::from_utf8_lossy(&body).into_owned();
    let behind = text.split_once("\"timerCongestNum\":\"").expect("it is told").1;
    behind.split('"').next().and_then(|n| n.parse().ok()).expect("a number")
}

/// How often each number below `count` stands in the unique keys of queue 0 of a topic.
fn times_seen(peer: &mut Peer, topic: &str, count: usize) -> Vec<u32> {
    let mut seen = vec![0; count];
    let end = end_of(peer, topic);
    let mut next = 0;
    while next < end {
        let from = next.to_string();
        let fields = [
            ("consumerGroup", "TOOLS_CONSUMER"),
            ("topic", topic),
            ("queueId", "0"),
            ("queueOffset", &from),
            ("maxMsgNums", "32"),
            ("sysFlag", "4"),
            ("commitOffset", "0"),
            ("suspendTimeoutMillis", "0"),
            ("subscription", "*"),
            ("expressionType", "TAG"),
            ("subVersion", "0"),
        ];
        let answer = peer.ask(11, &fields, &[]);
        let mut rest = &answer.body[..];
        while let Ok(Entry::Record(record)) = record::decode(rest) {
            let key = model::message::property(record.properties, "UNIQ_KEY").expect("sent so");
            let number = std::str::from_utf8(&key[key.len() - 8..]).expect("digits");
            seen[number.parse::<usize>().expect("digits")] += 1;
            next += 1;
            rest = &rest[record.total_len..];
        }
        assert_eq!(answer.code, 0, "{}", answer.remark);
    }
    seen
}

/// `-- waiting COUNT`: so many wait for two days and a kill comes, while others are due soon.
fn measure_waiting(count: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, address) = Server::broker(folder.path(), "", &[]);
    let mut peer = Peer::connect(&address);
    send_many(&mut peer, "Plain", 1_000_000, |_| None);
    let (cpu_before, memory_before) = usage(server.child.id());
    let (first_ms, begun_ns) = (wall_ms() + 1_800_000, mono_ns());
    let spread = |n: usize| Some(first_ms + (n as i64 * 7_919) % (2 * 86_400_000 - 3_700_000));
    send_many(&mut peer, "Timed", count, spread);
    let (cpu_after, memory_after) = usage(server.child.id());
    println!(
        "insert: {:.2} us CPU each, {} s; anonymous memory {memory_before}, then {memory_after}: \
         {} for {count}",
        (cpu_after - cpu_before) * 1e3 / count as f64,
        (mono_ns() - begun_ns) / 1_000_000_000,
        memory_after.saturating_sub(memory_before),
    );
    let (soon, due_ms) = (10_000, wall_ms() + 15_000);
    send_many(&mut peer, "Soon", soon, |n| Some(due_ms + n as i64 % 1_000));
    server.kill();
    let begun_ns = mono_ns();
    let (server, address) = Server::broker(folder.path(), "", &[]);
    println!("start: {} ms", (mono_ns() - begun_ns) / 1_000_000);
    let mut peer = Peer::connect(&address);
    let (waiting, (_, memory)) = (waiting_in(&mut peer), usage(server.child.id()));
    println!("anonymous memory after the start: {memory}; {waiting} wait");
    until("what is due soon came", || end_of(&mut peer, "Soon") >= soon as i64);
    println!("all due soon came {} ms after the last was due", wall_ms() - due_ms - 999);
    assert_eq!(waiting_in(&mut peer), count as u64);
    assert!(times_seen(&mut peer, "Soon", soon).iter().all(|times| *times == 1));
}

/// `-- kill ROUNDS`: kills in the middle of bursts.
fn measure_kills(rounds: usize) {
    let burst = 500_000;
    for round in 0..rounds {
        let folder = tempfile::tempdir().expect("a folder");
        let (server, address) = Server::broker(folder.path(), "", &[]);
        let mut peer = Peer::connect(&address);
        let due_ms = wall_ms() + 12_000;
        send_many(&mut peer, "Burst", burst, |n| Some(due_ms + n as i64 % 1_000));
        assert!(wall_ms() < due_ms, "too slow to send them before they are due");
        let enough = burst * (round % 4 + 1) / 5;
        while end_of(&mut peer, "Burst") < enough as i64 {}
        server.kill();
        let (server, address) = Server::broker(folder.path(), "", &[]);
        let mut peer = Peer::connect(&address);
        until("the rest is delivered", || waiting_in(&mut peer) == 0);
        let seen = times_seen(&mut peer, "Burst", burst);
        let lost = seen.iter().filter(|times| **times == 0).count();
        let repeated: u32 = seen.iter().map(|times| times.saturating_sub(1)).sum();
        println!("killed after {enough} of {burst}: {lost} lost, {repeated} came again");
        assert_eq!(lost, 0);
        server.kill();
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| arguments.get(at).and_then(|n| n.parse().ok());
    match arguments.first().map(String::as_str) {
        Some("waiting") => measure_waiting(number(1).unwrap_or(10_000_000)),
        Some("kill") => measure_kills(number(1).unwrap_or(4)),
        _ => measure(),
    }
}

/// Timers of both headers that [`measure`] makes.
const WAITING: usize = 2_000_000;

/// Plain, timer, timer, plain, as the machine's own speed changes by the minute.
fn measure_insert(peer: &mut Peer, pid: u32, kind: HeaderKind) {
    let count = WAITING / 4;
    let start_ms = wall_ms() + 3_600_000;
    let spread = |n: usize| start_ms + (n as i64 * 7_919) % (2 * 86_400_000 - 3_700_000);
    let (mut plain, mut timed) = (Vec::new(), Vec::new());
    for is_timer in [false, true, true, false] {
        let topic = if is_timer { "Timed" } else { "Plain" };
        let before = usage(pid).0;
        send_as(kind, peer, topic, count, |n| is_timer.then(|| spread(n)));
        let cost = (usage(pid).0 - before) * 1e3 / count as f64;
        if is_timer { timed.push(cost) } else { plain.push(cost) }
    }
    println!("insert, {kind:?} header: {timed:.2?} us CPU each, plain {plain:.2?}");
}

fn measure() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, address) = Server::broker(folder.path(), "", &[]);
    let mut peer = Peer::connect(&address);
    send_many(&mut peer, "Plain", 200_000, |_| None);
    let (_, memory_before) = usage(server.child.id());
    measure_insert(&mut peer, server.child.id(), HeaderKind::Binary);
    measure_insert(&mut peer, server.child.id(), HeaderKind::Json);
    let memory_timed = usage(server.child.id()).1;
    println!("memory: {memory_before}, {memory_timed} with {WAITING} that wait");
    let burst = 500_000;
    let due_ms = wall_ms() + 30_000;
    send_many(&mut peer, "Burst", burst, |n| Some(due_ms + n as i64 % 1_000));
    let left_ms = due_ms - wall_ms();
    let (cpu_before, _) = usage(server.child.id());
    peer.stream.set_read_timeout(Some(Duration::from_secs(60))).expect("set");
    until("the burst begins", || end_of(&mut peer, "Burst") > 0);
    let (begun_ms, begun_ns) = (wall_ms(), mono_ns());
    until("the burst is delivered", || end_of(&mut peer, "Burst") >= burst as i64);
    let (cpu_after, _) = usage(server.child.id());
    println!(
        "burst: filed {left_ms} ms before, begun {} ms late, all after {} ms, {:.2} us CPU each",
        begun_ms - due_ms,
        (mono_ns() - begun_ns) / 1_000_000,
        (cpu_after - cpu_before) * 1e3 / burst as f64
    );
    server.kill();
    let started_ns = mono_ns();
    let (server, address) = Server::broker(folder.path(), "", &[]);
    println!("start: {} ms", (mono_ns() - started_ns) / 1_000_000);
    let mut peer = Peer::connect(&address);
    until("only what is due later waits", || {
        let body = peer.ask(28, &[], &[]).body;
        String::from_utf8_lossy(&body).contains(&format!("\"timerCongestNum\":\"{WAITING}\""))
    });
    println!("delivered twice for the kill: {}", end_of(&mut peer, "Burst") - burst as i64);
    println!("memory after the start: {}", usage(server.child.id()).1);
}
