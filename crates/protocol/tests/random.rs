//! Random input: what is written is read back, and no bytes make the decoders panic.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use protocol::body::heartbeat::HeartbeatData;
use protocol::body::register::RegisterBrokerBody;
use protocol::body::route::TopicRouteData;
use protocol::body::{IntMap, MessageQueue, QueueMap};
use protocol::request::hot::{PullView, SendView};
use protocol::request::rows;
use protocol::{FieldWriter, HeaderKind, decode, fastjson, frame_len};
use protocol::{write_request, write_response};

fn kind() -> impl Strategy<Value = HeaderKind> {
    prop_oneof![Just(HeaderKind::Json), Just(HeaderKind::Binary)]
}

/// Runs everything that looks at a frame; panics are the test's failures.
fn look_at(mut bytes: Vec<u8>) {
    let _ = frame_len(&bytes);
    let Ok(frame) = decode(&mut bytes) else { return };
    let _ = (frame.remark_text(), format!("{:?}", frame.fields));
    let _ = (SendView::read(10, &frame.fields), SendView::read(310, &frame.fields));
    let _ = PullView::read(&frame.fields);
    let mut out = Vec::new();
    for row in rows() {
        let fields = |w: &mut FieldWriter<'_>| {
            let _ = (row.recode)(&frame.fields, w);
            let _ = (row.recode_reply)(&frame.fields, w);
        };
        out.clear();
        write_response(&mut out, frame.kind, frame.opaque, frame.code, None, fields, b"");
    }
}

/// A frame around a header, its lengths right whatever the header is.
fn framed(kind: u8, header: &[u8]) -> Vec<u8> {
    let mut frame = (4 + header.len() as u32).to_be_bytes().to_vec();
    frame.extend_from_slice(&(header.len() as u32).to_be_bytes());
    frame[4] = kind;
    frame.extend_from_slice(header);
    frame
}

/// Text made of what JSON is made of, so that the parsers get somewhere.
fn json_like() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"",
        "'",
        "\\",
        "\\u",
        "d83d",
        "\\ude00",
        "0",
        "-1",
        "1e9",
        "null",
        "true",
        "code",
        "\"extFields\"",
        "\"remark\"",
        "\"a\"",
        "language",
        "$ref",
        "\"$\"",
        "\"$.a[0]\"",
        "..",
        " ",
        "é",
        "\u{1}",
        "\"topic\":",
        "{\"a\":",
    ]);
    vec(token, 0..40).prop_map(|tokens| tokens.concat())
}

