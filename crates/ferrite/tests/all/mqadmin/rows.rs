//! A command line or more for every row of D: what each option does, with two brokers. Run in this
//! order: earlier ones make what later ones show.

use std::collections::BTreeSet;

use super::Tool;
use super::state::{Servers, State};

/// Rows, command line, what it says. `$A`, `$B` are the brokers' addresses, `$ID` and `$OID` the
/// ids of the first message, `$C` and `$P` consumer and producer, `$NOW` the time; ` .. ` stands
/// for anything on the way, `!` for "not".
type Row = (&'static str, &'static str, &'static [&'static str]);

/// Commands that end by themselves.
const ROWS: &[Row] = &[
    ("DN02 DN06 D11", "clusterList", &["DefaultCluster .. broker-a .. $A", "broker-b .. $B"]),
    (
        "D11-m H20",
        "clusterList -m",
        &["#InTotalYest .. #OutTotalYest .. #InTotalToday", "broker-b"],
    ),
    // Topics.
    (
        "DN05 D01 D01-c D01-t",
        "updateTopic -c DefaultCluster -t RowAll",
        &["topic to $A success.", "topic to $B success.", "readQueueNums=8, writeQueueNums=8"],
    ),
    (
        "DN04 DN07 D01-b D01-r D01-w D01-p",
        "updateTopic -b $A -c NoCluster -t RowOne -r 3 -w 2 -p 4",
        &["topic to $A success.", "readQueueNums=3, writeQueueNums=2, perm=R--", "!$B"],
    ),
    ("D01-t", "updateTopic -b $A -t bad!", &["illegal characters", "!success"]),
    ("D04 D04-t", "topicRoute -t RowOne", &["\"brokerName\":\"broker-a\"", "!broker-b"]),
    (
        "DN04 D07 D07-b D07-p D07-t",
        "updateTopicPerm -b $A -c DefaultCluster -t RowAll -p 4",
        &["update topic perm from 6 to 4 in $A success.", "!in $B"],
    ),
    (
        "D07-c",
        "updateTopicPerm -c DefaultCluster -t RowAll -p 6",
        &["in $A success", "in $B success"],
    ),
    (
        "D05 D05-t",
        "topicStatus -t TopicTest",
        &["#Min Offset .. #Max Offset", "broker-a .. 0 .. 4"],
    ),
    ("D06 D06-t", "topicClusterList -t RowAll", &["DefaultCluster"]),
    ("D03", "topicList", &["RowAll", "TopicTest", "!#Cluster Name", "!GStay "]),
    (
        "D03-c",
        "topicList -c",
        &["#Cluster Name .. #Topic .. #Consumer Group", "DefaultCluster .. TopicTest .. GStay"],
    ),
    (
        "D08 D08-t D08-v D08-m",
        "updateOrderConf -t RowAll -m put -v broker-a:4",
        &["update orderConf success. topic=[RowAll], orderConf=[broker-a:4]"],
    ),
    ("D08-m", "updateOrderConf -t RowAll -m get", &["orderConf=[broker-a:4]"]),
    ("D08-m", "updateOrderConf -t RowAll -m delete", &["delete orderConf success. topic=[RowAll]"]),
    ("D08-m", "updateOrderConf -t RowAll -m get", &["CODE: 22"]),
    ("D09 D09-t D09-i", "allocateMQ -t TopicTest -i ip1,ip2", &["\"ip1\":[{", "\"ip2\":[{"]),
    ("D10 D10-t H21", "statsAll -t TopicTest", &["#Accumulation", "TopicTest .. GStay", "!RowAll"]),
    ("D10-a", "statsAll -a", &["#Accumulation", "!RowAll"]),
    // Brokers.
    ("D13 D13-b", "updateBrokerConfig -b $A -k fileReservedTime -v 70", &["success, $A", "!$B"]),
    (
        "D13-c D13-k D13-v",
        "updateBrokerConfig -c DefaultCluster -k fileReservedTime -v 71",
        &["success, $A", "success, $B"],
    ),
    (
        "D16 D16-b",
        "getBrokerConfig -b $B",
        &["brokerName .. =  broker-b", "fileReservedTime .. =  71"],
    ),
    ("D14 D14-b H22", "brokerStatus -b $A", &["brokerVersionDesc", "putTps", "runtime"]),
    (
        "D15 D15-b H23",
        "brokerConsumeStats -b $A",
        &[
            "#Broker Offset",
            "TopicTest .. GStay .. broker-a .. 4                     4                     0",
        ],
    ),
    (
        "D15-t D15-l D15-o",
        "brokerConsumeStats -b $A -t 3000 -l 1000000 -o false",
        &["#Broker Offset", "!GStay"],
    ),
    ("D17 D17-b", "wipeWritePerm -b broker-b", &["wipe write perm of broker[broker-b]", "OK"]),
    ("D17", "topicRoute -t RowAll -l", &["broker-a .. 6", "broker-b .. 4"]),
    ("D17", "addWritePerm -b $B", &["add write perm of broker[broker-b]"]),
    ("D18 D18-b", "cleanExpiredCQ -b $A", &["success"]),
    ("D18-c", "cleanExpiredCQ -c DefaultCluster", &["success"]),
    ("D19 D19-b", "cleanUnusedTopic -b $A", &["success"]),
    ("D19-c", "cleanUnusedTopic -c DefaultCluster", &["success"]),
    (
        "DN07 D20 D20-b D20-s D20-c H26",
        "sendMsgStatus -b broker-b -s 64 -c 2",
        &["SEND_OK .. topic=broker-b .. SEND_OK"],
    ),
    // Messages.
    (
        "D21 D21-i",
        "queryMsgById -i $OID",
        &["OffsetID: .. $OID", "[OrderID0]", "GStay .. CONSUMED"],
    ),
    ("D22 D22-k D22-t", "queryMsgByKey -t TopicTest -k OrderID0", &["#Message ID", "$ID"]),
    (
        "D23 D23-b D23-i D23-o D23-t",
        "queryMsgByOffset -t TopicTest -b broker-a -i 0 -o 1",
        &["Queue ID:            0", "Queue Offset:        1"],
    ),
    ("D24 D24-i D24-t", "queryMsgByUniqueKey -t TopicTest -i $ID", &["[OrderID0]", "trackType"]),
    (
        "D24-g D24-d",
        "queryMsgByUniqueKey -t TopicTest -i $ID -g GStay -d $C",
        &["consumeResult=CR_SUCCESS"],
    ),
    (
        "D25 D25-t D25-a D25-s H26",
        "checkMsgSendRT -t RowAll -a 2 -s 64",
        &["#Send Result", "true .. true", "Avg RT: ", "!true .. true .. true"],
    ),
    (
        "D26 D26-t D26-p D26-k D26-c D26-b D26-i",
        "sendMessage -t RowAll -p hello -k rowkey -c RowTag -b broker-b -i 2",
        &["broker-b .. 2 .. SEND_OK"],
    ),
    ("D26", "sendMessage -t RowAll -p elsewhere -c Other", &["SEND_OK"]),
    (
        "D27 D27-t D27-b D27-i D27-o D27-c D27-g",
        "consumeMessage -t RowAll -b broker-b -i 2 -o 0 -c 9 -g RowReader",
        &["KEYS=rowkey", "BODY: hello", "!elsewhere"],
    ),
    // The end is -e, with Java too, and not the -d of some tables.
    ("D27-s D27-d", "consumeMessage -t RowAll -b broker-b -i 2 -s 0 -e $NOW", &["KEYS=rowkey"]),
    (
        "D28 D28-t D28-c D28-s D28-b D28-e D28-d H06",
        "printMsg -t RowAll -c UTF-8 -s RowTag -b 0 -e 4102444800000 -d true",
        &["KEYS=rowkey", "BODY: hello", "!elsewhere"],
    ),
    ("D28-d", "printMsg -t RowAll -s RowTag -d false", &["KEYS=rowkey", "!BODY: hello"]),
    (
        "D29 D29-t D29-a D29-i D29-c D29-s D29-b D29-e D29-p D29-d H06",
        "printMsgByQueue -t RowAll -a broker-b -i 2 -c UTF-8 -s RowTag -b 0 -e 4102444800000 \
         -p true -d true",
        &["KEYS=rowkey", "BODY: hello"],
    ),
    (
        "D29-f D29-p",
        "printMsgByQueue -t RowAll -a broker-b -i 2 -p false -f true",
        &["Tag: RowTag .. Count: 1", "!KEYS=rowkey"],
    ),
    // Groups.
    (
        "D31 D31-g H24",
        "consumerProgress -g GStay",
        &["#Diff", "TopicTest .. broker-a .. 4                     4                     0"],
    ),
    ("D31-s H24", "consumerProgress -g GStay -s true", &["#Client IP", "TopicTest .. broker-a"]),
    (
        "D32 D32-g H25",
        "consumerStatus -g GStay",
        &["$C", "Same subscription in the same group of consumer"],
    ),
    ("D32-i D32-s", "consumerStatus -g GStay -i $C -s", &["#Consumer Properties#", "TopicTest"]),
    ("D33 D33-g D33-t D33-i", "getConsumerStatus -g GStay -t TopicTest -i $C", &["$C .. broker-a"]),
    (
        "D34 D34-c D34-g D34-s D34-m D34-d D34-q D34-r D34-i D34-w D34-a",
        "updateSubGroup -c DefaultCluster -g RowG -s false -m true -d true -q 3 -r 7 -i 2 -w 1 \
         -a false",
        &["group to $A success.", "group to $B success."],
    ),
    (
        "D34-s D34-m D34-d D34-q D34-r D34-i D34-w D34-a",
        "getConsumerConfig -g RowG",
        &[
            "consumeEnable .. =  false .. consumeFromMinEnable .. =  true",
            "consumeBroadcastEnable .. =  true .. retryQueueNums .. =  3 .. retryMaxTimes .. =  7",
            "brokerId .. =  2 .. whichBrokerWhenConsumeSlowly .. =  1",
            "notifyConsumerIdsChangedEnable .. =  false",
        ],
    ),
    ("D34-b", "updateSubGroup -b $A -g RowB", &["group to $A success.", "!$B"]),
    ("D35 D35-b", "deleteSubGroup -b $A -g RowB", &["[RowB] from broker [$A] success."]),
    ("D35-c D35-g", "deleteSubGroup -c DefaultCluster -g RowG", &["broker [$A]", "broker [$B]"]),
    ("D34 D34-c", "updateSubGroup -c DefaultCluster -g RowClone", &["group to $A success."]),
    (
        "D36 D36-s D36-d D36-t D36-o H05",
        "cloneGroupOffset -s GStay -d RowClone -t TopicTest -o true",
        &["success. srcGroup[GStay], destGroup=[RowClone], topic[TopicTest]"],
    ),
    (
        "D36",
        "consumerProgress -g RowClone -t TopicTest",
        &["TopicTest .. broker-a .. 4                     4                     0"],
    ),
    ("D37 D37-g", "consumerConnection -g GStay", &["$C", "TopicTest", "CONSUME_PASSIVELY"]),
    ("D38 D38-g D38-t", "producerConnection -g PStay -t TopicTest", &["0001  $P"]),
    // Name servers.
    ("D39 D39-s D39-k D39-v", "updateKvConfig -s RowNs -k k -v v", &["success"]),
    ("D40 D40-s D40-k", "deleteKvConfig -s RowNs -k k", &["success"]),
    (
        "D42 D42-k D42-v",
        "updateNamesrvConfig -k clusterTest -v true",
        &["success!", "clusterTest : true"],
    ),
    ("D41", "getNamesrvConfig", &["clusterTest .. =  true"]),
    // What moves offsets and deletes, at the end.
    (
        "D30 D30-g D30-t D30-s D30-f D30-c H04",
        "resetOffsetByTime -g GStay -t TopicTest -s 0 -f true -c false",
        &["force[true]", "broker-a .. 0 .. 0"],
    ),
    (
        "D30-f",
        "resetOffsetByTime -g GStay -t TopicTest -s now -f false",
        &["force[false]", "#offset"],
    ),
    ("D02 D02-c D02-t", "deleteTopic -c DefaultCluster -t RowOne", &["topic [RowOne] .. success"]),
    ("D02", "topicList", &["RowAll", "!RowOne"]),
];

