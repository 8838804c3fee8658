//! Directories that are not as we left them. Each ends in the right state, or in a refusal that
//! loses nothing; good records behind a hole are never cut off.
//!
//! The numbers are those of the list of bad inputs (frames and requests, 1 to 88) that reach the
//! store; the others end before it.

use crate::rig::{NOW, bodies, message, records, run_jobs, small};
use base::disk::Disk;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::{Boundary, GetStatus, JobKind, PutError, Store, StoreError};
use testkit::disk::{Fault, Op, SimDisk};

const TOPICS: [&str; 2] = ["T0", "T1"];
const MESSAGES: usize = 200;

fn open(disk: &SimDisk) -> Result<Store, StoreError> {
    Store::open(small("/s"), Arc::new(disk.clone()) as Arc<dyn Disk>, NOW)
}

fn body(i: usize) -> Vec<u8> {
    format!("body {i} {}", "x".repeat(i % 300)).into_bytes()
}

/// A store with several files of every kind; `is_clean`: stopped, not killed.
fn filled(is_clean: bool) -> SimDisk {
    let disk = SimDisk::new();
    let mut store = open(&disk).unwrap();
    for i in 0..MESSAGES {
        let (topic, id) = (TOPICS[i % 2], (i / 2 % 2) as i32);
        let queue = store.queue_or_create(topic.as_bytes(), id).unwrap();
        let (key, body) = (format!("key-{i}"), body(i));
        let properties = format!("UNIQ_KEY\x01{key}\x02");
        let mut put = message(topic, queue, id, &body);
        put.properties[0] = properties.as_bytes();
        put.unique_key = key.as_bytes();
        put.store_timestamp = NOW + i as i64;
        store.append(&put).unwrap();
        store.write().unwrap();
        if i % 20 == 0 {
            run_jobs(&mut store, NOW + i as i64 * 1000);
        }
    }
    if is_clean {
        store.close(NOW).unwrap();
    } else {
        drop(store);
    }
    disk.process_crash()
}

/// All messages are there, and found by key and time.
fn check_all(store: &mut Store, what: &str) {
    let mut count = 0;
    for (at, topic) in TOPICS.iter().enumerate() {
        for id in 0..2 {
            let queue = store.queue(topic.as_bytes(), id).unwrap_or_else(|| panic!("{what}"));
            for (n, found) in bodies(store, queue).into_iter().enumerate() {
                assert_eq!(found, body(n * 4 + id as usize * 2 + at), "{what}");
                count += 1;
            }
            let at = store.offset_by_time(queue, NOW + 100, Boundary::Lower).unwrap();
            assert_eq!(at, 25, "{what}");
        }
    }
    assert_eq!(count, MESSAGES, "{what}");
    for i in (0..MESSAGES).step_by(7) {
        let (topic, key, mut out) = (TOPICS[i % 2], format!("key-{i}"), Vec::new());
        let span = (0, i64::MAX);
        let found = store.query(topic.as_bytes(), key.as_bytes(), 8, span, true, &mut out);
        assert_eq!(found.unwrap().count, 1, "{what}: {key}");
    }
}

fn files(disk: &SimDisk, part: &str) -> Vec<PathBuf> {
    let found: Vec<_> =
        disk.paths().into_iter().filter(|p| p.to_str().unwrap().contains(part)).collect();
    assert!(!found.is_empty(), "{part}");
    found
}

/// What is derived from the log, damaged in a way that a start after a kill must put right.
#[test]
fn what_the_log_can_tell_is_built_anew() {
    type Damage = fn(&SimDisk);
    let cases: &[(&str, Damage)] = &[
        ("no consume queues", |d| d.remove_dir_all(Path::new("/s/consumequeue")).unwrap()),
        ("no folder of one topic", |d| d.remove_dir_all(Path::new("/s/consumequeue/T0")).unwrap()),
        ("no folder of one queue", |d| {
            d.remove_dir_all(Path::new("/s/consumequeue/T1/1")).unwrap();
        }),
        ("no index", |d| d.remove_dir_all(Path::new("/s/index")).unwrap()),
    ];
    for (what, damage) in cases {
        let disk = filled(false);
        damage(&disk);
        disk.remove_file(Path::new("/s/checkpoint")).unwrap();
        let mut store = open(&disk).unwrap_or_else(|error| panic!("{what}: {error}"));
        check_all(&mut store, what);
    }
}

