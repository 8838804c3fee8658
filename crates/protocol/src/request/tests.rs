//! Tests of `request`.

use super::hot::{PullReplyView, PullView, SendReplyView, SendView};
use super::pull::{PullMessage, PullMessageReply};
use super::send::{SendMessage, SendMessageReply, SendMessageV2};
use super::*;
use crate::code::{request_code, request_codes};
use crate::encode::{FieldWriter, write_request};
use crate::fields::{BadField, BadFieldWhy};
use crate::frame::{Frame, HeaderKind, decode};

/// Requests without a typed form: their bodies are another library's objects, or they belong to
/// releases after the one this server is compatible with.
const NO_ROW: &[&str] = &[
    "BROKER_CLOSE_CHANNEL_REQUEST",
    "CHECK_NOT_ACTIVE_BROKER_REQUEST",
    "GET_BROKER_LIVE_INFO_REQUEST",
    "RAFT_BROKER_HEART_BEAT_EVENT_REQUEST",
    "POP_LITE_MESSAGE",
    "LITE_SUBSCRIPTION_CTL",
    "ACK_LITE_MESSAGE",
    "NOTIFY_UNSUBSCRIBE_LITE",
    "GET_BROKER_LITE_INFO",
    "GET_PARENT_TOPIC_INFO",
    "GET_LITE_TOPIC_INFO",
    "GET_LITE_CLIENT_INFO",
    "GET_LITE_GROUP_INFO",
    "TRIGGER_LITE_DISPATCH",
];

#[test]
fn every_code_that_is_alive_has_one_row() {
    for code in request_codes() {
        let count = rows().filter(|row| row.code == code.code).count();
        let expected = usize::from(code.used_by != "dead" && !NO_ROW.contains(&code.name));
        assert_eq!(count, expected, "{}", code.name);
        if let Some(row) = row(code.code) {
            assert_eq!(row.name, code.name);
        }
    }
}

#[test]
fn wire_names_are_unique_within_a_header() {
    for row in rows() {
        for fields in [row.fields, row.reply_fields] {
            let mut names: Vec<_> = fields.iter().map(|field| field.wire).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), fields.len(), "{}", row.name);
        }
    }
}

/// Runs `check` on a frame with these fields, once with each header.
fn with_fields(code: i32, fields: &[(&str, &str)], check: impl Fn(&Frame<'_>)) {
    for kind in [HeaderKind::Json, HeaderKind::Binary] {
        let mut bytes = Vec::new();
        let write = |w: &mut FieldWriter<'_>| {
            for (key, value) in fields {
                w.str(key, value);
            }
        };
        write_request(&mut bytes, kind, code, 1, false, write, b"");
        check(&decode(&mut bytes).unwrap());
    }
}

fn missing<T>(key: &'static str) -> Result<T, BadField> {
    Err(BadField { key, why: BadFieldWhy::Missing })
}

#[test]
fn missing_and_bad_fields_are_named() {
    let required = [("consumerGroup", "g"), ("queueId", "1"), ("queueOffset", "2")];
    with_fields(11, &required, |frame| {
        assert_eq!(PullMessage::decode(&frame.fields), missing("topic"));
        assert_eq!(PullView::read(&frame.fields), missing("maxMsgNums"));
    });
    with_fields(11, &[("consumerGroup", "g"), ("topic", "t"), ("queueId", "x")], |frame| {
        let bad = BadField { key: "queueId", why: BadFieldWhy::NotANumber };
        assert_eq!(PullMessage::decode(&frame.fields), Err(bad.clone()));
        assert_eq!(PullView::read(&frame.fields), Err(bad.clone()));
        assert_eq!(bad.to_string(), "the custom field <queueId> is no number");
    });
    with_fields(310, &[("e", "1")], |frame| {
        assert_eq!(SendMessageV2::decode(&frame.fields), missing("b"));
        assert_eq!(SendView::read(310, &frame.fields), missing("topic"));
    });
    with_fields(10, &[("topic", "t"), ("queueId", "")], |frame| {
        assert_eq!(SendMessage::decode(&frame.fields), missing("queueId"));
    });
}

