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
        stream.ask(310, &fields, &[])
    };
    assert_eq!(send(&mut stream, "Fine", "0").code, 0);
    assert_eq!(send(&mut stream, "Fine", "9").code, 29, "no such queue");
    assert_eq!(send(&mut stream, "bad topic", "0").code, 29, "illegal characters");
    assert_eq!(send(&mut stream, &"t".repeat(128), "0").code, 29, "too long");
    assert_eq!(send(&mut stream, "SCHEDULE_TOPIC_XXXX", "0").code, 16, "not for clients");
    assert_eq!(send(&mut stream, "rmq_sys_wheel_timer", "0").code, 16, "not for clients");
    let long = "x".repeat(32_768);
    let fields = [("a", "g"), ("b", "Fine"), ("e", "0"), ("i", long.as_str())];
    assert_eq!(stream.ask(310, &fields, &[]).code, 13);
    let timed = [("a", "g"), ("b", "Fine"), ("e", "0"), ("i", "TIMER_DELAY_SEC\u{1}3\u{2}")];
    let answer = stream.ask(310, &timed, &[]);
    assert_eq!(answer.code, 0, "{}", answer.remark);
}

#[test]
fn bytes_that_are_no_frame_close_their_connection_alone() {
    let (_folder, _server, address) = broker();
    let mut bystander = Peer::connect(&address);
    let header_longer_than_frame = [0, 0, 0, 10, 0, 0, 0, 200, 1, 2, 3, 4, 5, 6];
    let over_16_mib = [0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 1];
    let tls_hello = [0x16, 3, 1, 2, 0, 1, 0, 1];
    let broken_json = [0, 0, 0, 9, 0, 0, 0, 5, b'{', b'"', b'c', b'o', b'd'];
    let unknown_kind = [0, 0, 0, 6, 9, 0, 0, 2, b'{', b'}'];
    let cases: [&[u8]; 5] =
        [&header_longer_than_frame, &over_16_mib, &tls_hello, &broken_json, &unknown_kind];
    for bytes in cases {
        let mut stream = Peer::connect(&address);
        stream.stream.write_all(bytes).expect("sent");
        assert!(read_frame(&mut stream.stream).is_none(), "{bytes:?} was answered");
        let answer = bystander.ask(28, &[], &[]);
        assert_eq!(answer.code, 0);
    }
}