proptest! {
    #[test]
    fn frames_survive_both_headers(
        kind in kind(),
        code in -32768..32768i32,
        opaque: i32,
        remark in proptest::option::of(".*"),
        fields in btree_map("[a-zA-Z_]{1,20}", ".*", 0..40),
        body in vec(any::<u8>(), 0..100),
    ) {
        let mut bytes = Vec::new();
        let write = |w: &mut FieldWriter<'_>| {
            for (key, value) in &fields {
                w.str(key, value);
            }
        };
        write_response(&mut bytes, kind, opaque, code, remark.as_deref(), write, &body);
        let len = bytes.len();
        prop_assert_eq!(frame_len(&bytes), Ok(Some(len)));
        prop_assert_eq!(frame_len(&bytes[..len - 1]), Ok(None));
        let frame = decode(&mut bytes).unwrap();
        prop_assert_eq!((frame.kind, frame.code, frame.opaque), (kind, code, opaque));
        prop_assert_eq!(frame.body, &body[..]);
        prop_assert_eq!(frame.remark_text(), remark.unwrap_or_default());
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let read: BTreeMap<_, _> = frame.fields.iter().map(|(k, v)| (text(k), text(v))).collect();
        prop_assert_eq!(read, fields);
    }

    #[test]
    fn blanks_in_a_json_header_change_nothing(
        fields in vec(("[a-z\"\\\\é]{0,6}", "[a-z\"\\\\\u{1}'é😀]{0,40}"), 0..20),
        blanks in vec("[ \n]{0,3}", 7),
    ) {
        let text = |blanks: [&str; 7]| {
            let [a, b, c, d, e, f, g] = blanks;
            let one = |(key, value): &(String, String)| {
                let (key, value) = (serde_json::json!(key), serde_json::json!(value));
                format!("{b}{key}{c}:{d}{value}{e}")
            };
            let fields: Vec<_> = fields.iter().map(one).collect();
            let fields = fields.join(",");
            format!("{a}{{{b}\"code\"{c}:{d}-7{e},\"extFields\":{f}{{{fields}}},\"flag\":{g}1}}")
        };
        let mut quick = framed(0, text([""; 7]).as_bytes());
        let blanks = std::array::from_fn(|at| blanks[at].as_str());
        let mut general = framed(0, text(blanks).as_bytes());
        let (quick, general) = (decode(&mut quick).unwrap(), decode(&mut general).unwrap());
        prop_assert_eq!((quick.code, quick.flag), (-7, 1));
        prop_assert_eq!((general.code, general.flag), (-7, 1));
        prop_assert!(quick.fields.iter().eq(general.fields.iter()));
        let sent = fields.iter().map(|(key, value)| (key.as_bytes(), value.as_bytes()));
        prop_assert!(quick.fields.iter().eq(sent));
    }

    #[test]
    fn random_bytes_are_no_frame_but_no_harm(bytes in vec(any::<u8>(), 0..200)) {
        look_at(bytes);
    }

    #[test]
    fn random_headers_do_no_harm(kind in 0..3u8, header in vec(any::<u8>(), 0..200)) {
        look_at(framed(kind, &header));
    }

    #[test]
    fn broken_json_headers_do_no_harm(header in json_like()) {
        look_at(framed(0, header.as_bytes()));
        look_at(framed(0, format!("{{{header}}}").as_bytes()));
    }

    #[test]
    fn damaged_frames_do_no_harm(
        kind in kind(),
        value in ".*",
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = Vec::new();
        let write = |w: &mut FieldWriter<'_>| {
            w.str("topic", &value).str("b", "t").i32("queueId", 1).i32("e", 1);
        };
        write_request(&mut bytes, kind, 310, 1, false, write, value.as_bytes());
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        look_at(bytes);
    }

    #[test]
    fn broken_bodies_do_no_harm(text in json_like(), bytes in vec(any::<u8>(), 0..200)) {
        for text in [text.as_bytes(), format!("{{{text}}}").as_bytes(), &bytes] {
            let _ = fastjson::read::<serde_json::Value>(text);
            let _ = fastjson::read::<HeartbeatData>(text);
            let _ = fastjson::read::<TopicRouteData>(text);
            let _ = fastjson::read::<QueueMap<i64>>(text);
            let _ = RegisterBrokerBody::decode(text, true, 479);
            let _ = RegisterBrokerBody::decode(text, false, 479);
        }
    }

    #[test]
    fn damaged_registrations_do_no_harm(
        at: prop::sample::Index,
        byte: u8,
        filters in vec(".*", 0..4),
    ) {
        let body = RegisterBrokerBody { filter_server_list: filters, ..Default::default() };
        let mut bytes = body.encode(true);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = RegisterBrokerBody::decode(&bytes, true, 479);
    }

    #[test]
    fn maps_survive_both_dialects(
        by_queue in vec((".*", any::<i32>(), ".*", any::<i64>()), 0..5),
        by_id in btree_map(any::<i64>(), btree_map(".*", ".*", 0..3), 0..5),
    ) {
        let queue = |(topic, queue_id, broker_name, value)| {
            (MessageQueue { broker_name, queue_id, topic }, value)
        };
        let queues: QueueMap<i64> = by_queue.into_iter().map(queue).collect();
        let ids: IntMap<BTreeMap<String, String>> = IntMap(by_id);
        prop_assert_eq!(fastjson::read(&fastjson::write(&queues)), Ok(queues.clone()));
        prop_assert_eq!(fastjson::read(&fastjson::write_strict(&queues)), Ok(queues));
        prop_assert_eq!(fastjson::read(&fastjson::write(&ids)), Ok(ids.clone()));
        let strict = fastjson::write_strict(&ids);
        prop_assert_eq!(serde_json::from_slice(&strict).ok(), Some(ids));
    }
}
