//! What peers may send: unknown requests, bad fields, bytes that are no frame. Each gets its
//! answer or a closed connection, and nobody else notices.

use std::io::Write;

use protocol::frame::HeaderKind;

use crate::peer::{Peer, read_frame};
use crate::servers::Server;

fn broker() -> (tempfile::TempDir, Server, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, address) = Server::broker(folder.path(), "", &[]);
    (folder, server, address)
}

#[test]
fn unknown_requests_are_refused_in_the_encoding_they_came_in() {
    let (_folder, _server, address) = broker();
    let mut stream = Peer::connect(&address);
    for kind in [HeaderKind::Json, HeaderKind::Binary] {
        let answer = stream.ask_in(kind, 9999, &[], &[]);
        assert_eq!((answer.code, answer.kind, answer.opaque), (3, kind, 77));
        assert_eq!(answer.remark, " request type 9999 not supported");
    }
}

#[test]
fn bad_fields_are_named_and_the_connection_stays() {
    let (_folder, _server, address) = broker();
    let mut stream = Peer::connect(&address);
    type Case = (i32, &'static [(&'static str, &'static str)], &'static str);
    let cases: [Case; 4] = [
        (30, &[("topic", "T"), ("queueId", "many")], "queueId"),
        (30, &[("topic", "T")], "queueId"),
        (310, &[("b", "T"), ("e", "x")], "queueId"),
        (11, &[("consumerGroup", "g")], "topic"),
    ];
    for (code, fields, key) in cases {
        let answer = stream.ask(code, fields, &[]);
        assert_eq!(answer.code, 1, "{code}: {}", answer.remark);
        assert!(answer.remark.contains(key) || code == 11, "{code}: {}", answer.remark);
    }
}

#[test]
fn limits_answer_with_javas_codes() {
    let (_folder, _server, address) = broker();
    let mut stream = Peer::connect(&address);
    let send = |stream: &mut Peer, topic: &str, queue: &str| {
        let fields =
            [("a", "g"), ("b", topic), ("c", "TBW102"), ("d", "4"), ("e", queue), ("i", "")];
        stream.ask(310, &fields, b"x")
    };
    assert_eq!(send(&mut stream, "Fine", "0").code, 0);
    assert_eq!(send(&mut stream, "Fine", "9").code, 29, "no such queue");
    assert_eq!(send(&mut stream, "bad topic", "0").code, 29, "illegal characters");
    assert_eq!(send(&mut stream, &"t".repeat(128), "0").code, 29, "too long");
    assert_eq!(send(&mut stream, "SCHEDULE_TOPIC_XXXX", "0").code, 16, "not for clients");
    assert_eq!(send(&mut stream, "rmq_sys_wheel_timer", "0").code, 16, "not for clients");
    let long = "x".repeat(32_768);
    let fields = [("a", "g"), ("b", "Fine"), ("e", "0"), ("i", long.as_str())];
    assert_eq!(stream.ask(310, &fields, b"x").code, 13);
    let timed = [("a", "g"), ("b", "Fine"), ("e", "0"), ("i", "TIMER_DELAY_SEC\u{1}3\u{2}")];
    let answer = stream.ask(310, &timed, b"x");
    assert_eq!(answer.code, 0, "{}", answer.remark);
}

#[test]
fn bytes_that_are_no_frame_close_their_connection_alone() {
    let (_folder, _server, address) = broker();
    let mut bystander = Peer::connect(&address);
    let header_longer_than_frame = [0, 0, 0, 10, 0, 0, 0, 200, 1, 2, 3, 4, 5, 6];
    let over_16_mib = [0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 1];
    let no_tls_hello = [0x16, 3, 1, 0, 4, 9, 9, 9, 9];
    let broken_json = [0, 0, 0, 9, 0, 0, 0, 5, b'{', b'"', b'c', b'o', b'd'];
    let unknown_kind = [0, 0, 0, 6, 9, 0, 0, 2, b'{', b'}'];
    let cases: [&[u8]; 5] =
        [&header_longer_than_frame, &over_16_mib, &no_tls_hello, &broken_json, &unknown_kind];
    for bytes in cases {
        let mut stream = Peer::connect(&address);
        stream.stream.write_all(bytes).expect("sent");
        assert!(read_frame(&mut stream.stream).is_none(), "{bytes:?} was answered");
        let answer = bystander.ask(28, &[], &[]);
        assert_eq!(answer.code, 0);
    }
}

