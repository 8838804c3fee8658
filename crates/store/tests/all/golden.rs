//! Bytes written by Java: read, encoded again, and derived again from the log.

use crate::rig::NOW;
use base::disk::RealDisk;
use model::record::{self, Entry};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::format::checkpoint::Checkpoint;
use store::format::index::{ENTRY_LEN, HEADER_LEN, Header, IndexEntry, entries_at};
use store::format::unit::{UNIT_LEN, Unit, units};
use store::{Store, StoreConfig};

const VERSIONS: [&str; 2] = ["4.9.7", "5.3.3"];

fn golden(version: &str, name: &str) -> Vec<u8> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../golden/store");
    std::fs::read(root.join(version).join(name)).unwrap()
}

#[test]
fn records_encode_to_equal_bytes() {
    for version in VERSIONS {
        let log = golden(version, "commitlog.bin");
        let (mut at, mut again, mut count) = (0, Vec::new(), 0);
        while at < log.len() {
            let Ok(Entry::Record(record)) = record::decode(&log[at..]) else {
                panic!("{version}: no record at {at}");
            };
            assert_eq!(record.commit_log_offset, at as i64);
            assert!(record.is_body_intact());
            record.write(&mut again);
            at += record.total_len;
            count += 1;
        }
        assert_eq!(again, log, "{version}");
        assert!(count > 50);
    }
}

#[test]
fn units_index_and_checkpoint_encode_to_equal_bytes() {
    for version in VERSIONS {
        let bytes = golden(version, "consumequeue.bin");
        let again: Vec<u8> = units(&bytes).flat_map(Unit::to_bytes).collect();
        assert_eq!(again, bytes, "{version}");
        let bytes = golden(version, "index.bin");
        let header = Header::from_bytes(bytes.first_chunk().unwrap());
        assert_eq!(header.to_bytes(), bytes[..HEADER_LEN], "{version}");
        for entry in bytes[HEADER_LEN..].as_chunks::<ENTRY_LEN>().0 {
            assert_eq!(IndexEntry::from_bytes(entry).to_bytes(), *entry, "{version}");
        }
        let bytes = golden(version, "checkpoint.bin");
        let checkpoint = Checkpoint::from_bytes(&bytes);
        assert_eq!(checkpoint.to_bytes()[..bytes.len()], bytes, "{version}");
        assert!(checkpoint.log_timestamp > 1_700_000_000_000 && checkpoint.statement.is_none());
    }
}

/// A store that has only Java's log derives Java's queues and index from it.
#[test]
fn queues_and_index_derived_from_the_log_equal_javas() {
    for version in VERSIONS {
        let dir = tempfile::tempdir().unwrap();
        let log = golden(version, "commitlog.bin");
        put_file(&dir.path().join("commitlog/00000000000000000000"), &log, 1 << 30);
        let mut store = Store::open(StoreConfig::new(dir.path()), Arc::new(RealDisk), NOW).unwrap();
        assert_eq!(store.end(), log.len() as i64);
        let listed = String::from_utf8(golden(version, "consumequeue.txt")).unwrap();
        for line in listed.lines().skip(1) {
            let words: Vec<&str> = line.split(' ').collect();
            let queue = store.queue(words[0].as_bytes(), words[1].parse().unwrap()).unwrap();
            assert_eq!(store.max_offset(queue).unwrap(), words[2].parse().unwrap(), "{line}");
        }
        store.close(NOW).unwrap();

        let expected = golden(version, "consumequeue.bin");
        let mut rest = &expected[..];
        for line in listed.lines().skip(1) {
            let words: Vec<&str> = line.split(' ').collect();
            let (now, later) = rest.split_at(words[2].parse::<usize>().unwrap() * UNIT_LEN);
            let queue = dir.path().join("consumequeue").join(words[0]).join(words[1]);
            let file = std::fs::read(queue.join("00000000000000000000")).unwrap();
            assert_eq!(file.len(), 6_000_000);
            assert!(file.starts_with(now), "{version} {line}");
            assert!(file[now.len()..].iter().all(|b| *b == 0), "{version} {line}");
            rest = later;
        }
        check_index(dir.path(), version);
    }
}

fn check_index(root: &Path, version: &str) {
    let expected = golden(version, "index.bin");
    let name = std::fs::read_dir(root.join("index")).unwrap().next().unwrap().unwrap().path();
    let file = base::disk::Disk::open(&RealDisk, &name).unwrap();
    assert_eq!(file.file_len().unwrap(), 420_000_040);
    let mut entries = vec![0; expected.len() - HEADER_LEN];
    file.read_exact_at(&mut entries, entries_at(5_000_000)).unwrap();
    assert_eq!(entries, expected[HEADER_LEN..], "{version}");
    let mut header = [0; HEADER_LEN];
    file.read_exact_at(&mut header, 0).unwrap();
    let (ours, java) =
        (Header::from_bytes(&header), Header::from_bytes(expected.first_chunk().unwrap()));
    assert_eq!(ours.begin_timestamp, java.begin_timestamp);
    assert_eq!(ours.entry_count as usize, entries.len() / ENTRY_LEN);
}

fn put_file(path: &Path, bytes: &[u8], len: u64) {
    use base::disk::Disk;
    RealDisk.create_dir_all(path.parent().unwrap()).unwrap();
    RealDisk.create(path, len).unwrap().write_at(bytes, 0).unwrap();
}
