//! `ferrite store` on directories of genuine Java brokers, stopped and killed, and on one of ours:
//! exit codes, counts, and that nothing is written.

use base::disk::{Disk, RealDisk};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use store::{Dispatch, PutMessage, Store, StoreConfig};
use tempfile::TempDir;

const NOW: i64 = 1_732_190_400_000;

fn run(what: &str, dir: &Path, options: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ferrite"));
    command.args(["store", what]).arg(dir).args(options).output().expect("the binary runs")
}

/// What it prints, if it exits as expected.
fn says(what: &str, dir: &Path, options: &[&str], code: i32) -> String {
    let output = run(what, dir, options);
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert_eq!(output.status.code(), Some(code), "{what} {options:?}: {text}");
    text
}

fn put(path: &Path, bytes: &[u8], at: u64, len: u64) {
    RealDisk.create_dir_all(path.parent().expect("a folder")).expect("made");
    RealDisk.create(path, len).expect("made").write_at(bytes, at).expect("written");
}

fn golden(version: &str, name: &str) -> Vec<u8> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../golden/store");
    std::fs::read(root.join(version).join(name)).expect(name)
}

/// A Java broker's directory as it was, of sparse files; answers how many records it has.
fn java(version: &str, is_clean: bool) -> (TempDir, usize) {
    let dir = tempfile::tempdir().expect("a folder");
    let root = dir.path();
    let first = "00000000000000000000";
    put(&root.join("commitlog").join(first), &golden(version, "commitlog.bin"), 0, 1 << 30);
    let units = golden(version, "consumequeue.bin");
    let listed = String::from_utf8(golden(version, "consumequeue.txt")).expect("text");
    let mut rest = &units[..];
    for line in listed.lines().skip(1) {
        let words: Vec<&str> = line.split(' ').collect();
        let (now, later) = rest.split_at(words[2].parse::<usize>().expect("a number") * 20);
        let queue = root.join("consumequeue").join(words[0]).join(words[1]);
        put(&queue.join(first), now, 0, 6_000_000);
        rest = later;
    }
    // The slots are left out: nothing below reads them.
    let mut index = golden(version, "index.bin");
    let entries = index.split_off(40);
    let count = (entries.len() / 20) as i32;
    index[36..].copy_from_slice(&count.to_be_bytes());
    let path = root.join("index/20241121120000000");
    put(&path, &index, 0, 420_000_040);
    put(&path, &entries, 20_000_040, 0);
    put(&root.join("checkpoint"), &golden(version, "checkpoint.bin"), 0, 4096);
    put(&root.join("config/topics.json"), &golden(version, "config/topics.json"), 0, 0);
    if !is_clean {
        put(&root.join("abort"), b"1", 0, 0);
    }
    (dir, units.len() / 20)
}

/// A directory of ours with ten messages.
fn ours() -> TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    let config =
        StoreConfig { index_slots: 64, index_entries: 200, ..StoreConfig::new(dir.path()) };
    let mut store = Store::open(config, Arc::new(RealDisk), NOW).expect("opened");
    let queue = store.queue_or_create(b"Orders", 1).expect("a queue");
    let host = ([127, 0, 0, 1], 10911).into();
    for i in 0..10 {
        let (key, body) = (format!("order-{i}"), format!("body {i}"));
        let properties = format!("KEYS\x01{key}\x02");
        let message = PutMessage {
            topic: b"Orders",
            queue,
            queue_id: 1,
            flag: 0,
            sys_flag: 0,
            born_timestamp: NOW,
            born_host: host,
            store_timestamp: NOW,
            store_host: host,
            reconsume_times: 0,
            prepared_transaction_offset: 0,
            body: body.as_bytes(),
            properties: [properties.as_bytes(), b"", b""],
            tags_code: 0,
            unique_key: b"",
            keys: key.as_bytes(),
            dispatch: Dispatch::Queue,
        };
        store.append(&message).expect("put");
    }
    store.write().expect("written");
    store.close(NOW).expect("stopped");
    dir
}