/// Bad inputs that reach what is stored: each is refused by name, or stored and served unharmed.
/// The numbers are those of the list of 88.
#[test]
fn bad_messages_are_refused_or_harmless() {
    let (_folder, _server, address) = broker();
    let mut peer = Peer::connect(&address);
    let mut send = |properties: &str, sys_flag: &str, body: &[u8]| {
        let fields = [("a", "g"), ("b", "Bad"), ("c", "TBW102"), ("d", "1"), ("e", "0")];
        let more = [("f", sys_flag), ("g", "1"), ("i", properties)];
        let answer = peer.ask(310, &[&fields[..], &more[..]].concat(), body);
        (answer.code, answer.remark)
    };
    let mut bodies = 0;
    let mut harmless = |number: &str, answer: (i32, String)| {
        assert_eq!(answer.0, 0, "{number}: {}", answer.1);
        bodies += 1;
    };
    harmless("33", send("", "2147481571", b"not compressed"));
    let answer = send("", "0", b"");
    assert!(answer.0 == 13 && answer.1.starts_with("the message is illegal"), "44: {}", answer.1);
    harmless("47", send("a\u{1}b\u{1}c\u{2}\u{2}\u{1}", "0", b"x"));
    // As Java does, for it cannot read the number.
    let answer = send("DELAY\u{1}x\u{2}", "0", b"x");
    assert_eq!(answer, (1, "the property DELAY is no 32-bit integer: \"x\"".to_owned()), "51");
    for level in ["0", "-1"] {
        harmless("51", send(&format!("DELAY\u{1}{level}\u{2}"), "0", b"x"));
    }
    for keys in ["k".repeat(10_000), "k ".repeat(1_000)] {
        harmless("57", send(&format!("KEYS\u{1}{keys}\u{2}"), "0", b"x"));
    }
    // Beyond the last level: the last one, so not readable for two hours.
    for level in ["19", "2147483647"] {
        assert_eq!(send(&format!("DELAY\u{1}{level}\u{2}"), "0", b"x").0, 0, "51");
    }
    let fields = [
        ("consumerGroup", "TOOLS_CONSUMER"),
        ("topic", "Bad"),
        ("queueId", "0"),
        ("queueOffset", "0"),
        ("maxMsgNums", "32"),
        ("sysFlag", "4"),
        ("commitOffset", "0"),
        ("suspendTimeoutMillis", "0"),
        ("subscription", "*"),
        ("subVersion", "0"),
    ];
    let answer = peer.ask(11, &fields, &[]);
    assert_eq!((answer.code, answer.field("nextBeginOffset")), (0, &*bodies.to_string()));
}

#[test]
fn ends_of_no_transaction_and_settings_of_nobody_are_refused() {
    let (_folder, _server, address) = broker();
    let mut peer = Peer::connect(&address);
    for at in ["-1", "7", "99999999", "9223372036854775807"] {
        let fields = [
            ("producerGroup", "P"),
            ("tranStateTableOffset", "0"),
            ("commitLogOffset", at),
            ("commitOrRollback", "8"),
            ("fromTransactionCheck", "false"),
            ("msgId", "x"),
        ];
        let answer = peer.ask(37, &fields, &[]);
        assert_eq!(answer.code, 1, "73");
        assert_eq!(answer.remark, "Find prepared transaction message failed", "73 {at}");
    }
    for (text, code, why) in [
        ("rocketmqHome=/x", 16, "Can not update config in black list."),
        ("brokerConfigPath=/x", 16, "Can not update config in black list."),
        ("storePathRootDir=/x", 29, "cannot be changed while the broker runs"),
        ("namesrvAddr=x", 29, "cannot be changed while the broker runs"),
        ("a\\nb=1", 29, "control character"),
        ("fileReservedTime=1\\n2", 29, "control character"),
    ] {
        let answer = peer.ask(25, &[], text.as_bytes());
        assert_eq!(answer.code, code, "77 {text}: {}", answer.remark);
        assert!(answer.remark.contains(why), "77 {text}: {}", answer.remark);
    }
}
