//! The store as a folder: which files there are, what they are called, and what stands where.

use std::path::{Path, PathBuf};
use std::process::Command;

use model::message_id::MessageId;
use model::record::{self, Entry};

use crate::kinds;
use crate::peer::{Incoming, Peer};
use crate::servers::Server;
use crate::until::until;

const LOG_FILE: i64 = 1 << 20;
const UNIT: usize = 20;
const UNITS_A_FILE: usize = 10;
const MESSAGES: usize = 25;
const BODY: usize = 100_000;

fn broker(folder: &Path, settings: &[&str]) -> (Server, Peer) {
    let (server, address) = Server::broker(folder, "", settings);
    (server, Peer::connect(&address))
}

fn send(peer: &mut Peer, topic: &str, properties: &str, body: &[u8]) -> Incoming {
    let fields = [("a", "g"), ("b", topic), ("c", "TBW102"), ("d", "1"), ("e", "0")];
    let answer = peer.ask(310, &[&fields[..], &[("i", properties)]].concat(), body);
    assert_eq!(answer.code, 0, "{}", answer.remark);
    answer
}

/// As `kill` stops it; waits for the end.
fn stop(mut server: Server) {
    let pid = server.child.id().to_string();
    assert!(Command::new("kill").arg(pid).status().expect("kill runs").success());
    assert!(server.child.wait().expect("it ends").success());
}