#[test]
fn absent_fields_take_the_rows_defaults() {
    with_fields(222, &[("topic", "t"), ("group", "g")], |frame| {
        let reset = offset::InvokeBrokerToResetOffset::decode(&frame.fields).unwrap();
        assert_eq!((reset.queue_id, reset.offset, reset.is_force), (-1, None, false));
    });
    assert_eq!(offset::InvokeBrokerToResetOffset::default().queue_id, -1);
    with_fields(30, &[("topic", "t"), ("queueId", "0"), ("committed", "FALSE")], |frame| {
        assert!(!offset::GetMaxOffset::decode(&frame.fields).unwrap().committed);
    });
}

#[test]
fn views_say_what_the_typed_requests_say() {
    let long = [
        ("producerGroup", "pg"),
        ("topic", "T"),
        ("defaultTopic", "TBW102"),
        ("defaultTopicQueueNums", "4"),
        ("queueId", "-1"),
        ("sysFlag", "5"),
        ("bornTimestamp", "1795253823326"),
        ("flag", "9"),
        ("properties", "KEYS\u{1}k\u{2}"),
        ("reconsumeTimes", "3"),
        ("unitMode", "true"),
        ("batch", "TRUE"),
        ("maxReconsumeTimes", "16"),
        ("bname", "broker-a"),
    ];
    let letters = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "m", "l", "n"];
    let short: Vec<_> = letters.into_iter().zip(long).map(|(l, (_, v))| (l, v)).collect();
    let check = |code: i32, fields: &[(&str, &str)], names: [&str; 14]| {
        with_fields(code, fields, |frame| {
            let view = SendView::read(code, &frame.fields).unwrap();
            assert_eq!((view.producer_group, view.topic), (&b"pg"[..], &b"T"[..]));
            assert_eq!((view.queue_id, view.sys_flag, view.flag), (-1, 5, 9));
            assert_eq!((view.born_timestamp, view.reconsume_times), (1795253823326, 3));
            assert_eq!((view.unit_mode, view.batch), (true, true));
            assert_eq!(view.max_reconsume_times, Some(16));
            assert_eq!(
                (view.default_topic, view.properties),
                (&b"TBW102"[..], &b"KEYS\x01k\x02"[..])
            );
            assert_eq!((view.default_topic_queue_nums, view.broker_name), (4, &b"broker-a"[..]));
            let row = row(code).unwrap();
            for name in names.iter().filter(|name| **name != "bname") {
                assert!(row.fields.iter().any(|field| field.wire == *name), "{code} {name}");
            }
            assert_eq!(row.fields.len(), names.iter().filter(|name| **name != "bname").count());
        });
    };
    let names = long.map(|(name, _)| name);
    for code in [request_code::SEND_MESSAGE, request_code::SEND_REPLY_MESSAGE] {
        check(code, &long, names);
    }
    for code in [310, 320, 325] {
        check(code, &short, letters);
    }
}

#[test]
fn a_send_view_is_read_as_it_was_written() {
    for max_reconsume_times in [None, Some(16)] {
        let view = SendView {
            producer_group: b"g",
            topic: b"t",
            default_topic: b"TBW102",
            default_topic_queue_nums: 4,
            queue_id: 3,
            sys_flag: 1,
            born_timestamp: 1_700_000_000_000,
            flag: -1,
            properties: b"KEYS\x01k\x02",
            reconsume_times: 2,
            unit_mode: true,
            max_reconsume_times,
            batch: true,
            broker_name: b"b",
        };
        for kind in [HeaderKind::Json, HeaderKind::Binary] {
            let mut bytes = Vec::new();
            write_request(&mut bytes, kind, 310, 1, false, |w| view.write_short(w), b"");
            let frame = decode(&mut bytes).unwrap();
            assert_eq!(SendView::read(310, &frame.fields), Ok(view.clone()));
        }
    }
}

