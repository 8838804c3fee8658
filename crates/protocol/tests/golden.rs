//! Every recorded frame of genuine 4.9.7 and 5.3.3 servers and clients decodes into typed headers
//! and bodies and encodes again to the same.
//!
//! The order of header fields is compared where Java fixes it: in binary headers of the requests
//! that have a hand-written codec. Elsewhere Java iterates a hash map, so fields are compared as a
//! set. Bodies are compared as JSON, and byte for byte where no hash map or set is in them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use protocol::body::KvTable;
use protocol::body::assignment::SetMessageRequestModeRequestBody;
use protocol::body::client::{
    ConsumerConnection, GetConsumerListByGroupResponseBody, LockBatchRequestBody,
    LockBatchResponseBody, ProducerConnection, ProducerTableInfo,
};
use protocol::body::group::{GroupList, SubscriptionGroupConfig, SubscriptionGroupWrapper};
use protocol::body::heartbeat::{CheckClientRequestBody, HeartbeatData};
use protocol::body::offset::{QueryConsumeQueueResponseBody, ResetOffsetBody};
use protocol::body::queue_mapping::{TopicConfigAndQueueMapping, TopicQueueMappingDetail};
use protocol::body::register::{RegisterBrokerBody, body_crc32};
use protocol::body::replication::HaRuntimeInfo;
use protocol::body::route::{ClusterInfo, TopicRouteData};
use protocol::body::running_info::ConsumerRunningInfo;
use protocol::body::stats::{
    BrokerStatsData, ColdDataFlowInfo, ConsumeStats, ConsumeStatsList, TopicStatsTable,
};
use protocol::body::topic::{CheckRocksdbCqWriteResult, TopicConfigSerializeWrapper, TopicList};
use protocol::request::hot::{
    PullReplyView, PullView, SendReplyView, SendView, write_pull_reply, write_send_reply,
};
use protocol::request::pull::PullMessageReply;
use protocol::request::send::SendMessageReply;
use protocol::request::{COMMON_FIELDS, row};
use protocol::{FieldWriter, Frame, HeaderKind, Language, Reply, decode, fastjson, frame_len};
use protocol::{write_request, write_response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Reads a body and writes it again, quoted or not.
type Recode = fn(&[u8], strict: bool) -> Vec<u8>;

/// The JSON bodies by request code: of the request and of its reply. Bodies not listed here are
/// messages or properties text and stay opaque.
const BODIES: &[(i32, Option<Recode>, Option<Recode>)] = &[
    (21, None, Some(recode::<TopicConfigSerializeWrapper>)),
    (28, None, Some(recode::<KvTable>)),
    (34, Some(recode::<HeartbeatData>), None),
    (38, None, Some(recode::<GetConsumerListByGroupResponseBody>)),
    (41, Some(recode::<LockBatchRequestBody>), Some(recode::<LockBatchResponseBody>)),
    (42, Some(recode::<LockBatchRequestBody>), None),
    (46, Some(recode::<CheckClientRequestBody>), None),
    (103, Some(recode::<RegisterBrokerBody>), Some(recode::<KvTable>)),
    (105, None, Some(recode::<TopicRouteData>)),
    (106, None, Some(recode::<ClusterInfo>)),
    (200, Some(recode::<SubscriptionGroupConfig>), None),
    (201, None, Some(recode::<SubscriptionGroupWrapper>)),
    (202, None, Some(recode::<TopicStatsTable>)),
    (203, None, Some(recode::<ConsumerConnection>)),
    (204, None, Some(recode::<ProducerConnection>)),
    (206, None, Some(recode::<TopicList>)),
    (208, None, Some(recode::<ConsumeStats>)),
    (220, Some(recode::<ResetOffsetBody>), None),
    (222, None, Some(recode::<ResetOffsetBody>)),
    (300, None, Some(recode::<GroupList>)),
    (305, None, Some(recode::<TopicList>)),
    (307, None, Some(recode::<ConsumerRunningInfo>)),
    (315, None, Some(recode::<BrokerStatsData>)),
    (317, None, Some(recode::<ConsumeStatsList>)),
    (321, None, Some(recode::<QueryConsumeQueueResponseBody>)),
    (328, None, Some(recode::<ProducerTableInfo>)),
    (351, None, Some(recode::<TopicConfigAndQueueMapping>)),
    (354, None, Some(recode::<CheckRocksdbCqWriteResult>)),
    (401, Some(recode::<SetMessageRequestModeRequestBody>), None),
    (513, Some(recode::<TopicQueueMappingDetail>), None),
    (907, None, Some(recode::<HaRuntimeInfo>)),
    (2003, None, Some(recode::<ColdDataFlowInfo>)),
];

/// Bodies whose members and entries Java writes in an order of their own: those of 5.3.3 must be
/// the same bytes.
const BODIES_IN_ORDER: &[i32] = &[
    34, 38, 41, 42, 46, 106, 200, 202, 208, 220, 222, 300, 305, 315, 321, 351, 354, 401, 513, 907,
];

/// Members that 4.9.7 does not write and 5.3.3 does.
const NEW_MEMBERS: &[&str] = &[
    "attributes",
    "consumeMessageOrderly",
    "consumeTimeoutMinute",
    "enableActingMaster",
    "forbiddenTable",
    "groupRetryPolicy",
    "groupSysFlag",
    "heartbeatFingerprint",
    "mqPopTable",
    "onlyThisBroker",
    "pullOffset",
    "stateVersion",
    "topicPutTps",
    "totalInflightDiff",
    "userConsumerInfo",
    "withoutSub",
];

/// Request fields with a default that 4.9.7 does not send.
const NEW_FIELDS: &[&str] = &["force", "committed", "cleanOffset", "queueId"];

/// Requests whose binary header Java writes with a hand-written codec, in order of declaration.
const CODES_IN_ORDER: &[i32] = &[11, 310, 320, 325, 361];

fn recode<T: DeserializeOwned + Serialize>(body: &[u8], strict: bool) -> Vec<u8> {
    let typed: T = fastjson::read(body).unwrap();
    if strict { fastjson::write_strict(&typed) } else { fastjson::write(&typed) }
}

struct Recorded {
    name: String,
    old: bool,
    code: i32,
    request: Vec<u8>,
    response: Option<Vec<u8>>,
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).unwrap());
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

