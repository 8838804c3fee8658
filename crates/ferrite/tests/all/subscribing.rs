//! Pulls that wait while what their group wants changes.

use protocol::frame::HeaderKind;

use crate::peer::Peer;
use crate::servers::Server;

const TAG_A: i32 = 2_598_919;
const TAG_B: i32 = 2_598_920;

fn heartbeat(peer: &mut Peer, expression: &str, codes: &[i32], version: u32) {
    let subscription = format!(
        r#"{{"topic":"S","subString":"{expression}","tagsSet":[],"codeSet":{codes:?},
        "subVersion":{version}}}"#
    );
    let body = format!(
        r#"{{"clientID":"c","producerDataSet":[],"consumerDataSet":[{{"groupName":"G",
        "consumeType":"CONSUME_PASSIVELY","messageModel":"CLUSTERING","unitMode":false,
        "consumeFromWhere":"CONSUME_FROM_LAST_OFFSET","subscriptionDataSet":[{subscription}]}}]}}"#
    );
    let answer = peer.ask(34, &[], body.as_bytes());
    assert_eq!(answer.code, 0, "{}", answer.remark);
}

fn send(peer: &mut Peer, tag: &str) {
    let properties = format!("TAGS\u{1}{tag}\u{2}");
    let fields = [("a", "g"), ("b", "S"), ("c", "TBW102"), ("d", "1"), ("e", "0")];
    let answer = peer.ask(310, &[&fields[..], &[("i", &*properties)]].concat(), tag.as_bytes());
    assert_eq!(answer.code, 0, "{}", answer.remark);
}

/// A pull that waits for a message at `offset`; `own` is its own expression.
fn park(peer: &mut Peer, offset: &str, version: &str, own: Option<&str>) {
    let fields = [
        ("consumerGroup", "G"),
        ("topic", "S"),
        ("queueId", "0"),
        ("queueOffset", offset),
        ("maxMsgNums", "32"),
        ("sysFlag", if own.is_some() { "6" } else { "2" }),
        ("commitOffset", "0"),
        ("suspendTimeoutMillis", "15000"),
        ("subVersion", version),
        ("subscription", own.unwrap_or("")),
        ("expressionType", "TAG"),
    ];
    peer.send(HeaderKind::Json, 11, &fields, &[]);
}

/// The tags of what a pull got: the bodies are the tags.
fn got(peer: &mut Peer) -> (Vec<String>, String) {
    let answer = peer.next_response();
    assert_eq!(answer.code, 0, "{}", answer.remark);
    let mut bodies = Vec::new();
    let mut rest = &answer.body[..];
    while let Ok(model::record::Entry::Record(record)) = model::record::decode(rest) {
        bodies.push(String::from_utf8_lossy(record.body).into_owned());
        rest = &rest[record.total_len..];
    }
    (bodies, answer.field("nextBeginOffset").to_owned())
}

/// F08, F32: when a group wants something else its pulls that wait end without a message, at the
/// offset they had: nothing between is passed over. One with an expression of its own waits on.
#[test]
fn pulls_that_wait_are_asked_anew_when_the_subscription_changes() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_server, address) = Server::broker(folder.path(), "", &[]);
    let connect = || Peer::connect(&address);
    let (mut sender, mut beats, mut waiting, mut own) =
        (connect(), connect(), connect(), connect());
    send(&mut sender, "TagA");
    heartbeat(&mut beats, "TagA", &[TAG_A], 1);
    park(&mut waiting, "1", "1", None);
    park(&mut own, "1", "1", Some("TagA"));
    // An answer on its connection shows that each is there.
    for peer in [&mut waiting, &mut own] {
        let max = [("topic", "S"), ("queueId", "0")];
        assert_eq!(peer.ask(30, &max, &[]).field("offset"), "1");
    }
    send(&mut sender, "TagB");
    // The same once more, as after a change of queues, is no change.
    heartbeat(&mut beats, "TagA", &[TAG_A], 2);
    heartbeat(&mut beats, "TagA || TagB", &[TAG_A, TAG_B], 3);
    let released = waiting.next_response();
    assert_eq!((released.code, released.field("nextBeginOffset")), (19, "1"));
    assert_eq!((released.field("minOffset"), released.field("maxOffset")), ("0", "2"));
    park(&mut waiting, "1", "3", None);
    assert_eq!(got(&mut waiting), (vec!["TagB".to_owned()], "2".to_owned()));
    send(&mut sender, "TagA");
    assert_eq!(got(&mut own), (vec!["TagA".to_owned()], "3".to_owned()));
}