/// A folder goes while the checkpoint still vouches for it: the queue is built from the whole log,
/// and a power cut right after that start finds the same.
#[test]
fn a_missing_queue_that_the_checkpoint_vouches_for_is_built_anew() {
    for folder in ["T1/1", "T0", ""] {
        let disk = filled(false);
        disk.remove_dir_all(&Path::new("/s/consumequeue").join(folder)).unwrap();
        check_all(&mut open(&disk).unwrap(), folder);
        for seed in 0..50 {
            let cut = disk.crash(seed);
            check_all(&mut open(&cut).unwrap(), &format!("{folder}, power cut {seed}"));
        }
    }
}

/// An index file that could not be given its length leaves nothing that a later start trips over.
#[test]
fn an_index_file_that_found_no_room_is_not_missed() {
    for is_left_over in [false, true] {
        let disk = SimDisk::new();
        let mut store = open(&disk).unwrap();
        let queue = store.queue_or_create(b"T0", 0).unwrap();
        let mut put = message("T0", queue, 0, b"body");
        (put.properties[0], put.unique_key) = (b"UNIQ_KEY\x01key-0\x02", b"key-0");
        store.append(&put).unwrap();
        store.write().unwrap();
        if is_left_over {
            let path = Path::new("/s/index/20200101000000000");
            disk.create_dir_all(path.parent().unwrap()).unwrap();
            disk.create(path, 0).unwrap();
        } else {
            let error = std::io::ErrorKind::StorageFull;
            disk.fail(Fault { ops: vec![Op::SetLen], nth: 1, is_lasting: false, error });
            let job = store.next_job(NOW + 5000, JobKind::ApplyIndex).unwrap();
            store.finish(job.run()).unwrap();
            assert!(!store.is_poisoned());
        }
        run_jobs(&mut store, NOW + 20_000);
        assert_eq!(files(&disk, "/index/").len(), 1 + usize::from(is_left_over));
        drop(store);
        for mut store in [open(&disk.process_crash()).unwrap(), open(&disk.crash(1)).unwrap()] {
            let mut out = Vec::new();
            let found = store.query(b"T0", b"key-0", 8, (0, i64::MAX), true, &mut out).unwrap();
            assert_eq!(found.count, 1, "{is_left_over}");
        }
    }
}

#[test]
fn every_queue_file_empty_or_zero_in_turn() {
    for is_empty in [true, false] {
        for path in files(&filled(false), "consumequeue") {
            let disk = filled(false);
            disk.corrupt(&path, |bytes| if is_empty { bytes.clear() } else { bytes.fill(0) });
            disk.remove_file(Path::new("/s/checkpoint")).unwrap();
            let mut store = open(&disk).unwrap();
            check_all(&mut store, &format!("{} {is_empty}", path.display()));
        }
    }
}

#[test]
fn a_checkpoint_missing_short_zero_or_wrong_changes_nothing() {
    let path = Path::new("/s/checkpoint");
    for is_clean in [true, false] {
        for case in 0..5 {
            let disk = filled(is_clean);
            match case {
                0 => disk.remove_file(path).unwrap(),
                1 => disk.corrupt(path, Vec::clear),
                2 => disk.corrupt(path, |bytes| bytes.truncate(50)),
                3 => disk.corrupt(path, |bytes| bytes.fill(0)),
                _ => disk.corrupt(path, |bytes| bytes[48..60].fill(0x7f)),
            }
            check_all(&mut open(&disk).unwrap(), &format!("clean {is_clean} case {case}"));
        }
    }
}

/// The log in the middle: refused, whatever is wrong, and not a byte of it changed.
#[test]
fn a_damaged_or_missing_middle_of_the_log_is_refused() {
    for case in 0..4 {
        let disk = filled(false);
        let log = files(&disk, "/commitlog/");
        assert!(log.len() >= 3);
        match case {
            0 => disk.remove_file(&log[1]).unwrap(),
            1 => disk.corrupt(&log[1], |bytes| bytes[..4096].fill(0xff)),
            2 => disk.corrupt(&log[1], |bytes| bytes.truncate(5000)),
            _ => disk.corrupt(&log[1], |bytes| bytes.push(0)),
        }
        // Without the checkpoint all of the log is read again.
        disk.corrupt(Path::new("/s/checkpoint"), |bytes| bytes.fill(0));
        let before = disk.contents();
        let refused = open(&disk).err().unwrap_or_else(|| panic!("case {case} was opened"));
        assert!(refused.to_string().contains("/s/commitlog/"), "{refused}");
        let same = |(path, bytes): &(PathBuf, Vec<u8>)| {
            !path.starts_with("/s/commitlog") || disk.read(path).unwrap() == *bytes
        };
        assert!(before.iter().all(same), "case {case} changed the log");
    }
}

