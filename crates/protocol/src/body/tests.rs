//! Tests of `body`.

use super::assignment::{BatchAck, BatchAckMessageRequestBody};
use super::heartbeat::{ConsumeFromWhere, ConsumeType, HeartbeatData, MessageModel};
use super::pop::{PopAck, PopCheckPoint};
use super::queue_mapping::TopicQueueMappingInfo;
use super::register::{RegisterBrokerBody, body_crc32};
use super::route::{BrokerData, QueueData, TopicRouteData};
use super::topic::{DataVersion, TopicConfig, TopicConfigSerializeWrapper};
use super::{BitSet, StringMap};
use crate::fastjson::{read, write, write_strict};

#[test]
fn a_route_is_written_in_both_dialects() {
    let route = TopicRouteData {
        broker_datas: vec![BrokerData {
            cluster: Some("c".into()),
            broker_name: "b".into(),
            broker_addrs: [(0, "h:1".to_owned()), (1, "h:2".to_owned())].into(),
            ..Default::default()
        }],
        queue_datas: vec![QueueData {
            broker_name: "b".into(),
            read_queue_nums: 4,
            write_queue_nums: 4,
            perm: 6,
            topic_sys_flag: 1,
            topic_syn_flag: Some(1),
        }],
        ..Default::default()
    };
    let text = |addrs: &str| {
        format!(
            "{{\"brokerDatas\":[{{\"brokerAddrs\":{addrs},\"brokerName\":\"b\",\"cluster\":\"c\",\
             \"enableActingMaster\":false}}],\"filterServerTable\":{{}},\"queueDatas\":[{{\
             \"brokerName\":\"b\",\"perm\":6,\"readQueueNums\":4,\"topicSynFlag\":1,\
             \"topicSysFlag\":1,\"writeQueueNums\":4}}]}}"
        )
    };
    let loose = text("{0:\"h:1\",1:\"h:2\"}");
    let strict = text("{\"0\":\"h:1\",\"1\":\"h:2\"}");
    assert_eq!(String::from_utf8(write(&route)).unwrap(), loose);
    assert_eq!(String::from_utf8(write_strict(&route)).unwrap(), strict);
    assert_eq!(read::<TopicRouteData>(loose.as_bytes()), Ok(route.clone()));
    assert_eq!(read::<TopicRouteData>(strict.as_bytes()), Ok(route));
}

#[test]
fn heartbeats_of_other_languages_are_read() {
    // The C++ client writes enumerations as numbers and the version as text.
    let text = br#"{"clientID":"c","consumerDataSet":[{"consumeFromWhere":4,"consumeType":1,
        "groupName":"g","messageModel":1,"subscriptionDataSet":[{"subVersion":"17","codeSet":["2"],
        "tagsSet":["A"],"topic":"t","subString":"A"}]},{"groupName":"h","messageModel":"ODD"}],
        "producerDataSet":[{"groupName":"p"}],"extra":{"x":[1]}}"#;
    let heartbeat: HeartbeatData = read(text).unwrap();
    let [first, second] = &heartbeat.consumer_data_set[..] else { panic!("two groups") };
    assert_eq!(first.consume_from_where, ConsumeFromWhere::FirstOffset);
    assert_eq!(
        (first.consume_type, first.message_model),
        (ConsumeType::Passively, MessageModel::Clustering)
    );
    assert_eq!(first.subscription_data_set[0].sub_version, 17);
    assert_eq!(first.subscription_data_set[0].code_set, [2]);
    assert_eq!(
        (second.message_model, second.consume_type),
        (MessageModel::Unknown, ConsumeType::Unknown)
    );
}

#[test]
fn names_are_known_by_number() {
    assert_eq!(
        read(b"[0,2,9,\"CONSUME_POP\"]"),
        Ok(vec![ConsumeType::Actively, ConsumeType::Pop, ConsumeType::Unknown, ConsumeType::Pop,])
    );
}