/// Commands that go on until they are ended.
const ENDLESS: &[Row] = &[
    ("D11-i", "clusterList -i 1", &["#Cluster Name .. broker-b .. #Cluster Name .. broker-b"]),
    (
        "D12 D12-a D12-s D12-c D12-p D12-m D12-i H26",
        "clusterRT -c DefaultCluster -a 2 -s 64 -i 1 -p true -m room1",
        &["|room1|DefaultCluster|broker-a| .. |room1|DefaultCluster|broker-b|", "!#Cluster Name"],
    ),
    (
        "D43 H27",
        "startMonitoring",
        &["beginRound .. UndoneMsgs [consumerGroup=GStay, topic=TopicTest, .. endRound"],
    ),
];

/// Options of each command, as D lists them.
const OPTIONS: [&str; 43] = [
    "bcprwt",
    "ct",
    "c",
    "t",
    "t",
    "t",
    "tbpc",
    "tvm",
    "ti",
    "at",
    "mi",
    "ascpmi",
    "bckv",
    "b",
    "btlo",
    "b",
    "b",
    "bc",
    "bc",
    "bsc",
    "i",
    "kt",
    "biot",
    "igdt",
    "tas",
    "tpkcbi",
    "tboigsdc",
    "tcsbed",
    "tiacsbepdf",
    "gtsfc",
    "gs",
    "gis",
    "gti",
    "bcgsmdqriwa",
    "bcg",
    "sdto",
    "g",
    "gt",
    "skv",
    "sk",
    "",
    "kv",
    "",
];

