//! Requests for what cannot be: delay levels that are none, ends of what is no open transaction.
//! Each is answered with its own code and reason and changes nothing (E38, E43, E54, E62).

use model::message_id::MessageId;
use protocol::frame::HeaderKind;

use crate::kinds::{bodies, heartbeat, prepare, pull, start};
use crate::peer::{Incoming, Peer};

const SUCCESS: (i32, &str) = (0, "");
const ILLEGAL: &str = "the message is illegal, maybe msg body or properties length not matched. \
                       msg body length limit 4194304B, msg properties length limit 32KB.";

fn send(peer: &mut Peer, topic: &str, properties: &str, body: &[u8]) -> Incoming {
    let fields = [("a", "p"), ("b", topic), ("c", "TBW102"), ("d", "1"), ("e", "0")];
    peer.ask(310, &[&fields[..], &[("i", properties)]].concat(), body)
}

fn told(answer: &Incoming) -> (i32, &str) {
    (answer.code, &answer.remark)
}

fn max_offset(peer: &mut Peer, topic: &str, queue_id: &str) -> String {
    let answer = peer.ask(30, &[("topic", topic), ("queueId", queue_id)], &[]);
    answer.field("offset").to_owned()
}

/// E38: there are two levels here.
#[test]
fn delay_levels_that_are_none_are_no_delay_the_highest_or_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_server, address) = start(folder.path());
    let mut peer = Peer::connect(&address);
    for (level, refusal) in [
        ("0", false),
        ("-1", false),
        ("-2147483648", false),
        ("2147483648", true),
        ("-2147483649", true),
        ("4294967297", true),
        ("1.5", true),
        ("one", true),
        ("3 ", true),
    ] {
        let properties = format!("DELAY\u{1}{level}\u{2}");
        let answer = send(&mut peer, "D", &properties, level.as_bytes());
        let remark = format!("the property DELAY is no 32-bit integer: \"{level}\"");
        let expected = if refusal { (1, &*remark) } else { SUCCESS };
        assert_eq!(told(&answer), expected, "{level}");
    }
    assert_eq!(bodies(&pull(&mut peer, "D")), ["0", "-1", "-2147483648"]);
    for level in ["19", "2147483647"] {
        let answer = send(&mut peer, "D", &format!("DELAY\u{1}{level}\u{2}"), b"late");
        assert_eq!(told(&answer), SUCCESS, "{level}");
    }
    assert_eq!(max_offset(&mut peer, "SCHEDULE_TOPIC_XXXX", "0"), "0");
    assert_eq!(max_offset(&mut peer, "SCHEDULE_TOPIC_XXXX", "1"), "2");
    assert_eq!(max_offset(&mut peer, "D", "0"), "3");
}

/// One message as batches hold it: length, magic, CRC, flag, body, properties.
fn batch_of(body: &[u8]) -> Vec<u8> {
    let mut out = (22 + body.len() as u32).to_be_bytes().to_vec();
    out.extend([0; 12]);
    out.extend((body.len() as u32).to_be_bytes());
    out.extend(body);
    out.extend([0, 0]);
    out
}

/// E43, E60: neither delays nor transactions.
#[test]
fn a_batch_is_neither_delayed_nor_half_of_a_transaction() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_server, address) = start(folder.path());
    let mut peer = Peer::connect(&address);
    let batch = batch_of(b"of a batch");
    for (properties, sys_flag, expected) in [
        ("", "0", SUCCESS),
        ("DELAY\u{1}0\u{2}", "0", SUCCESS),
        ("DELAY\u{1}3\u{2}", "0", (13, ILLEGAL)),
        ("DELAY\u{1}x\u{2}", "0", (1, "the property DELAY is no 32-bit integer: \"x\"")),
        ("TRAN_MSG\u{1}true\u{2}", "4", (13, ILLEGAL)),
        ("", "8", (13, ILLEGAL)),
        ("", "12", (13, ILLEGAL)),
    ] {
        let fields = [("a", "p"), ("b", "B"), ("c", "TBW102"), ("d", "1"), ("e", "0")];
        let more = [("f", sys_flag), ("i", properties), ("m", "true")];
        let answer = peer.ask(320, &[&fields[..], &more[..]].concat(), &batch);
        assert_eq!(told(&answer), expected, "{properties:?} {sys_flag}");
    }
    assert_eq!(bodies(&pull(&mut peer, "B")), ["of a batch"; 2]);
}