fn recordings() -> Vec<Recorded> {
    let mut all = Vec::new();
    for version in ["4.9.7", "5.3.3"] {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../golden/wire/");
        let text = std::fs::read_to_string(format!("{root}{version}.jsonl")).unwrap();
        for (number, line) in text.lines().enumerate() {
            let line: Value = serde_json::from_str(line).unwrap();
            let code = line["code"].as_i64().unwrap() as i32;
            all.push(Recorded {
                name: format!("{version} line {} code {code}", number + 1),
                old: version == "4.9.7",
                code,
                request: unhex(line["request"].as_str().unwrap()),
                response: line["response"].as_str().map(unhex),
            });
        }
    }
    assert!(all.len() > 500, "recordings are missing");
    all
}

fn field_set(frame: &Frame<'_>) -> BTreeMap<Vec<u8>, Vec<u8>> {
    frame.fields.iter().map(|(key, value)| (key.to_vec(), value.to_vec())).collect()
}

/// Everything of the header but its release and the order of its fields.
fn assert_same_header(name: &str, ours: &Frame<'_>, theirs: &Frame<'_>) {
    assert_eq!(ours.kind, theirs.kind, "{name}");
    assert_eq!((ours.code, ours.opaque), (theirs.code, theirs.opaque), "{name}");
    assert_eq!((ours.flag, ours.remark), (theirs.flag, theirs.remark), "{name}");
    assert_eq!((ours.language, ours.body), (theirs.language, theirs.body), "{name}");
    assert_eq!(field_set(ours), field_set(theirs), "{name}");
}

/// The header's text without what is not compared: the release, whether a header without fields
/// says so, and the fields in `leave_out`.
fn json_header(frame: &[u8], leave_out: &[&str]) -> Value {
    let len = u32::from_be_bytes(frame[4..8].try_into().unwrap()) as usize;
    let mut header: Value = serde_json::from_slice(&frame[8..8 + len]).unwrap();
    let members = header.as_object_mut().unwrap();
    members.remove("version");
    if let Some(fields) = members.get_mut("extFields").and_then(Value::as_object_mut) {
        fields.retain(|key, _| !leave_out.contains(&key.as_str()));
    }
    if members.get("extFields").is_some_and(|fields| fields == &serde_json::json!({})) {
        members.remove("extFields");
    }
    header
}

fn common(key: &[u8]) -> bool {
    COMMON_FIELDS.iter().any(|name| name.as_bytes() == key)
}

