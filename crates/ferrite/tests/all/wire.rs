//! What peers may send: unknown requests, bad fields, bytes that are no frame. Each gets its
//! answer or a closed connection, and nobody else notices.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use protocol::frame::{self, HeaderKind};

use crate::servers::Server;

struct Answer {
    code: i32,
    remark: String,
    kind: HeaderKind,
    opaque: i32,
}

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).expect("connected");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
    stream
}

fn read_frame(stream: &mut TcpStream) -> Option<Answer> {
    let mut bytes = vec![0; 4];
    // A closed connection may show as an end or as a reset.
    stream.read_exact(&mut bytes).ok()?;
    let len = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
    bytes.resize(4 + len, 0);
    stream.read_exact(&mut bytes[4..]).ok()?;
    let frame = frame::decode(&mut bytes).expect("a frame");
    let remark = frame.remark.map(String::from_utf8_lossy).unwrap_or_default().into_owned();
    Some(Answer { code: frame.code, remark, kind: frame.kind, opaque: frame.opaque })
}

fn ask(
    stream: &mut TcpStream,
    kind: HeaderKind,
    code: i32,
    fields: &[(&str, &str)],
) -> Option<Answer> {
    let mut out = Vec::new();
    let write = |w: &mut protocol::FieldWriter<'_>| {
        for (key, value) in fields {
            w.str(key, value);
        }
    };
    protocol::write_request(&mut out, kind, code, 77, false, write, &[]);
    stream.write_all(&out).expect("sent");
    read_frame(stream)
}

fn broker() -> (tempfile::TempDir, Server, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, address) = Server::broker(folder.path(), "", &[]);
    (folder, server, address)
}

#[test]
fn unknown_requests_are_refused_in_the_encoding_they_came_in() {
    let (_folder, _server, address) = broker();
    let mut stream = connect(&address);
    for kind in [HeaderKind::Json, HeaderKind::Binary] {
        let answer = ask(&mut stream, kind, 9999, &[]).expect("never silence");
        assert_eq!((answer.code, answer.kind, answer.opaque), (3, kind, 77));
        assert_eq!(answer.remark, " request type 9999 not supported");
    }
}

#[test]
fn bad_fields_are_named_and_the_connection_stays() {
    let (_folder, _server, address) = broker();
    let mut stream = connect(&address);
    type Case = (i32, &'static [(&'static str, &'static str)], &'static str);
    let cases: [Case; 4] = [
        (30, &[("topic", "T"), ("queueId", "many")], "queueId"),
        (30, &[("topic", "T")], "queueId"),
        (310, &[("b", "T"), ("e", "x")], "queueId"),
        (11, &[("consumerGroup", "g")], "topic"),
    ];
    for (code, fields, key) in cases {
        let answer = ask(&mut stream, HeaderKind::Json, code, fields).expect("an answer");
        assert_eq!(answer.code, 1, "{code}: {}", answer.remark);
        assert!(answer.remark.contains(key) || code == 11, "{code}: {}", answer.remark);
    }
}

#[test]
fn limits_answer_with_javas_codes() {
    let (_folder, _server, address) = broker();
    let mut stream = connect(&address);
    let send = |stream: &mut TcpStream, topic: &str, queue: &str| {
        let fields =
            [("a", "g"), ("b", topic), ("c", "TBW102"), ("d", "4"), ("e", queue), ("i", "")];
        ask(stream, HeaderKind::Json, 310, &fields).expect("an answer")
    };
    assert_eq!(send(&mut stream, "Fine", "0").code, 0);
    assert_eq!(send(&mut stream, "Fine", "9").code, 29, "no such queue");
    assert_eq!(send(&mut stream, "bad topic", "0").code, 29, "illegal characters");
    assert_eq!(send(&mut stream, &"t".repeat(128), "0").code, 29, "too long");
    assert_eq!(send(&mut stream, "SCHEDULE_TOPIC_XXXX", "0").code, 16, "not for clients");
    let long = "x".repeat(32_768);
    let fields = [("a", "g"), ("b", "Fine"), ("e", "0"), ("i", long.as_str())];
    assert_eq!(ask(&mut stream, HeaderKind::Json, 310, &fields).expect("answer").code, 13);
    let delayed = [("a", "g"), ("b", "Fine"), ("e", "0"), ("i", "DELAY\u{1}3\u{2}")];
    let answer = ask(&mut stream, HeaderKind::Json, 310, &delayed).expect("an answer");
    assert_eq!(answer.code, 3, "not served yet, and never delivered at once: {}", answer.remark);
}

#[test]
fn bytes_that_are_no_frame_close_their_connection_alone() {
    let (_folder, _server, address) = broker();
    let mut bystander = connect(&address);
    let header_longer_than_frame = [0, 0, 0, 10, 0, 0, 0, 200, 1, 2, 3, 4, 5, 6];
    let over_16_mib = [0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 1];
    let tls_hello = [0x16, 3, 1, 2, 0, 1, 0, 1];
    let broken_json = [0, 0, 0, 9, 0, 0, 0, 5, b'{', b'"', b'c', b'o', b'd'];
    let unknown_kind = [0, 0, 0, 6, 9, 0, 0, 2, b'{', b'}'];
    let cases: [&[u8]; 5] =
        [&header_longer_than_frame, &over_16_mib, &tls_hello, &broken_json, &unknown_kind];
    for bytes in cases {
        let mut stream = connect(&address);
        stream.write_all(bytes).expect("sent");
        assert!(read_frame(&mut stream).is_none(), "{bytes:?} was answered");
        let answer = ask(&mut bystander, HeaderKind::Json, 28, &[]).expect("an answer");
        assert_eq!(answer.code, 0);
    }
}
