//! Requests against accounts: who is let through, and why not.

use protocol::HeaderKind;
use protocol::encode::write_request;
use protocol::frame;
use protocol::request_code as code;

use super::*;
use crate::credentials::Credentials;

const FILE: &str = "
globalWhiteRemoteAddresses:
  - 10.10.103.*
accounts:
  - accessKey: RocketMQ
    secretKey: 12345678
    whiteRemoteAddress: 10.1.1.1
    defaultTopicPerm: DENY
    defaultGroupPerm: SUB
    topicPerms:
      - topicA=DENY
      - topicB=PUB|SUB
      - topicC=SUB
    groupPerms:
      - groupA=DENY
      - groupB=PUB
  - accessKey: rocketmq2
    secretKey: 12345678
    admin: true
    topicPerms:
      - topicA=DENY
dataVersion:
  - counter: 7
    timestamp: 1600000000000
";

const HOME: &str = "192.168.7.7";

fn access() -> Access {
    Access::load(&[(PathBuf::from("/a/plain_acl.yml"), FILE.into())], 5).unwrap()
}

struct Ask<'a> {
    code: i32,
    fields: &'a [(&'a str, &'a str)],
    body: &'a [u8],
    from: &'a str,
}

/// Asks as an account, signed as the client does it, in either encoding.
fn ask(access: &Access, who: Option<(&str, &str)>, ask: &Ask<'_>) -> Result<(), String> {
    let mut results = Vec::new();
    for kind in [HeaderKind::Json, HeaderKind::Binary] {
        let mut bytes = Vec::new();
        let write = |bytes: &mut Vec<u8>, proof: &[(&'static str, String)]| {
            let fields = |w: &mut protocol::FieldWriter<'_>| {
                for (key, value) in ask.fields {
                    w.str(key, value);
                }
                for (key, value) in proof {
                    w.str(key, value);
                }
            };
            write_request(bytes, kind, ask.code, 1, false, fields, ask.body);
        };
        write(&mut bytes, &[]);
        if let Some((key, secret)) = who {
            let frame = frame::decode(&mut bytes).unwrap();
            let proof = Credentials::new(key, secret).sign(&frame.fields, frame.body);
            bytes = Vec::new();
            write(&mut bytes, &proof);
        }
        let frame = frame::decode(&mut bytes).unwrap();
        let result = access.check(&frame, ask.from.parse().unwrap());
        results.push(result.map_err(|denied| denied.0));
    }
    assert_eq!(results[0], results[1], "both encodings");
    results.remove(0)
}

const USER: Option<(&str, &str)> = Some(("RocketMQ", "12345678"));
const ADMIN: Option<(&str, &str)> = Some(("rocketmq2", "12345678"));

fn user(code: i32, fields: &[(&str, &str)]) -> Result<(), String> {
    ask(&access(), USER, &Ask { code, fields, body: b"", from: HOME })
}

#[test]
fn accounts_are_known_by_key_and_signature() {
    let access = access();
    let send =
        Ask { code: code::SEND_MESSAGE_V2, fields: &[("b", "topicB")], body: b"x", from: HOME };
    ask(&access, USER, &send).unwrap();
    ask(&access, ADMIN, &send).unwrap();
    let refused = |who| ask(&access, who, &send).unwrap_err();
    assert_eq!(refused(None), "No accessKey is configured");
    assert_eq!(refused(Some(("nobody7", "12345678"))), "No acl config for nobody7");
    assert_eq!(
        refused(Some(("RocketMQ", "12345679"))),
        "Check signature failed for accessKey=RocketMQ"
    );
    assert!(Denied(refused(None)).to_string().contains("AclException: No accessKey"));
    // White addresses need no account, or an account but no signature.
    ask(&access, None, &Ask { from: "10.10.103.9", ..send }).unwrap();
    ask(&access, Some(("RocketMQ", "wrong")), &Ask { from: "10.1.1.1", ..send }).unwrap();
    assert_eq!(access.versions()["/a/plain_acl.yml"].counter, 7);
    assert_eq!(access.home_of("RocketMQ"), Some(Path::new("/a/plain_acl.yml")));
}