/// Whether a text says something: the parts between ` .. ` in their order; with `!`, that it does
/// not.
fn says(text: &str, what: &str) -> bool {
    if let Some(what) = what.strip_prefix('!') {
        return !says(text, what);
    }
    let mut rest = text;
    what.split(" .. ").all(|part| match rest.split_once(part) {
        Some((_, behind)) => {
            rest = behind;
            true
        }
        None => false,
    })
}

fn check(tool: &Tool, state: &State, (ids, line, expected): &Row, is_endless: bool) -> Vec<String> {
    let mut args: Vec<String> = line.split_whitespace().map(|word| state.fill(word)).collect();
    args.extend(["-n".to_owned(), state.name_server().to_owned()]);
    let printed = tool.run(&args, is_endless, state.folder());
    let wrong = expected.iter().filter(|what| !says(&printed.text, &state.fill(what)));
    wrong
        .map(|what| format!("{ids}: {line}\n  not as expected: {what}\n{}", printed.text))
        .collect()
}

#[test]
fn each_option_does_what_its_row_says() {
    let state = State::prepare(Servers::two(), None);
    let tool = Tool::ours();
    let mut wrong: Vec<String> =
        ROWS.iter().flat_map(|row| check(&tool, &state, row, false)).collect();
    wrong.extend(ENDLESS.iter().flat_map(|row| check(&tool, &state, row, true)));
    // D13: the file is rewritten, with what was there before.
    let file = state.folder().join("broker-b.conf");
    let file = std::fs::read_to_string(file).expect("the broker's configuration");
    if !file.contains("fileReservedTime=71") || !file.contains("brokerName=broker-b") {
        wrong.push(format!("D13: the file has {file:?}"));
    }
    assert!(wrong.is_empty(), "{}\n\n{}", wrong.len(), wrong.join("\n\n"));
}