#[test]
fn bulk_acknowledgements_are_read_by_both_names() {
    let mut bit_set = BitSet::default();
    for number in [0, 3, 17, 31] {
        bit_set.insert(number);
    }
    let ack = BatchAck {
        consumer_group: Some("g".into()),
        topic: Some("t".into()),
        retry: Some("0".into()),
        start_offset: 1,
        queue_id: 2,
        revive_queue_id: 3,
        pop_time: 4,
        invisible_time: 5,
        bit_set: bit_set.clone(),
    };
    let body = BatchAckMessageRequestBody { broker_name: Some("b".into()), acks: vec![ack] };
    let text = concat!(
        r#"{"brokerName":"b","acks":[{"c":"g","t":"t","r":"0","so":1,"q":2,"rq":3,"pt":4,"it":5,"#,
        r#""b":"CQACgA=="}]}"#,
    );
    assert_eq!(String::from_utf8(write(&body)).unwrap(), text);
    assert_eq!(read(text.as_bytes()), Ok(body.clone()));
    let long = text.replace("\"c\"", "\"consumerGroup\"").replace("\"b\":\"CQ", "\"bitSet\":\"CQ");
    assert_eq!(read(long.as_bytes()), Ok(body));
    assert_eq!(bit_set.iter().collect::<Vec<_>>(), [0, 3, 17, 31]);
    assert!(read::<BatchAck>(br#"{"b":"*"}"#).is_err());
}

fn registration() -> RegisterBrokerBody {
    let topic = |name: &str, attributes: &[(&str, &str)]| TopicConfig {
        topic_name: name.into(),
        read_queue_nums: 3,
        write_queue_nums: 5,
        perm: 6,
        attributes: attributes.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect(),
        ..Default::default()
    };
    let topics = [topic("T1", &[]), topic("T2", &[("cleanup.policy", "DELETE")])];
    let mapping = TopicQueueMappingInfo {
        topic: Some("S".into()),
        total_queues: 2,
        broker_name: Some("b".into()),
        curr_id_map: [(0, 1)].into(),
        ..Default::default()
    };
    RegisterBrokerBody {
        filter_server_list: vec!["h:1".into()],
        topic_config_wrapper: TopicConfigSerializeWrapper {
            topic_config_table: topics.into_iter().map(|t| (t.topic_name.clone(), t)).collect(),
            data_version: DataVersion { counter: 7, timestamp: 8, state_version: 9 },
            topic_queue_mapping_info_map: Some(StringMap::from([("S".to_owned(), mapping)])),
            ..Default::default()
        },
    }
}

#[test]
fn registrations_survive_both_forms() {
    let body = registration();
    for compressed in [false, true] {
        let bytes = body.encode(compressed);
        assert_eq!(RegisterBrokerBody::decode(&bytes, compressed, 479).as_ref(), Ok(&body));
    }
    let mut old = body.clone();
    old.topic_config_wrapper.topic_queue_mapping_info_map = None;
    assert_eq!(RegisterBrokerBody::decode(&body.encode(true), true, 407), Ok(old));
    assert_eq!(body_crc32(b"123456789"), 0x4bf4_3926);
}

#[test]
fn broken_registrations_are_refused() {
    let bytes = registration().encode(true);
    assert!(RegisterBrokerBody::decode(&bytes[..bytes.len() / 2], true, 479).is_err());
    assert!(RegisterBrokerBody::decode(b"", true, 479).is_err());
    assert!(RegisterBrokerBody::decode(b"{}", true, 479).is_err());
    assert!(RegisterBrokerBody::decode(b"{", false, 479).is_err());
}

/// The texts are those of Java 5.3.3.
#[test]
fn check_points_and_acknowledgements_of_pop() {
    let point = PopCheckPoint {
        broker_name: "b".into(),
        consumer_group: "g".into(),
        queue_offset_diff: vec![0, 2].into(),
        invisible_time: 60_000,
        num: 2,
        pop_time: 1_700_000_000_000,
        queue_id: 3,
        revive_time: 1_700_000_060_000,
        start_offset: 7,
        topic: "t".into(),
        ..PopCheckPoint::default()
    };
    let java = concat!(
        r#"{"bm":0,"bn":"b","c":"g","d":[0,2],"it":60000,"n":2,"pt":1700000000000,"q":3,"#,
        r#""reviveTime":1700000060000,"ro":0,"so":7,"t":"t"}"#
    );
    assert_eq!(String::from_utf8(write(&point)).unwrap(), java);
    assert_eq!(read::<PopCheckPoint<'_>>(java.as_bytes()), Ok(point));
    let one = PopAck {
        ack_offset: 9,
        broker_name: "b".into(),
        consumer_group: "g".into(),
        pop_time: 1_700_000_000_000,
        queue_id: 3,
        start_offset: 7,
        topic: "t".into(),
        ..PopAck::default()
    };
    let java = r#"{"ao":9,"bn":"b","c":"g","pt":1700000000000,"q":3,"so":7,"t":"t"}"#;
    assert_eq!(String::from_utf8(write(&one)).unwrap(), java);
    let several = PopAck { ack_offset: -1, ack_offset_list: Some(vec![7, 9].into()), ..one };
    let java = r#"{"ao":-1,"aol":[7,9],"bn":"b","c":"g","pt":1700000000000,"q":3,"so":7,"t":"t"}"#;
    assert_eq!(String::from_utf8(write(&several)).unwrap(), java);
    assert_eq!(read::<PopAck<'_>>(java.as_bytes()), Ok(several));
}
