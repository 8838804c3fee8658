//! What timer messages cost: CPU time of the broker for each one taken, memory for each one that
//! waits, time until a burst is delivered, and time of a start with all of them.
//!
//! A measurement, not a check, so `cargo test` leaves it alone:
//! `cargo test --profile quick -p ferrite --test timer_cost`

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
use protocol::frame::HeaderKind;

use crate::peer::{Peer, read_frame};
use crate::servers::Server;
use crate::until::until;

const IN_FLIGHT: usize = 256;
const BODY: [u8; 100] = [b'x'; 100];

/// Sends `count` messages to `topic`, each with the property that `timer` makes of its number.
fn send_many(peer: &mut Peer, topic: &str, count: usize, timer: impl Fn(usize) -> Option<i64>) {
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
            protocol::write_request(&mut out, HeaderKind::Json, 310, 1, false, write, &BODY);
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

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, address) = Server::broker(folder.path(), "", &[]);
    let mut peer = Peer::connect(&address);
    let count = 1_000_000;
    send_many(&mut peer, "Plain", count / 5, |_| None);
    let (cpu_before, memory_before) = usage(server.child.id());
    send_many(&mut peer, "Plain", count, |_| None);
    let (cpu_plain, memory_plain) = usage(server.child.id());
    println!("plain: {:.2} us CPU each", (cpu_plain - cpu_before) * 1e3 / count as f64);
    let start_ms = wall_ms() + 3_600_000;
    let spread = |n: usize| Some(start_ms + (n as i64 * 7_919) % (2 * 86_400_000 - 3_700_000));
    send_many(&mut peer, "Timed", count, spread);
    let (cpu_timed, memory_timed) = usage(server.child.id());
    println!("timer: {:.2} us CPU each", (cpu_timed - cpu_plain) * 1e3 / count as f64);
    let grown = memory_timed.saturating_sub(memory_plain);
    println!("memory: {memory_before}, {memory_plain}, {memory_timed}; {grown} for a million");
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
        String::from_utf8_lossy(&body).contains("\"timerCongestNum\":\"1000000\"")
    });
    println!("delivered twice for the kill: {}", end_of(&mut peer, "Burst") - burst as i64);
    println!("memory after the start: {}", usage(server.child.id()).1);
}
