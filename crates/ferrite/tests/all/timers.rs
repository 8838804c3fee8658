//! Messages with a delivery time of their own: exact and never early, across `kill -9`, filed
//! anew, refused, taken back (row E).

use std::path::Path;

use base::clock::wall_ms;

use crate::kinds::{Seen, bodies, pull};
use crate::peer::{Incoming, Peer};
use crate::servers::Server;
use crate::until::until;

fn start(folder: &Path, settings: &[&str]) -> (Server, Peer) {
    let (server, address) = Server::broker(folder, "", settings);
    (server, Peer::connect(&address))
}

/// Sends a message whose body and unique key are `key`.
fn ask(peer: &mut Peer, topic: &str, key: &str, properties: &[(&str, &str)]) -> Incoming {
    let mut text = format!("UNIQ_KEY\u{1}{key}\u{2}");
    for (name, value) in properties {
        text.push_str(&format!("{name}\u{1}{value}\u{2}"));
    }
    let fields = [("a", "p"), ("b", topic), ("c", "TBW102"), ("d", "1"), ("e", "0"), ("i", &*text)];
    peer.ask(310, &fields, key.as_bytes())
}

fn send(peer: &mut Peer, topic: &str, key: &str, properties: &[(&str, &str)]) -> String {
    let answer = ask(peer, topic, key, properties);
    assert_eq!(answer.code, 0, "{}", answer.remark);
    answer.fields.get("recallHandle").cloned().unwrap_or_default()
}

fn wait_for(peer: &mut Peer, topic: &str, count: usize) -> Vec<Seen> {
    until("all are delivered", || pull(peer, topic).len() >= count);
    pull(peer, topic)
}

fn number(seen: &Seen, name: &str) -> i64 {
    seen.property(name).and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no {name}"))
}

/// Not early, and later only by what a busy machine takes.
fn assert_on_time(seen: &Seen, due_ms: i64) {
    let late_ms = seen.store_timestamp - due_ms;
    assert!((0..5_000).contains(&late_ms), "{}: {late_ms} ms late", seen.body);
}

#[test]
fn a_timer_message_is_delivered_at_its_time_and_not_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_server, mut peer) = start(folder.path(), &[]);
    let before = wall_ms();
    let at = (before + 1_357).to_string();
    send(&mut peer, "D", "second", &[("TIMER_DELAY_SEC", "1"), ("TAGS", "t")]);
    send(&mut peer, "D", "exact", &[("TIMER_DELIVER_MS", &at)]);
    send(&mut peer, "D", "soon", &[("TIMER_DELAY_MS", "20")]);
    send(&mut peer, "D", "past", &[("TIMER_DELIVER_MS", "1234")]);
    send(&mut peer, "D", "level", &[("TIMER_DELAY_MS", "1"), ("DELAY", "18")]);
    let seen = wait_for(&mut peer, "D", 4);
    assert_eq!(bodies(&seen), ["past", "soon", "second", "exact"]);
    assert_on_time(&seen[1], before + 20);
    assert_on_time(&seen[2], before + 1_000);
    assert_on_time(&seen[3], before + 1_357);
    assert_eq!(seen[2].property("TAGS").as_deref(), Some("t"));
    assert_eq!(seen[2].property("REAL_TOPIC").as_deref(), Some("D"), "as in Java");
    assert_eq!(number(&seen[3], "TIMER_OUT_MS"), (before + 1_356) / 1_000 * 1_000);
    assert_eq!(number(&seen[3], "TIMER_DELIVER_MS"), before + 1_357);
    assert_eq!(number(&seen[3], "TIMER_DEQUEUE_MS"), seen[3].store_timestamp);
    assert!((before..before + 1_357).contains(&number(&seen[3], "TIMER_ENQUEUE_MS")));
    assert_eq!(seen[0].property("TIMER_OUT_MS"), None);
    let parked = pull(&mut peer, "rmq_sys_wheel_timer");
    assert_eq!(bodies(&parked), ["second", "exact", "soon"]);
    assert_eq!(parked[0].property("REAL_TOPIC").as_deref(), Some("D"));
}