/// Writes what the row makes of the fields, then those that any request may carry.
fn recode_fields(
    frame: &Frame<'_>,
    w: &mut FieldWriter<'_>,
    recode: fn(&protocol::Fields<'_>, &mut FieldWriter<'_>) -> Result<(), protocol::BadField>,
) {
    recode(&frame.fields, w).unwrap();
    for (key, value) in frame.fields.iter().filter(|(key, _)| common(key)) {
        w.pair(key, value);
    }
}

#[test]
fn recorded_requests_decode_and_encode_again() {
    for mut recorded in recordings() {
        let name = recorded.name.as_str();
        let whole = recorded.request.clone();
        assert_eq!(frame_len(&whole), Ok(Some(whole.len())), "{name}");
        let frame = decode(&mut recorded.request).unwrap();
        assert_eq!((frame.code, frame.language), (recorded.code, Language::JAVA), "{name}");
        let row = row(frame.code).unwrap_or_else(|| panic!("{name} has no row"));
        for (key, _) in frame.fields.iter() {
            let known = row.fields.iter().any(|field| field.wire.as_bytes() == key);
            assert!(known || common(key), "{name}: unknown {}", String::from_utf8_lossy(key));
        }
        let mut ours = Vec::new();
        let fields = |w: &mut FieldWriter<'_>| recode_fields(&frame, w, row.recode);
        let oneway = frame.is_oneway();
        write_request(&mut ours, frame.kind, frame.code, frame.opaque, oneway, fields, frame.body);
        if frame.kind == HeaderKind::Binary && CODES_IN_ORDER.contains(&frame.code) {
            assert_eq!(ours, whole, "{name}");
        }
        if frame.kind == HeaderKind::Json {
            let new = NEW_FIELDS.iter().copied().filter(|key| frame.fields.get(key).is_none());
            let new: Vec<_> = new.filter(|_| recorded.old).collect();
            assert_eq!(json_header(&ours, &new), json_header(&whole, &[]), "{name}");
        } else {
            assert_eq!(ours.len(), whole.len(), "{name}");
            assert_same_header(name, &decode(&mut ours).unwrap(), &frame);
        }
    }
}

#[test]
fn recorded_responses_decode_and_encode_again() {
    for mut recorded in recordings() {
        let name = recorded.name.as_str();
        let Some(mut response) = recorded.response.take() else { continue };
        let whole = response.clone();
        let frame = decode(&mut response).unwrap();
        assert!(frame.is_response(), "{name}");
        let row = row(recorded.code).unwrap();
        for (key, _) in frame.fields.iter() {
            let known = row.reply_fields.iter().any(|field| field.wire.as_bytes() == key);
            assert!(known, "{name}: unknown {} in reply", String::from_utf8_lossy(key));
        }
        let remark = frame.remark.map(|remark| str::from_utf8(remark).unwrap());
        let mut ours = Vec::new();
        let fields = |w: &mut FieldWriter<'_>| {
            // A refusal has none of the fields that the reply requires.
            if !frame.fields.is_empty() {
                recode_fields(&frame, w, row.recode_reply);
            }
        };
        let (kind, opaque, code) = (frame.kind, frame.opaque, frame.code);
        write_response(&mut ours, kind, opaque, code, remark, fields, frame.body);
        if kind == HeaderKind::Json {
            assert_eq!(json_header(&ours, &[]), json_header(&whole, &[]), "{name}");
        }
        assert_same_header(name, &decode(&mut ours).unwrap(), &frame);
    }
}

/// Compares two trees; `old` allows ours to have the members that came with 5.x.
fn assert_same_json(name: &str, ours: &Value, theirs: &Value, old: bool) {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            for (key, value) in theirs {
                let our = ours.get(key).unwrap_or_else(|| panic!("{name}: {key} is lost"));
                assert_same_json(&format!("{name}.{key}"), our, value, old);
            }
            for key in ours.keys().filter(|key| !theirs.contains_key(*key)) {
                assert!(old && NEW_MEMBERS.contains(&key.as_str()), "{name}: {key} is new");
            }
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            assert_eq!(ours.len(), theirs.len(), "{name}");
            for (our, their) in ours.iter().zip(theirs) {
                assert_same_json(name, our, their, old);
            }
        }
        _ => assert_eq!(ours, theirs, "{name}"),
    }
}

fn check_body(recorded: &Recorded, body: &[u8], recode: Recode) {
    // Routes are in strict JSON when the client says that it understands that.
    let ours = recode(body, recorded.code == 105);
    let name = &recorded.name;
    let tree = |text: &[u8]| fastjson::read::<Value>(text).unwrap();
    assert_same_json(name, &tree(&ours), &tree(body), recorded.old);
    if !recorded.old && BODIES_IN_ORDER.contains(&recorded.code) {
        assert_eq!(String::from_utf8_lossy(&ours), String::from_utf8_lossy(body), "{name}");
    }
}