/// What an end says: group, half queue offset, place in the log, how, more fields.
struct End<'a> {
    group: &'a str,
    state: i64,
    place: i64,
    how: &'a str,
    more: &'a [(&'a str, &'a str)],
}

impl<'a> End<'a> {
    /// The right one.
    fn of((state, place): &(String, String), how: &'a str) -> End<'a> {
        let number = |text: &str| text.parse().expect("a number");
        End { group: "P", state: number(state), place: number(place), how, more: &[] }
    }

    fn fields<R>(&self, run: impl FnOnce(&[(&str, &str)]) -> R) -> R {
        let (state, place) = (self.state.to_string(), self.place.to_string());
        let fields = [
            ("producerGroup", self.group),
            ("tranStateTableOffset", &*state),
            ("commitLogOffset", &*place),
            ("commitOrRollback", self.how),
            ("msgId", "x"),
        ];
        run(&[&fields[..], self.more].concat())
    }

    fn ask(&self, peer: &mut Peer) -> Incoming {
        self.fields(|fields| peer.ask(37, fields, &[]))
    }
}

const COMMIT: &str = "8";
const ROLLBACK: &str = "12";
const NO_SUCH_HALF: (i32, &str) = (1, "Find prepared transaction message failed");
const ENDED: (i32, &str) = (1, "the transaction has ended already");

/// E54.
#[test]
fn ends_that_fit_no_half_message_change_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_server, address) = start(folder.path());
    let mut peer = Peer::connect(&address);
    let sent = send(&mut peer, "Plain", "PGROUP\u{1}P\u{2}", b"plain");
    let plain: MessageId = sent.field("msgId").parse().expect("an id");
    let half = prepare(&mut peer, "T", "H1");
    let right = |how| End::of(&half, how);
    let place = right(COMMIT).place;
    let wrong_group = (1, "The producer group wrong");
    let wrong_state = (1, "The transaction state table offset wrong");
    for how in [COMMIT, ROLLBACK] {
        for (what, end, expected) in [
            ("behind the log", End { place: place + (1 << 40), ..right(how) }, NO_SUCH_HALF),
            ("before it", End { place: -1, ..right(how) }, NO_SUCH_HALF),
            ("in a message", End { place: place + 1, ..right(how) }, NO_SUCH_HALF),
            ("plain", End { place: plain.commit_log_offset, ..right(how) }, NO_SUCH_HALF),
            ("another group", End { group: "Q", ..right(how) }, wrong_group),
            ("no group", End { group: "", ..right(how) }, wrong_group),
            ("another half", End { state: right(how).state + 1, ..right(how) }, wrong_state),
            ("no half", End { state: -1, ..right(how) }, wrong_state),
        ] {
            assert_eq!(told(&end.ask(&mut peer)), expected, "{what} {how}");
            assert_eq!(bodies(&pull(&mut peer, "T")), [""; 0], "{what} {how}");
        }
    }
    // As in Java, what is neither has no answer: the next is that of the next request.
    for how in ["0", "4", "9"] {
        right(how).fields(|fields| peer.send(HeaderKind::Json, 37, fields, &[]));
        assert_eq!(max_offset(&mut peer, "T", "0"), "0");
    }
    // As in Java, nobody looks at the topic that the request names.
    let elsewhere = End { more: &[("topic", "Plain")], ..right(COMMIT) };
    assert_eq!(told(&elsewhere.ask(&mut peer)), SUCCESS);
    assert_eq!(bodies(&pull(&mut peer, "T")), ["H1"]);
    assert_eq!(bodies(&pull(&mut peer, "Plain")), ["plain"]);
}