#[test]
fn timer_messages_survive_a_kill_and_are_delivered_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, mut peer) = start(folder.path(), &["flushIntervalCommitLog=10"]);
    let before = wall_ms();
    send(&mut peer, "D", "early", &[("TIMER_DELAY_MS", "50")]);
    send(&mut peer, "D", "late", &[("TIMER_DELAY_MS", "6000")]);
    send(&mut peer, "D", "down", &[("TIMER_DELAY_MS", "1500")]);
    wait_for(&mut peer, "D", 1);
    let is_saved = |peer: &mut Peer| {
        // The watermark of Java's check point, and the bytes of its file.
        let check = peer.ask(60, &[], &[]).body;
        let file = std::fs::read(folder.path().join("store/config/timercheck"));
        check.len() == 56 && check[..8] != [0; 8] && file.is_ok_and(|file| file[..56] == check)
    };
    until("progress is saved", || is_saved(&mut peer));
    server.kill();
    let (server, mut peer) = start(folder.path(), &[]);
    let metrics = peer.ask(61, &[], &[]);
    assert!(metrics.body.starts_with(b"{\"dataVersion\":{"), "{}", metrics.remark);
    let seen = wait_for(&mut peer, "D", 2);
    assert_eq!(bodies(&seen[..2]), ["early", "down"]);
    assert_on_time(&seen[1], before + 1_500);
    server.kill();
    // Without the progress, what was delivered comes again, but nothing is lost.
    for name in ["timercheck", "timercheck.bak", "timercheck.tmp"] {
        let _ = std::fs::remove_file(folder.path().join("store/config").join(name));
    }
    let (_server, mut peer) = start(folder.path(), &[]);
    let count = |seen: &[Seen], body: &str| bodies(seen).iter().filter(|b| **b == body).count();
    until("every message is there again", || {
        let seen = pull(&mut peer, "D");
        ["early", "down"].iter().all(|body| count(&seen, body) == 2) && count(&seen, "late") > 0
    });
    let seen = pull(&mut peer, "D");
    let late = seen.iter().find(|seen| seen.body == "late").expect("waited for");
    assert_on_time(late, before + 6_000);
}

#[test]
fn a_message_due_far_ahead_is_filed_anew_and_still_exact() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_server, mut peer) = start(folder.path(), &["timerRollWindowSlot=2"]);
    let before = wall_ms();
    send(&mut peer, "D", "far", &[("TIMER_DELAY_MS", "4321")]);
    let seen = wait_for(&mut peer, "D", 1);
    assert_on_time(&seen[0], before + 4_321);
    assert!(number(&seen[0], "TIMER_ROLL_TIMES") >= 1);
    assert_eq!(seen[0].property("TIMER_DELAY_MS"), None, "it counts from the first put");
    let off_ms = number(&seen[0], "TIMER_DELIVER_MS") - before - 4_321;
    assert!((0..5_000).contains(&off_ms), "{off_ms}");
    let filed = pull(&mut peer, "rmq_sys_wheel_timer");
    assert_eq!(filed.len() as i64, 1 + number(&seen[0], "TIMER_ROLL_TIMES"));
}

#[test]
fn timer_messages_that_cannot_be_served_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_server, mut peer) = start(folder.path(), &["timerMaxDelaySec=100"]);
    let illegal = "timer message illegal, the delay time should not be bigger than the max delay \
                   100000ms; or if set del msg, the delay time should be bigger than the current \
                   time";
    let cases: [&[(&str, &str)]; 4] = [
        &[("TIMER_DELAY_SEC", "101")],
        &[("TIMER_DELAY_MS", "soon")],
        &[("TIMER_DELIVER_MS", "9223372036854775807")],
        &[("TIMER_DELIVER_MS", "5"), ("TIMER_DEL_UNIQKEY", "D+x")],
    ];
    for properties in cases {
        let answer = ask(&mut peer, "D", "x", properties);
        assert_eq!((answer.code, &*answer.remark), (13, illegal), "{properties:?}");
    }
    assert_eq!(peer.ask(25, &[], b"timerWheelEnable=false").code, 0);
    let answer = ask(&mut peer, "D", "x", &[("TIMER_DELAY_SEC", "1")]);
    let disabled = "accurate timer message is not enabled, timerWheelEnable is false";
    assert_eq!((answer.code, &*answer.remark), (1, disabled));
}

#[test]
fn a_timer_message_can_be_taken_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, mut peer) = start(folder.path(), &["recallMessageEnable=true"]);
    let delay = ("TIMER_DELAY_MS", "2500");
    let handle = send(&mut peer, "D", "unwanted", &[delay]);
    send(&mut peer, "D", "wanted", &[delay]);
    let recall = |peer: &mut Peer, topic: &str, handle: &str| {
        let fields = [("producerGroup", "p"), ("topic", topic), ("recallHandle", handle)];
        peer.ask(370, &fields, &[])
    };
    let answer = recall(&mut peer, "D", &handle);
    assert_eq!((answer.code, answer.field("msgId")), (0, "unwanted"), "{}", answer.remark);
    assert_eq!(answer.field("MSG_REGION"), "DefaultRegion");
    let refused = recall(&mut peer, "D", "nonsense");
    assert_eq!((refused.code, &*refused.remark), (604, "recall handle is invalid"));
    assert_eq!(refused.field("MSG_REGION"), "DefaultRegion");
    assert_eq!(recall(&mut peer, "nowhere", &handle).code, 17);
    send(&mut peer, "E", "other", &[]);
    assert_eq!(recall(&mut peer, "E", &handle).remark, "recall failed, topic not match");
    server.kill();
    let (_server, mut peer) = start(folder.path(), &[]);
    assert_eq!(bodies(&wait_for(&mut peer, "D", 1)), ["wanted"]);
    let filed = pull(&mut peer, "rmq_sys_wheel_timer");
    assert_eq!(filed[2].property("TIMER_DEL_UNIQKEY").as_deref(), Some("D+unwanted"));
    let refused = recall(&mut peer, "D", &handle);
    assert_eq!((refused.code, &*refused.remark), (16, "recall failed, operation is forbidden"));
}