fn names(folder: &Path) -> Vec<String> {
    let found = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{folder:?}: {e}"));
    let names = found.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

fn body(number: usize) -> Vec<u8> {
    format!("body {number:02} ").repeat(BODY / 8).into_bytes()
}

/// File and place in it of an offset, for files of `file_bytes`.
fn place(offset: i64, file_bytes: i64) -> (i64, usize) {
    (offset / file_bytes * file_bytes, (offset % file_bytes) as usize)
}

/// A store with 25 messages in one queue, stopped; the offsets the broker told.
fn filled(folder: &Path) -> (PathBuf, Vec<i64>) {
    let log = format!("mappedFileSizeCommitLog={LOG_FILE}");
    let queue = format!("mappedFileSizeConsumeQueue={}", UNIT * UNITS_A_FILE);
    let (server, mut peer) = broker(folder, &[&log, &queue]);
    let mut offsets = Vec::new();
    for number in 0..MESSAGES {
        let tag = if number % 2 == 0 { "TagA" } else { "Aa" };
        let properties = format!("TAGS\u{1}{tag}\u{2}KEYS\u{1}k{number}\u{2}");
        let answer = send(&mut peer, "S", &properties, &body(number));
        // G09: a queue is an endless array.
        assert_eq!(answer.field("queueOffset"), number.to_string());
        let id: MessageId = answer.field("msgId").parse().expect("an id");
        offsets.push(id.commit_log_offset);
    }
    // G22: read at any place, by offset.
    for number in [17, 3, 24, 0, 9, 21, 1] {
        let answer = peer.ask(33, &[("offset", &offsets[number].to_string())], &[]);
        let Ok(Entry::Record(record)) = record::decode(&answer.body) else { panic!("no record") };
        assert_eq!(record.body, body(number));
    }
    // G11: the index finds it by its key.
    let asked = [("topic", "S"), ("key", "k7"), ("maxNum", "8"), ("beginTimestamp", "0")];
    let until_end = [("endTimestamp", "9223372036854775807")];
    let fields = [&asked[..], &until_end[..]].concat();
    until("the key is indexed", || peer.ask(12, &fields, &[]).code == 0);
    let answer = peer.ask(12, &fields, &[]);
    let Ok(Entry::Record(record)) = record::decode(&answer.body) else { panic!("no record") };
    assert_eq!((record.commit_log_offset, record.total_len), (offsets[7], answer.body.len()));
    stop(server);
    (folder.join("store"), offsets)
}

/// G01, G03, G04, G05, G10, G22: whole messages, one behind the other, each once; a file is
/// called by the offset of its first byte, and an offset says file and place.
#[test]
fn the_log_is_a_row_of_files_called_by_their_offsets() {
    assert_eq!(place(1_073_742_827, 1 << 30), (1_073_741_824, 1003));
    let folder = tempfile::tempdir().expect("a folder");
    let (root, offsets) = filled(folder.path());
    let files = names(&root.join("commitlog"));
    let expected: Vec<String> =
        (0..files.len()).map(|n| format!("{:020}", n as i64 * LOG_FILE)).collect();
    assert_eq!(files, expected);
    assert_eq!(files[1], "00000000000001048576");
    let mut end = 0;
    for (number, offset) in offsets.iter().enumerate() {
        let (file, at) = place(*offset, LOG_FILE);
        let bytes = std::fs::read(root.join(format!("commitlog/{file:020}"))).expect("a file");
        assert_eq!(bytes.len() as i64, LOG_FILE);
        let Ok(Entry::Record(record)) = record::decode(&bytes[at..]) else { panic!("no record") };
        assert_eq!((record.commit_log_offset, record.queue_offset), (*offset, number as i64));
        assert_eq!((record.topic, record.body), (&b"S"[..], &body(number)[..]));
        let key = model::message::property(record.properties, "KEYS").expect("a key");
        assert_eq!(key, format!("k{number}").as_bytes());
        // Behind the one before, or at the beginning of the next file.
        assert!(*offset == end || *offset == file && end > file - LOG_FILE, "{offset} {end}");
        end = offset + record.total_len as i64;
    }
    let all: Vec<u8> = files
        .iter()
        .flat_map(|file| std::fs::read(root.join("commitlog").join(file)).expect("a file"))
        .collect();
    let record_of_seven = all.windows(8).filter(|w| w == b"body 07 ").count();
    assert_eq!(record_of_seven, BODY / 8, "its body is there once");
}

/// G06, G08: twenty bytes for each message: where, how long, the hash of its tag.
#[test]
fn a_queue_points_into_the_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let (root, offsets) = filled(folder.path());
    let dir = root.join("consumequeue/S/0");
    let file_bytes = UNIT * UNITS_A_FILE;
    let files = names(&dir);
    assert_eq!(files[..3], [0, 1, 2].map(|n| format!("{:020}", n * file_bytes)));
    for (number, offset) in offsets.iter().enumerate() {
        let file = dir.join(&files[number / UNITS_A_FILE]);
        let bytes = std::fs::read(file).expect("a file");
        assert_eq!(bytes.len(), file_bytes);
        let unit = &bytes[number % UNITS_A_FILE * UNIT..][..UNIT];
        let number_at = |at: usize| i64::from_be_bytes(unit[at..at + 8].try_into().expect("8"));
        assert_eq!(number_at(0), *offset);
        let (log_file, at) = place(*offset, LOG_FILE);
        let log = std::fs::read(root.join(format!("commitlog/{log_file:020}"))).expect("a file");
        assert_eq!(unit[8..12], log[at..at + 4], "length of {number}");
        // "TagA" and "Aa", as Java's String.hashCode has them.
        assert_eq!(number_at(12), if number % 2 == 0 { 2_598_919 } else { 2_112 });
    }
}

/// G24: half messages are in the log, under another topic, and in no queue or index of their own
/// until they are committed.
#[test]
fn half_messages_are_stored_and_not_seen() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_server, mut peer) = broker(folder.path(), &[]);
    let halves = ["C1", "R1"].map(|key| kinds::prepare(&mut peer, "T", key));
    let found = |peer: &mut Peer, key: &str| {
        let asked = [("topic", "T"), ("key", key), ("maxNum", "8"), ("beginTimestamp", "0")];
        let until_end = [("endTimestamp", "9223372036854775807")];
        peer.ask(12, &[&asked[..], &until_end[..]].concat(), &[]).code == 0
    };
    for (half, key) in halves.iter().zip(["C1", "R1"]) {
        let answer = peer.ask(33, &[("offset", &half.1)], &[]);
        let Ok(Entry::Record(record)) = record::decode(&answer.body) else { panic!("no record") };
        let stored = (record.topic, record.body);
        assert_eq!(stored, (&b"RMQ_SYS_TRANS_HALF_TOPIC"[..], key.as_bytes()));
        assert!(!found(&mut peer, key), "{key}");
    }
    assert!(kinds::pull(&mut peer, "T").is_empty());
    assert_eq!(kinds::end(&mut peer, &halves[0], "8", false).code, 0);
    assert_eq!(kinds::end(&mut peer, &halves[1], "12", false).code, 0);
    until("the committed one is indexed", || found(&mut peer, "C1"));
    assert_eq!(kinds::bodies(&kinds::pull(&mut peer, "T")), ["C1"]);
    assert!(!found(&mut peer, "R1"));
}