#[test]
fn recorded_bodies_decode_and_encode_again() {
    let mut seen = 0;
    for mut recorded in recordings() {
        let bodies = BODIES.iter().find(|(code, ..)| *code == recorded.code);
        let (request, response) = bodies.map_or((None, None), |(_, a, b)| (*a, *b));
        let mut frames = vec![(std::mem::take(&mut recorded.request), request)];
        frames.extend(recorded.response.take().map(|frame| (frame, response)));
        for (mut frame, recode) in frames {
            let frame = decode(&mut frame).unwrap();
            match recode {
                Some(recode) if !frame.body.is_empty() => {
                    check_body(&recorded, frame.body, recode);
                    seen += 1;
                }
                Some(_) => {}
                None => assert!(!frame.body.starts_with(b"{"), "{}: no type", recorded.name),
            }
        }
    }
    assert!(seen > 150, "{seen}");
}

#[test]
fn recorded_registrations_carry_the_checksum_of_their_body() {
    for mut recorded in recordings().into_iter().filter(|recorded| recorded.code == 103) {
        let frame = decode(&mut recorded.request).unwrap();
        let sum = body_crc32(frame.body).to_string();
        assert_eq!(frame.fields.text("bodyCrc32"), Some(sum.as_str()), "{}", recorded.name);
    }
}

#[test]
fn the_data_path_reads_and_writes_what_was_recorded() {
    let mut replies = 0;
    for mut recorded in recordings() {
        let name = recorded.name.as_str();
        let frame = decode(&mut recorded.request).unwrap();
        match recorded.code {
            310 | 320 | 325 => {
                let view = SendView::read(frame.code, &frame.fields).unwrap();
                assert_eq!(Some(view.topic), frame.fields.get("b"), "{name}");
                assert_eq!(Some(view.properties), frame.fields.get("i"), "{name}");
            }
            11 | 361 => {
                let view = PullView::read(&frame.fields).unwrap();
                assert_eq!(Some(view.consumer_group), frame.fields.get("consumerGroup"), "{name}");
                assert_eq!(view.broker_name, b"broker-a", "{name}");
            }
            _ => continue,
        }
        let Some(mut response) = recorded.response.clone() else { continue };
        let whole = response.clone();
        let frame = decode(&mut response).unwrap();
        if recorded.old || frame.fields.is_empty() {
            continue;
        }
        let remark = frame.remark.map(|remark| str::from_utf8(remark).unwrap());
        let mut ours = Vec::new();
        let (kind, opaque, code) = (frame.kind, frame.opaque, frame.code);
        if matches!(recorded.code, 11 | 361) {
            let reply = PullMessageReply::decode(&frame.fields).unwrap();
            let view = PullReplyView {
                suggest_which_broker_id: reply.suggest_which_broker_id,
                next_begin_offset: reply.next_begin_offset,
                min_offset: reply.min_offset,
                max_offset: reply.max_offset,
                offset_delta: reply.offset_delta,
                topic_sys_flag: reply.topic_sys_flag,
                group_sys_flag: reply.group_sys_flag,
                forbidden_type: reply.forbidden_type,
            };
            let body = |out: &mut Vec<u8>| out.extend_from_slice(frame.body);
            write_pull_reply(&mut ours, kind, opaque, code, remark, &view, body);
        } else {
            let reply = SendMessageReply::decode(&frame.fields).unwrap();
            let view = SendReplyView {
                msg_id: reply.msg_id.as_bytes(),
                queue_id: reply.queue_id,
                queue_offset: reply.queue_offset,
                transaction_id: reply.transaction_id.as_deref().map(str::as_bytes),
                batch_uniq_id: reply.batch_uniq_id.as_deref().map(str::as_bytes),
                recall_handle: reply.recall_handle.as_deref().map(str::as_bytes),
                region: reply.region.as_deref().unwrap_or_default().as_bytes(),
                trace_on: reply.trace_on.unwrap_or_default(),
            };
            write_send_reply(&mut ours, kind, opaque, code, remark, &view);
        }
        assert_eq!(ours, whole, "{name}: {}", String::from_utf8_lossy(&whole));
        replies += 1;
    }
    assert!(replies > 30, "{replies}");
}