#[test]
fn a_torn_tail_is_cut_and_the_rest_is_there() {
    let disk = filled(false);
    let last = files(&disk, "/commitlog/").pop().unwrap();
    let wanted = format!("body {} ", MESSAGES - 1).into_bytes();
    disk.corrupt(&last, |bytes| {
        let at = bytes.windows(wanted.len()).position(|w| w == wanted).unwrap();
        bytes[at + 3..].fill(0);
    });
    let mut store = open(&disk).unwrap();
    let mut count = 0;
    for (queue, _, _) in store.queues().map(|(q, t, i)| (q, t.to_owned(), i)).collect::<Vec<_>>() {
        count += bodies(&mut store, queue).len();
    }
    assert_eq!(count, MESSAGES - 1);
}

#[test]
fn foreign_files_everywhere_are_left_alone() {
    for is_clean in [true, false] {
        let disk = filled(is_clean);
        let folders = ["/s", "/s/commitlog", "/s/consumequeue", "/s/consumequeue/T0"];
        let inner = ["/s/consumequeue/T0/0", "/s/index"];
        let mut strangers = Vec::new();
        for folder in folders.into_iter().chain(inner) {
            for name in ["README", ".DS_Store", "lost+found", "00000000000000000000.bak"] {
                let path = Path::new(folder).join(name);
                disk.create(&path, 0).unwrap().write_at(b"mine", 0).unwrap();
                strangers.push(path);
            }
            disk.create_dir_all(&Path::new(folder).join("a folder")).unwrap();
        }
        check_all(&mut open(&disk).unwrap(), "with foreign files");
        for path in strangers {
            assert_eq!(disk.read(&path).unwrap(), b"mine", "{}", path.display());
        }
    }
}

/// Bad inputs that reach the store: number, what is done, what must come of it.
#[test]
fn bad_inputs_are_refused_by_name_and_change_nothing() {
    let disk = filled(true);
    let mut store = open(&disk).unwrap();
    let end = store.end();
    let illegal = |result: Result<_, PutError>| matches!(result, Err(PutError::IllegalTopic));
    // 34, 35, 36, 37, 38, 43: names that are no folder of ours.
    let long = "x".repeat(256);
    for (number, topic) in [
        (34, ""),
        (35, "../../topic2020"),
        (36, "a\0b"),
        (36, "a\\b"),
        (37, &long),
        (38, "."),
        (38, ".."),
        (43, "%LMQ%/../../x"),
    ] {
        assert!(illegal(store.queue_or_create(topic.as_bytes(), 0)), "{number} {topic:?}");
    }
    // 38, 41: legal names that some systems find odd; case counts.
    for topic in ["CON", "-rf", "orders", "ORDERS"] {
        store.queue_or_create(topic.as_bytes(), 0).unwrap();
    }
    let queue = store.queue_or_create(b"T0", 0).unwrap();
    // 45, 46, 48, 49: too long, and batches that are none.
    let huge = vec![0; (4 << 20) + 1];
    let put = message("T0", queue, 0, &huge);
    assert!(matches!(store.append(&put), Err(PutError::MessageTooLong { .. })), "45");
    let text = vec![b'x'; 32_768];
    let mut put = message("T0", queue, 0, b"body");
    put.properties[0] = &text;
    assert!(matches!(store.append(&put), Err(PutError::PropertiesTooLong(_))), "46");
    for (number, batch) in
        [(48, &b"\xff\xff\xff\xff\0\0"[..]), (48, b"\0\0\0\x05"), (49, b""), (48, &[7; 40])]
    {
        let put = message("T0", queue, 0, batch);
        assert!(matches!(store.append_batch(&put), Err(PutError::BadBatch)), "{number}");
    }
    assert_eq!((store.end(), store.next_offset(queue).unwrap()), (end, 50), "nothing was staged");
    // 59, 60: offsets outside, and nonsensical counts.
    let mut out = Vec::new();
    for (offset, status) in [
        (-1, GetStatus::OffsetTooSmall),
        (i64::MIN, GetStatus::OffsetTooSmall),
        (50, GetStatus::OffsetOverflowOne),
        (1_000_000_050, GetStatus::OffsetOverflowBadly),
        (i64::MAX, GetStatus::OffsetOverflowBadly),
    ] {
        let got = store.get(queue, offset, 32, 1 << 20, &mut |_| true, &mut out).unwrap();
        assert_eq!(got.status, status, "59 {offset}");
    }
    let got = store.get(queue, 0, usize::MAX, 0, &mut |_| true, &mut out).unwrap();
    assert!(got.count >= 1 && records(&out).len() == got.count, "60");
    // 80, 81, 82: times and keys beyond all bounds, places that are no message.
    assert_eq!(store.offset_by_time(queue, i64::MIN, Boundary::Lower).unwrap(), 0, "80");
    assert_eq!(store.offset_by_time(queue, i64::MAX, Boundary::Upper).unwrap(), 49, "80");
    let found = store.query(b"T0", b"key-0", usize::MAX, (9, 1), true, &mut out).unwrap();
    assert_eq!(found.count, 0, "81");
    for offset in [-1, 1, i64::MIN, i64::MAX, end, end - 1] {
        assert!(!store.message_at(offset, &mut out).unwrap(), "82 {offset}");
    }
    // 54: times before 1970 and in the year 9999.
    for born_timestamp in [-1, 253_402_300_799_000] {
        store.append(&message("T0", queue, 0, b"born")).unwrap();
        store
            .append(&store::PutMessage { born_timestamp, ..message("T0", queue, 0, b"x") })
            .unwrap();
    }
    // 79: a topic that is not there.
    assert_eq!(store.delete_topic(b"nobody"), 0, "79");
    store.write().unwrap();
    drop(store);
    assert_eq!(open(&disk).unwrap().queue(b"T0", 0).map(|_| ()), Some(()));
}