/// G11, G12, G13, G26: what else there is, and that the abort file says how the last run ended.
#[test]
fn the_folder_has_index_checkpoint_configuration_and_an_abort_file_while_it_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("store");
    let (server, mut peer) = broker(folder.path(), &[]);
    send(&mut peer, "S", "KEYS\u{1}k\u{2}", b"x");
    assert_eq!(peer.ask(200, &[], br#"{"groupName":"G"}"#).code, 0);
    assert!(root.join("abort").is_file(), "while it runs");
    server.kill();
    assert!(root.join("abort").is_file(), "after a kill");
    let (server, mut peer) = broker(folder.path(), &[]);
    let commit = [("consumerGroup", "G"), ("topic", "S"), ("queueId", "0"), ("commitOffset", "1")];
    assert_eq!(peer.ask(15, &commit, &[]).code, 0);
    stop(server);
    assert!(!root.join("abort").exists(), "after a clean stop");
    let checkpoint = std::fs::read(root.join("checkpoint")).expect("a checkpoint");
    assert_eq!(checkpoint.len(), 4096);
    let log_ms = i64::from_be_bytes(checkpoint[..8].try_into().expect("8"));
    assert!((log_ms - base::clock::wall_ms()).abs() < 600_000, "{log_ms}");
    assert_eq!(names(&root.join("index")).len(), 1);
    for (file, text) in [
        ("topics.json", "\"S\""),
        ("subscriptionGroup.json", "\"G\""),
        ("consumerOffset.json", "\"S@G\""),
    ] {
        let kept = std::fs::read_to_string(root.join("config").join(file)).expect(file);
        assert!(kept.contains(text), "{file}: {kept}");
    }
}

/// G02, G07: files of one gigabyte, and of 300,000 units. G17, G20: how often Java flushes and how
/// long it waits for a file in use are settings that are taken here too.
#[test]
fn defaults_and_settings_of_files() {
    let printed = Command::new(env!("CARGO_BIN_EXE_ferrite")).args(["broker", "-p"]).output();
    let printed = String::from_utf8_lossy(&printed.expect("the binary runs").stdout).into_owned();
    let unit_bytes = 300_000 * UNIT;
    for line in ["mappedFileSizeCommitLog=1073741824", "mappedFileSizeConsumeQueue=6000000"] {
        assert!(printed.lines().any(|shown| shown.ends_with(line)), "{printed}");
    }
    assert_eq!(unit_bytes, 6_000_000);
    let folder = tempfile::tempdir().expect("a folder");
    let settings = [
        "flushCommitLogLeastPages=4",
        "flushConsumeQueueLeastPages=2",
        "flushCommitLogThoroughInterval=10000",
        "flushConsumeQueueThoroughInterval=60000",
        "destroyMapedFileIntervalForcibly=120000",
        "redeleteHangedFileInterval=120000",
    ];
    let (server, mut peer) = broker(folder.path(), &settings);
    send(&mut peer, "S", "", b"x");
    let shown = String::from_utf8_lossy(&peer.ask(26, &[], &[]).body).into_owned();
    for setting in settings {
        assert!(shown.lines().any(|line| line == setting), "{setting}: {shown}");
    }
    stop(server);
    let first = folder.path().join("store/commitlog/00000000000000000000");
    assert_eq!(std::fs::metadata(first).expect("the log").len(), 1 << 30);
}

/// A38: whoever reads that it is up may stop it at once, and it stops cleanly.
#[test]
fn a_broker_can_be_stopped_as_soon_as_it_is_up() {
    for _ in 0..8 {
        let folder = tempfile::tempdir().expect("a folder");
        let (server, _) = Server::broker(folder.path(), "", &[]);
        stop(server);
        assert!(!folder.path().join("store/abort").exists());
    }
}