fn flip(path: &Path, at: u64) {
    let file = RealDisk.open(path).expect("there");
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).expect("read");
    file.write_at(&[byte[0] ^ 4], at).expect("written");
}

#[test]
fn javas_directories_are_inspected_verified_and_dumped() {
    for (version, is_clean) in
        [("4.9.7", true), ("4.9.7", false), ("5.3.3", true), ("5.3.3", false)]
    {
        let (dir, count) = java(version, is_clean);
        let root = dir.path();
        let text = says("inspect", root, &[], 0);
        let state = if is_clean { "stopped cleanly:" } else { "not stopped cleanly" };
        assert!(text.contains(state) && text.contains("topics.json"), "{version}: {text}");
        assert!(text.contains("Scn_gold 2"), "{version}: {text}");
        let text = says("verify", root, &[], 0);
        assert!(text.contains(&format!("{count} queue units")), "{version}: {text}");
        let text = says("dump", root, &["--topic", "Scn_gold", "--json"], 0);
        assert_eq!(text.lines().count(), count, "{version}");
        for line in text.lines() {
            let message: serde_json::Value = serde_json::from_str(line).expect("JSON");
            assert_eq!(message["topic"], "Scn_gold");
        }
        assert_eq!(says("dump", root, &["--limit", "3", "--json"], 0).lines().count(), 3);
        assert!(!root.join("lock").exists(), "nothing is written");
    }
}

#[test]
fn a_flipped_bit_is_found_and_its_file_named() {
    let first = "00000000000000000000";
    let (log, queue) = (format!("commitlog/{first}"), format!("consumequeue/Scn_gold/0/{first}"));
    for (path, at) in [(&*log, 90), (&*log, 4), (&*queue, 7), (&*queue, 27)] {
        let (dir, _) = java("5.3.3", true);
        flip(&dir.path().join(path), at);
        let text = says("verify", dir.path(), &[], 1);
        assert!(text.contains("problems") && text.contains(path), "{path} {at}: {text}");
    }
}

/// Room without data is passed over, but not the unit behind it.
#[test]
fn a_hole_in_a_queue_is_found_however_long_it_is() {
    let (dir, _) = java("5.3.3", true);
    let path = dir.path().join("consumequeue/Scn_gold/0/00000000000000000000");
    let file = RealDisk.open(&path).expect("there");
    let mut unit = [0; 20];
    file.read_exact_at(&mut unit, 0).expect("read");
    for at in [20_000, 200_000] {
        file.write_at(&unit, at * 20).expect("written");
    }
    let text = says("verify", dir.path(), &[], 1);
    for at in [20_000, 200_000] {
        let hole = format!("byte {}: the queue has a hole before offset {at}", at * 20);
        assert!(text.contains(&hole), "{text}");
    }
}

#[test]
fn a_directory_of_ours_and_one_that_is_none() {
    let dir = ours();
    let text = says("inspect", dir.path(), &[], 0);
    assert!(text.contains("stopped cleanly:") && text.contains("Orders 1"), "{text}");
    assert!(text.contains("no state files"), "{text}");
    let text = says("verify", dir.path(), &["--index-slots", "64"], 0);
    assert!(text.contains("10 records, 10 queue units, 10 index entries"), "{text}");
    let text = says("dump", dir.path(), &["--key", "order-7"], 0);
    assert!(text.contains("body 7") && text.lines().count() == 2, "{text}");
    let text = says("dump", dir.path(), &["--from", "2", "--to", "5", "--json"], 0);
    assert_eq!(text.lines().count(), 3);
    let index = std::fs::read_dir(dir.path().join("index")).expect("a folder").next();
    flip(&index.expect("one").expect("one").path(), 40 + 64 * 4 + 20 + 9);
    assert!(says("verify", dir.path(), &["--index-slots", "64"], 1).contains("no such key"));
    let empty = tempfile::tempdir().expect("a folder");
    for what in ["inspect", "verify", "dump"] {
        assert!(says(what, empty.path(), &[], 1).contains("no store"), "{what}");
    }
}