/// E54: a transaction that has ended stays as it ended, across a kill too.
#[test]
fn a_second_end_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, address) = start(folder.path());
    let mut peer = Peer::connect(&address);
    let ends = [("C1", COMMIT), ("C2", COMMIT), ("R1", ROLLBACK), ("R2", ROLLBACK)];
    let halves = ends.map(|(key, _)| prepare(&mut peer, "T", key));
    for (half, (key, how)) in halves.iter().zip(ends) {
        assert_eq!(told(&End::of(half, how).ask(&mut peer)), SUCCESS, "{key}");
    }
    let again = |peer: &mut Peer| {
        for (half, (key, _)) in halves.iter().zip(ends) {
            for how in [COMMIT, ROLLBACK] {
                assert_eq!(told(&End::of(half, how).ask(peer)), ENDED, "{key} {how}");
            }
        }
        assert_eq!(bodies(&pull(peer, "T")), ["C1", "C2"]);
    };
    again(&mut peer);
    server.kill();
    let (_server, address) = start(folder.path());
    again(&mut Peer::connect(&address));
}

/// E54, E59: behind the time a producer asked for only the answer to a check counts.
#[test]
fn an_end_behind_its_own_time_waits_for_the_check() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_server, address) = start(folder.path());
    let mut peer = Peer::connect(&address);
    let born = (base::clock::wall_ms() - 5_000).to_string();
    let properties = "TRAN_MSG\u{1}true\u{2}PGROUP\u{1}P\u{2}UNIQ_KEY\u{1}I1\u{2}\
                      CHECK_IMMUNITY_TIME_IN_SECONDS\u{1}1\u{2}";
    let fields = [("a", "P"), ("b", "T"), ("c", "TBW102"), ("d", "1"), ("e", "0"), ("f", "4")];
    let more = [("g", &*born), ("i", properties)];
    let sent = peer.ask(310, &[&fields[..], &more[..]].concat(), b"I1");
    let id: MessageId = sent.field("msgId").parse().expect("an id");
    let half = (sent.field("queueOffset").to_owned(), id.commit_log_offset.to_string());
    for how in [COMMIT, ROLLBACK] {
        let late = End::of(&half, how).ask(&mut peer);
        let remark = "the time the producer asked for is over, wait for the check";
        assert_eq!(told(&late), (604, remark), "{how}");
    }
    assert_eq!(bodies(&pull(&mut peer, "T")), [""; 0]);
    let check = End { more: &[("fromTransactionCheck", "true")], ..End::of(&half, COMMIT) };
    assert_eq!(told(&check.ask(&mut peer)), SUCCESS);
    assert_eq!(bodies(&pull(&mut peer, "T")), ["I1"]);
}

/// E62: a commit that cannot be written is refused, and the transaction stays open: its producer
/// is asked again and may give it up.
#[test]
fn a_commit_that_cannot_be_written_leaves_the_transaction_open() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_server, address) = start(folder.path());
    let mut peer = Peer::connect(&address);
    heartbeat(&mut peer);
    let far = "TRAN_MSG\u{1}true\u{2}PGROUP\u{1}P\u{2}UNIQ_KEY\u{1}F1\u{2}\
               TIMER_DELAY_SEC\u{1}999999999\u{2}";
    let born = base::clock::wall_ms().to_string();
    let fields = [("a", "P"), ("b", "T"), ("c", "TBW102"), ("d", "1"), ("e", "0"), ("f", "4")];
    let sent = peer.ask(310, &[&fields[..], &[("g", &*born), ("i", far)]].concat(), b"F1");
    let id: MessageId = sent.field("msgId").parse().expect("an id");
    let half = (sent.field("queueOffset").to_owned(), id.commit_log_offset.to_string());
    for _ in 0..2 {
        let answer = End::of(&half, COMMIT).ask(&mut peer);
        assert_eq!(answer.code, 13, "{}", answer.remark);
    }
    let check = peer.next_request();
    assert_eq!((check.code, check.field("transactionId")), (39, "F1"));
    let field = |name| check.field(name).to_owned();
    let half = (field("tranStateTableOffset"), field("commitLogOffset"));
    let check = |how| End { more: &[("fromTransactionCheck", "true")], ..End::of(&half, how) };
    assert_eq!(check(COMMIT).ask(&mut peer).code, 13);
    assert_eq!(told(&check(ROLLBACK).ask(&mut peer)), SUCCESS);
    assert_eq!(told(&check(ROLLBACK).ask(&mut peer)), ENDED);
    assert_eq!(bodies(&pull(&mut peer, "T")), [""; 0]);
}
