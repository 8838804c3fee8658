//! Typical mistakes with `ferrite admin`: each is said with its name, with what to do next, and
//! with exit status 1.

use std::process::Command;

use super::state::{Servers, State};

/// Command line, what it says. `$N` is the name server's address; see `State::fill` for others.
const MISTAKES: &[(&str, &[&str])] = &[
    // Where is the name server?
    (
        "clusterList -n 127.0.0.1:1",
        &["no name server answers: 127.0.0.1:1: Connection refused", "-n host:port says where"],
    ),
    (
        "topicStatus -t TopicTest -n 127.0.0.1",
        &["127.0.0.1: invalid socket address", "-n host:port says where"],
    ),
    ("getNamesrvConfig -n 127.0.0.1:1", &["Connection refused", "-n host:port says where"]),
    // Which broker?
    ("updateTopic -t T -b broker-z", &["no broker is named broker-z: did you mean broker-a?"]),
    ("updateTopic -t T -b elsewhere", &["no broker is named elsewhere: there are broker-a ($A)"]),
    ("sendMsgStatus -b elsewhere", &["no broker is named elsewhere: there are broker-a ($A)"]),
    ("brokerStatus -b 127.0.0.1:1", &["Connection refused", "clusterList shows the brokers"]),
    ("brokerStatus -b $N", &["$N is a name server: clusterList shows the brokers' addresses"]),
    // Which cluster?
    ("deleteTopic -t T -c DefaultClustr", &["DefaultClustr: did you mean DefaultCluster?"]),
    ("cleanExpiredCQ -c Other", &["no cluster is named Other: there are DefaultCluster"]),
    // Which topic, which group?
    ("topicRoute -t TopicTset", &["CODE: 17", "did you mean TopicTest?"]),
    ("topicStatus -t Nowhere", &["CODE: 17", "topicList shows the topics, updateTopic makes one"]),
    ("consumerProgress -g GStaj", &["did you mean the group GStay?"]),
    ("resetOffsetByTime -g Nobody -t TopicTest -s now", &["Nobody", "consumerProgress shows"]),
    // Wrong values.
    ("updateTopic -t T -b $A -r many", &["-r: \"many\" is no number"]),
    ("updateTopic -t T -b $A -p 9", &["-p: give 2 (write), 4 (read) or 6 (both), not 9"]),
    (
        "resetOffsetByTime -g GStay -t TopicTest -s soon",
        &["\"soon\" is no time; give milliseconds"],
    ),
    ("updateBrokerConfig -b $A -k flushDiskTyp -v x", &["unknown key", "mean flushDiskType?"]),
    ("queryMsgById -i $ID", &["CODE: 208", "with -t TOPIC, producers' ids are found too"]),
    ("topicLst", &["topicLst not exist", "did you mean topicList?"]),
    ("topicRoute -p TopicTest", &["Unrecognized option: -p", "usage: mqadmin topicRoute"]),
];

#[test]
fn mistakes_are_said_with_what_to_do() {
    let state = State::prepare(Servers::ours(), None);
    let fill = |text: &str| state.fill(text).replace("$N", state.name_server());
    let run = |invocation: &str, line: &str| {
        Command::new(env!("CARGO_BIN_EXE_ferrite"))
            .arg(invocation)
            .args(fill(line).split_whitespace())
            .env("NAMESRV_ADDR", state.name_server())
            .env_remove("ROCKETMQ_HOME")
            .current_dir(state.folder())
            .output()
            .expect("the binary runs")
    };
    let mut wrong = Vec::new();
    for (line, expected) in MISTAKES {
        let output = run("admin", line);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        for what in expected.iter().map(|what| fill(what)) {
            if !said.contains(&what) || output.status.code() != Some(1) {
                wrong.push(format!("{line}: {what:?} is not in\n{said}{}", output.status));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));

    // A broker's name does where Java wants its address, also with `mqadmin`.
    for invocation in ["admin", "mqadmin"] {
        let output = run(invocation, "cleanUnusedTopic -b broker-a");
        assert!(output.status.success());
        assert!(String::from_utf8_lossy(&output.stdout).starts_with("success"));
    }
}