/// 58: flags that say a host has 16 bytes where it has 4.
#[test]
fn a_record_whose_hosts_have_another_length_than_it_says_is_none() {
    for (number, is_last) in [(40, false), (MESSAGES - 1, true)] {
        for flag in [0x10, 0x20, 0x30] {
            let disk = filled(false);
            disk.corrupt(Path::new("/s/checkpoint"), |bytes| bytes.fill(0));
            let wanted = body(number);
            for path in files(&disk, "/commitlog/") {
                disk.corrupt(&path, |bytes| {
                    let at = bytes.windows(wanted.len()).position(|w| w == wanted);
                    // Counted from the record: the flag ends with byte 39, the body begins at 88.
                    at.into_iter().for_each(|at| bytes[at - 88 + 39] |= flag);
                });
            }
            match open(&disk) {
                Ok(mut store) => {
                    assert!(is_last, "{flag}");
                    let queue = store.queue(b"T1", 1).unwrap();
                    assert_eq!(bodies(&mut store, queue).len(), MESSAGES / 4 - 1);
                }
                Err(error) => assert!(!is_last, "{flag}: {error}"),
            }
        }
    }
}

/// A filler's head with a wrong bit, at the end of a sector or across two: zeros follow as behind
/// a record that a power cut tore, but good records lie in the next file.
#[test]
fn a_damaged_filler_is_no_torn_tail_wherever_it_begins() {
    let mut fillers = 0;
    for extra in 0..512 {
        let disk = SimDisk::new();
        let mut store = open(&disk).unwrap();
        let queue = store.queue_or_create(b"T", 0).unwrap();
        let mut ends = Vec::new();
        for len in [1_000 + extra, 3_000, 3_000, 3_000, 3_000, 3_000] {
            let put = store.append(&message("T", queue, 0, &vec![b'x'; len])).unwrap();
            ends.push(put.end);
            store.write().unwrap();
        }
        drop(store);
        let filler = ends.into_iter().rfind(|end| *end < 16 << 10).unwrap() as usize;
        if !(1..500).contains(&(filler % 512)) {
            fillers += 1;
            for bit in 0..64 {
                let disk = disk.process_crash();
                let path = Path::new("/s/commitlog/00000000000000000000");
                disk.corrupt(path, |bytes| bytes[filler + bit / 8] ^= 1 << (bit % 8));
                let before = disk.read(path).unwrap();
                let refused = matches!(open(&disk).map(drop), Err(StoreError::Damaged { .. }));
                assert!(refused, "filler at {filler}, bit {bit}");
                assert_eq!(disk.read(path).unwrap(), before);
            }
        }
    }
    assert_eq!(fillers, 13);
}