/// DN01: `./mqadmin` in `bin` takes the same words.
#[test]
fn the_script_is_the_tool() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../dist/bin");
    let said = std::process::Command::new("sh")
        .args(["./mqadmin", "help", "updateTopic"])
        .current_dir(folder)
        .env("FERRITE", env!("CARGO_BIN_EXE_ferrite"))
        .output()
        .expect("sh runs");
    let expected = ["help", "updateTopic"].map(str::to_owned);
    let work = tempfile::tempdir().expect("a folder");
    let expected = Tool::ours().run(&expected, false, work.path());
    assert_eq!(String::from_utf8_lossy(&said.stdout), expected.text);
}

/// DN03, and what is asked for with `help`.
#[test]
fn every_command_prints_its_options() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = |args: &[&str]| {
        let args: Vec<String> = args.iter().map(|word| (*word).to_owned()).collect();
        Tool::ours().run(&args, false, folder.path())
    };
    let list = run(&[]).text;
    let names: Vec<&str> = list
        .lines()
        .filter(|line| line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(names.len() >= 89, "{list}");
    for (number, options) in (1..).zip(OPTIONS) {
        let row = format!("D{number:02}");
        let line = ROWS.iter().chain(ENDLESS).find(|(ids, ..)| ids.split(' ').any(|id| id == row));
        let (_, line, _) = line.unwrap_or_else(|| panic!("{row} is not here"));
        let name = line.split(' ').next().expect("a command");
        assert!(names.contains(&name), "{name}");
        let printed = run(&[name, "-h"]);
        assert_eq!(printed.status, 0, "{name}");
        assert!(printed.text.starts_with(&format!("usage: mqadmin {name} ")), "{}", printed.text);
        assert_eq!(printed.text, run(&["help", name]).text);
        for option in options.chars().filter(|option| (&*row, *option) != ("D27", 'd')) {
            assert!(printed.text.contains(&format!(" -{option},--")), "{name}: {}", printed.text);
        }
        assert!(printed.text.contains(" -n,--namesrvAddr <arg> "), "{name}: {}", printed.text);
    }
}

#[test]
fn every_row_of_d_is_named() {
    let named: BTreeSet<&str> =
        ROWS.iter().chain(ENDLESS).flat_map(|(ids, ..)| ids.split(' ')).collect();
    for (number, options) in (1..).zip(OPTIONS) {
        for option in options.chars() {
            let row = format!("D{number:02}-{option}");
            assert!(named.contains(&*row), "{row} is not here");
        }
    }
}
