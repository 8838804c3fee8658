//! Tests of `fastjson`.

use std::collections::BTreeMap;

use super::value::{Value, parse};
use super::{read, write, write_strict};
use crate::body::{IntMap, MessageQueue, QueueMap};

fn same(text: &str, plain: &str) {
    assert_eq!(parse(text).unwrap(), parse(plain).unwrap(), "{text}");
}

#[test]
fn both_dialects_are_read() {
    same("{0:'a',1:\"b\",}", r#"{"0":"a","1":"b"}"#);
    same("{a:[1,2,,3,],b:null,c:[null]}", r#"{"a":[1,2,3],"c":[]}"#);
    same(r#"{"a":{"$ref":"$.b[1].c"},"b":[0,{"c":"x"}]}"#, r#"{"a":"x","b":[0,{"c":"x"}]}"#);
    same(r#"{"a.b":{"x":1},"r":{"$ref":"$.a\\.b.x"}}"#, r#"{"a.b":{"x":1},"r":1}"#);
    same(r#"[{"a":1},{"$ref":"$[0]"}]"#, r#"[{"a":1},{"a":1}]"#);
    same(r#"{"a":{"b":{"$ref":"$.nothing"}}}"#, r#"{"a":{}}"#);
}

#[test]
fn scalars_are_read() {
    let check = |text: &str, expected: Value<'_>| assert_eq!(parse(text).unwrap(), expected);
    check("", Value::Null);
    check(" null ", Value::Null);
    check("12L", Value::Int(12));
    check("-9223372036854775808", Value::Int(i64::MIN));
    check("9223372036854775808", Value::Float(9_223_372_036_854_775_808.0));
    check("1.5E2", Value::Float(150.0));
    check(r#""a\u4f60\x41\'\"\\""#, Value::Text("a你A'\"\\".into()));
    check(r#""\ud83d\ude00 \ud83d \ud83d\u0041""#, Value::Text("😀 ? ?A".into()));
}

#[test]
fn text_that_is_not_json_is_refused() {
    let deep = "[".repeat(10_000);
    let bomb = format!(
        "[1{}]",
        (0..60)
            .map(|n| format!(",[{{\"$ref\":\"$[{n}]\"}},{{\"$ref\":\"$[{n}]\"}}]"))
            .collect::<String>()
    );
    for bad in [
        "{",
        "[",
        "{\"a\"}",
        "{\"a\":}",
        "\"a",
        "\"\\u12\"",
        "\"\\",
        "{} x",
        "abc",
        "[}",
        &deep,
        &bomb,
    ] {
        assert!(parse(bad).is_err(), "{bad:.40}");
    }
    let cycle = r#"{"a":{"$ref":"$"}}"#;
    assert!(parse(cycle).is_err());
}

#[test]
fn numbers_may_be_text_and_text_numbers() {
    let numbers: BTreeMap<String, i32> = read(br#"{"a":"12","b":3,"c":4.9,"d":""}"#).unwrap();
    assert_eq!(numbers.into_values().collect::<Vec<_>>(), [12, 3, 4, 0]);
    let texts: BTreeMap<String, String> = read(br#"{1:12,"b":true}"#).unwrap();
    assert_eq!(texts["1"], "12");
    assert_eq!(texts["b"], "true");
    let truths: Vec<bool> = read(br#"["true",1,false,"no"]"#).unwrap();
    assert_eq!(truths, [true, true, false, false]);
    assert!(read::<Vec<i32>>(b"[4294967296]").is_err());
    assert!(read::<Vec<i32>>(b"{}").is_err());
}

#[test]
fn keys_are_written_as_java_writes_them() {
    let by_id: IntMap<String> = [(0, "m".to_owned()), (-1, "\n\u{1}\"".to_owned())].into();
    assert_eq!(write(&by_id), br#"{-1:"\n\u0001\"",0:"m"}"#);
    assert_eq!(write_strict(&by_id), br#"{"-1":"\n\u0001\"","0":"m"}"#);
    let queue = MessageQueue { broker_name: "b\"\\\n".into(), queue_id: 3, topic: "t".into() };
    let by_queue: QueueMap<i64> = [(queue, 7)].into();
    let text = br#"{{"brokerName":"b\"\\\n","queueId":3,"topic":"t"}:7}"#;
    assert_eq!(String::from_utf8(write(&by_queue)).unwrap(), str::from_utf8(text).unwrap());
    assert_eq!(read::<QueueMap<i64>>(text).unwrap(), by_queue);
    let as_text = serde_json::to_string(&by_queue).unwrap();
    assert_eq!(read::<QueueMap<i64>>(as_text.as_bytes()).unwrap(), by_queue);
    let by_name: BTreeMap<&str, BTreeMap<&str, i64>> =
        [("", [("\u{0}\"", 1)].into()), ("x", BTreeMap::new())].into();
    assert_eq!(write(&by_name), br#"{"":{"\u0000\"":1},"x":{}}"#);
}
