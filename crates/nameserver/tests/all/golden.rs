//! Every request that genuine brokers, clients and tools of 4.9.7 and 5.3.3 were recorded sending
//! to port 9876 gets the recorded answer.
//!
//! The recordings are samples, so some state is made first: a topic that a recorded route shows
//! is registered as it shows, a recorded list of topics is made the list of the server.

use std::collections::BTreeSet;

use protocol::decode;
use serde_json::{Value, json};

use crate::peer::{Answer, Peer, Server};

struct Recorded {
    version: &'static str,
    code: i64,
    oneway: bool,
    request: Vec<u8>,
    response: Option<Vec<u8>>,
}

fn recorded(version: &'static str, text: &str) -> Vec<Recorded> {
    let bytes = |hex: &str| {
        let digits = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        (0..hex.len()).step_by(2).map(digits).collect::<Vec<u8>>()
    };
    text.lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|row| row["port"] == 9876 && row["from"] == "client")
        .map(|row| Recorded {
            version,
            code: row["code"].as_i64().unwrap(),
            oneway: row["oneway"].as_bool().unwrap(),
            request: bytes(row["request"].as_str().unwrap()),
            response: row["response"].as_str().map(bytes),
        })
        .collect()
}

#[test]
fn recorded_requests_get_recorded_answers_4_9_7() {
    replay("4.9.7", include_str!("../../../../golden/wire/4.9.7.jsonl"), 38);
}

#[test]
fn recorded_requests_get_recorded_answers_5_3_3() {
    replay("5.3.3", include_str!("../../../../golden/wire/5.3.3.jsonl"), 50);
}

fn replay(version: &'static str, text: &str, at_least: usize) {
    let server = Server::new();
    let mut peer = server.peer();
    let mut compared = 0;
    for row in recorded(version, text) {
        if row.oneway {
            peer.send(&row.request);
            compared += 1;
            continue;
        }
        let Some(response) = &row.response else { continue };
        let expected = Answer::of(response.clone());
        prepare(&mut peer, &row, &expected);
        let found = peer.call(&row.request);
        compare(&mut peer, &row, &expected, &found);
        compared += 1;
    }
    assert!(compared >= at_least, "only {compared} of the recorded requests were compared");
}

/// Makes the state that the recorded answer speaks of.
fn prepare(peer: &mut Peer, row: &Recorded, expected: &Answer) {
    match row.code {
        105 if expected.code == 0 => {
            let mut request = row.request.clone();
            let request = decode(&mut request).unwrap();
            let topic = request.fields.text("topic").unwrap();
            peer.ask_with(217, &json!({ "topic": topic }), &expected.body).ok();
        }
        206 => {
            let list = expected.json()["topicList"].clone();
            let wanted: BTreeSet<&str> =
                list.as_array().unwrap().iter().map(|topic| topic.as_str().unwrap()).collect();
            for topic in peer.topics() {
                if !wanted.contains(topic.as_str()) {
                    peer.ask(216, &json!({ "topic": topic })).ok();
                }
            }
            let queues = json!({ "queueDatas": [{
                "brokerName": "broker-a", "perm": 6, "readQueueNums": 1, "writeQueueNums": 1,
            }] });
            for topic in wanted {
                let body = queues.to_string();
                peer.ask_with(217, &json!({ "topic": topic }), body.as_bytes()).ok();
            }
        }
        _ => {}
    }
}

fn compare(peer: &mut Peer, row: &Recorded, expected: &Answer, found: &Answer) {
    let what = format!("{} of {}: {found:?}", row.code, row.version);
    assert_eq!(found.code, expected.code, "{what}");
    match row.code {
        // The address of the explanation changed with the releases.
        105 if found.code == 17 && row.version == "4.9.7" => {
            assert_eq!(found.remark().lines().next(), expected.remark().lines().next(), "{what}");
        }
        _ => assert_eq!(found.remark, expected.remark, "{what}"),
    }
    match row.code {
        205 | 327 => {
            let key = if row.code == 205 { "wipeTopicCount" } else { "addTopicCount" };
            let topics = peer.topics().len().to_string();
            assert_eq!(found.fields[key], topics, "{what}");
            assert_eq!(found.fields.len(), expected.fields.len(), "{what}");
        }
        _ => assert_eq!(found.fields, expected.fields, "{what}"),
    }
    match row.code {
        105 if found.code == 0 => {
            // Standard JSON: read by a parser that takes nothing else.
            let strict: Value = serde_json::from_slice(&found.body).expect(&what);
            covers(&strict, &expected.json(), row, &what);
        }
        106 => covers(&found.json(), &expected.json(), row, &what),
        206 => {
            let sorted = |answer: &Answer| {
                let mut list = answer.json()["topicList"].as_array().unwrap().clone();
                list.sort_by_key(|topic| topic.to_string());
                list
            };
            assert_eq!(sorted(found), sorted(expected), "{what}");
        }
        319 => settings_match(expected, found),
        _ => assert_eq!(found.body, expected.body, "{what}"),
    }
}

/// 4.9 knows fewer members than 5.3; what it says, we say too.
fn covers(found: &Value, expected: &Value, row: &Recorded, what: &str) {
    if row.version == "5.3.3" {
        assert_eq!(found, expected, "{what}");
        return;
    }
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            for (key, value) in expected {
                let other = found.get(key).unwrap_or_else(|| panic!("{key} is missing in {what}"));
                covers(other, value, row, what);
            }
        }
        (Value::Array(found), Value::Array(expected)) => {
            assert_eq!(found.len(), expected.len(), "{what}");
            found.iter().zip(expected).for_each(|(f, e)| covers(f, e, row, what));
        }
        (found, expected) => assert_eq!(found, expected, "{what}"),
    }
}

fn settings_match(expected: &Answer, found: &Answer) {
    let of = |answer: &Answer| base::properties::parse(answer.text());
    let machine = ["kvConfigPath", "configStorePath", "rocketmqHome", "listenPort", "bindAddress"];
    let ours = of(found);
    for theirs in of(expected) {
        let mine = ours.iter().find(|p| p.key == theirs.key);
        let mine = mine.unwrap_or_else(|| panic!("{} is not shown", theirs.key));
        if !machine.contains(&theirs.key.as_str()) {
            assert_eq!(mine.value, theirs.value, "{}", theirs.key);
        }
    }
}