#[test]
fn each_request_needs_what_it_touches() {
    let no = |why: &str| Err(why.to_owned());
    type Case<'a> = (i32, &'a [(&'a str, &'a str)], Result<(), String>);
    let cases: &[Case<'_>] = &[
        (code::SEND_MESSAGE, &[("topic", "topicB")], Ok(())),
        (code::SEND_MESSAGE, &[("topic", "topicC")], no("No permission for topic:topicC")),
        (code::SEND_MESSAGE_V2, &[("b", "topicA")], no("No permission for topic:topicA")),
        (code::SEND_BATCH_MESSAGE, &[("b", "none")], no("No default permission for topic:none")),
        (code::SEND_MESSAGE_V2, &[("b", "RMQ_SYS_TRACE_TOPIC")], Ok(())),
        (code::SEND_MESSAGE_V2, &[("b", "%RETRY%any")], Ok(())),
        (code::SEND_MESSAGE_V2, &[("b", "%RETRY%groupA")], no("No permission for group:groupA")),
        (
            code::CONSUMER_SEND_MSG_BACK,
            &[("group", "groupB")],
            no("No permission for group:groupB"),
        ),
        (code::PULL_MESSAGE, &[("topic", "topicC"), ("consumerGroup", "any")], Ok(())),
        (
            code::PULL_MESSAGE,
            &[("topic", "topicC"), ("consumerGroup", "groupA")],
            no("No permission for group:groupA"),
        ),
        (
            code::POP_MESSAGE,
            &[("topic", "none"), ("consumerGroup", "any")],
            no("No default permission for topic:none"),
        ),
        (code::PULL_MESSAGE, &[("topic", "%RETRY%any"), ("consumerGroup", "any")], Ok(())),
        (code::QUERY_MESSAGE, &[("topic", "topicA")], no("No permission for topic:topicA")),
        (code::UNREGISTER_CLIENT, &[("producerGroup", "groupA")], Ok(())),
        (
            code::UNREGISTER_CLIENT,
            &[("consumerGroup", "groupA")],
            no("No permission for group:groupA"),
        ),
        (
            code::UPDATE_AND_CREATE_TOPIC,
            &[("topic", "topicB")],
            no("Need admin permission for request code=17, but accessKey=RocketMQ is not"),
        ),
        (code::GET_MAX_OFFSET, &[("topic", "topicA")], Ok(())),
    ];
    for (code, fields, expected) in cases {
        assert_eq!(user(*code, fields), *expected, "{code} {fields:?}");
        let ask_all = Ask { code: *code, fields, body: b"", from: HOME };
        ask(&access(), ADMIN, &ask_all).unwrap();
    }
}

#[test]
fn a_heartbeat_needs_all_its_subscriptions() {
    let body = |group: &str, topic: &str| {
        format!(
            "{{\"clientID\":\"c\",\"producerDataSet\":[{{\"groupName\":\"groupA\"}}],\
             \"consumerDataSet\":[{{\"groupName\":\"{group}\",\"subscriptionDataSet\":\
             [{{\"topic\":\"{topic}\",\"subString\":\"*\"}}]}}]}}"
        )
    };
    let beat = |body: &[u8]| {
        ask(&access(), USER, &Ask { code: code::HEART_BEAT, fields: &[], body, from: HOME })
    };
    beat(body("any", "topicC").as_bytes()).unwrap();
    assert!(beat(body("groupA", "topicC").as_bytes()).unwrap_err().ends_with("group:groupA"));
    assert!(beat(body("any", "topicA").as_bytes()).unwrap_err().ends_with("topic:topicA"));
    assert!(beat(b"{").is_err());
}

#[test]
fn of_accounts_named_twice_the_first_counts_and_bad_files_are_named() {
    let other = "accounts:\n- accessKey: RocketMQ\n  secretKey: 99999999\n";
    let files = [
        (PathBuf::from("/a/one.yml"), FILE.as_bytes().to_vec()),
        (PathBuf::from("/a/two.yml"), other.as_bytes().to_vec()),
        (PathBuf::from("/a/empty.yml"), b"# nothing\n".to_vec()),
    ];
    let access = Access::load(&files, 5).unwrap();
    assert_eq!((access.len(), access.versions().len()), (2, 2));
    assert_eq!(access.versions()["/a/two.yml"], DataVersion::new(5));
    let send =
        Ask { code: code::SEND_MESSAGE, fields: &[("topic", "topicB")], body: b"", from: HOME };
    ask(&access, USER, &send).unwrap();
    let bad = [(PathBuf::from("/a/bad.yml"), b"accounts:\n- accessKey: x\n".to_vec())];
    let error = Access::load(&bad, 5).unwrap_err().to_string();
    assert!(error.starts_with("/a/bad.yml: line 2: The accessKey=x"), "{error}");
    assert!(Access::default().is_empty());
}