#[test]
fn pull_views_say_what_the_typed_pull_says() {
    let pull = PullMessage {
        consumer_group: "g".into(),
        topic: "t".into(),
        queue_id: 1,
        queue_offset: 2,
        max_msg_nums: 3,
        sys_flag: 4,
        commit_offset: 5,
        suspend_timeout_ms: 6,
        subscription: Some("a || b".into()),
        sub_version: 7,
        expression_type: Some("TAG".into()),
        max_msg_bytes: Some(8),
        request_source: Some(9),
        proxy_forward_client_id: Some("c".into()),
    };
    for kind in [HeaderKind::Json, HeaderKind::Binary] {
        let mut bytes = Vec::new();
        write_request(&mut bytes, kind, PullMessage::CODE, 1, false, |w| pull.encode(w), b"");
        let frame = decode(&mut bytes).unwrap();
        assert_eq!(PullMessage::decode(&frame.fields).as_ref(), Ok(&pull));
        let expected = PullView {
            consumer_group: b"g",
            topic: b"t",
            queue_id: 1,
            queue_offset: 2,
            max_msg_nums: 3,
            sys_flag: 4,
            commit_offset: 5,
            suspend_timeout_ms: 6,
            subscription: b"a || b",
            sub_version: 7,
            expression_type: b"TAG",
            max_msg_bytes: Some(8),
            request_source: Some(9),
            proxy_forward_client_id: b"c",
            broker_name: b"",
        };
        assert_eq!(PullView::read(&frame.fields), Ok(expected));
    }
}

#[test]
fn fast_replies_are_the_typed_replies() {
    for kind in [HeaderKind::Json, HeaderKind::Binary] {
        let view = SendReplyView {
            msg_id: b"7F00",
            queue_id: 1,
            queue_offset: 2,
            transaction_id: Some(b"T"),
            batch_uniq_id: Some(b"B"),
            recall_handle: Some(b"R"),
            region: b"DefaultRegion",
            trace_on: true,
        };
        let mut bytes = Vec::new();
        hot::write_send_reply(&mut bytes, kind, 7, 0, None, &view);
        let expected = SendMessageReply {
            msg_id: "7F00".into(),
            queue_id: 1,
            queue_offset: 2,
            transaction_id: Some("T".into()),
            batch_uniq_id: Some("B".into()),
            recall_handle: Some("R".into()),
            region: Some("DefaultRegion".into()),
            trace_on: Some(true),
        };
        assert_eq!(SendMessageReply::decode(&decode(&mut bytes).unwrap().fields), Ok(expected));

        let view = PullReplyView {
            suggest_which_broker_id: 0,
            next_begin_offset: 1,
            min_offset: 2,
            max_offset: 3,
            offset_delta: Some(4),
            topic_sys_flag: Some(5),
            group_sys_flag: Some(6),
            forbidden_type: Some(7),
        };
        let mut bytes = Vec::new();
        let body = |out: &mut Vec<u8>| out.extend_from_slice(b"messages");
        hot::write_pull_reply(&mut bytes, kind, 7, 0, Some("FOUND"), &view, body);
        let frame = decode(&mut bytes).unwrap();
        let expected = PullMessageReply {
            suggest_which_broker_id: 0,
            next_begin_offset: 1,
            min_offset: 2,
            max_offset: 3,
            offset_delta: Some(4),
            topic_sys_flag: Some(5),
            group_sys_flag: Some(6),
            forbidden_type: Some(7),
        };
        assert_eq!(PullMessageReply::decode(&frame.fields), Ok(expected));
        assert_eq!((frame.body, frame.remark), (&b"messages"[..], Some(&b"FOUND"[..])));
    }
}
