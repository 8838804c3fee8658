//! Opens a store directory and compares every queue's bounds with a statistics file recorded from
//! `mqadmin`: `golden DATA_DIR STATS_FILE`. Works on a copy: opening changes the directory.

#![allow(clippy::unwrap_used)]

use base::disk::RealDisk;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Store, StoreConfig};

fn main() {
    let mut args = std::env::args().skip(1);
    let (dir, stats) = (args.next().expect("a directory"), args.next().expect("a file"));
    let begin = base::clock::mono_ns();
    let now = base::clock::wall_ms();
    let mut store = match Store::open(StoreConfig::new(&dir), Arc::new(RealDisk), now) {
        Ok(store) => store,
        Err(error) => {
            println!("cannot open: {error}");
            return;
        }
    };
    let opened_us = (base::clock::mono_ns() - begin) / 1000;
    let queues: Vec<_> = store.queues().map(|(q, t, id)| (q, t.to_owned(), id)).collect();
    let mut ours = BTreeMap::new();
    let mut messages = 0;
    for (queue, topic, id) in &queues {
        let (min, max) = (store.min_offset(*queue).unwrap(), store.max_offset(*queue).unwrap());
        ours.insert((topic.clone(), *id), (min, max));
        let mut at = min;
        while at < max {
            let mut out = Vec::new();
            let got = store.get(*queue, at, 32, 1 << 20, &mut |_| true, &mut out).unwrap();
            if got.count == 0 {
                println!("{topic} {id}: {got:?}");
                break;
            }
            messages += got.count;
            at = got.next_begin_offset;
        }
    }
    println!(
        "{dir}: opened in {opened_us} us, log {}..{}, {} queues, {messages} messages read",
        store.min_commit_log_offset(),
        store.end(),
        queues.len()
    );
    compare(&ours, &stats);
    store.close(now).unwrap();
    let begin = base::clock::mono_ns();
    drop(Store::open(StoreConfig::new(&dir), Arc::new(RealDisk), now).unwrap().close(now));
    println!("opened again and closed in {} us", (base::clock::mono_ns() - begin) / 1000);
}

fn compare(ours: &BTreeMap<(String, i32), (i64, i64)>, stats: &str) {
    let text = std::fs::read_to_string(stats).unwrap();
    let (mut topic, mut same, mut other) = ("", 0, 0);
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("== ") {
            topic = name.trim();
            continue;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let numbers: Vec<i64> = words.iter().skip(1).filter_map(|word| word.parse().ok()).collect();
        let [id, min, max] = numbers[..] else { continue };
        if words.len() != 4 {
            continue;
        }
        let found = ours.get(&(topic.to_owned(), id as i32)).copied().unwrap_or((0, 0));
        if found == (min, max) {
            same += 1;
        } else {
            other += 1;
            println!("{topic} {id}: Java {:?}, here {found:?}", (min, max));
        }
    }
    println!("{same} queues as Java says, {other} not");
}
