//! Waiting for conditions, and for messages.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use base::clock::mono_ns;
use client::{Consumed, Consumer, ConsumerConfig, Listener, StartFrom};

const PATIENCE_NS: u64 = 30_000_000_000;

/// Returns when `condition` holds; fails the test when it does not within half a minute.
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let started = mono_ns();
    let (lock, never) = (Mutex::new(()), Condvar::new());
    while !condition() {
        assert!(mono_ns() - started < PATIENCE_NS, "waited in vain: {what}");
        let guard = lock.lock().expect("no panic holds it");
        drop(never.wait_timeout(guard, Duration::from_millis(10)).expect("no panic holds it"));
    }
}

/// The bodies of the first `count` messages of a topic, sorted.
pub fn consume_all(name_servers: &str, topic: &str, count: usize) -> Vec<String> {
    let found = Arc::new(Mutex::new(Vec::new()));
    let sink = found.clone();
    let mut config = ConsumerConfig::new(name_servers, "reader_group");
    config.start_from = StartFrom::First;
    let listener = Listener::Concurrent(Box::new(move |messages| {
        let mut sink = sink.lock().expect("no panic holds it");
        sink.extend(messages.iter().map(|m| String::from_utf8_lossy(m.body()).into_owned()));
        Consumed::Done
    }));
    let consumer = Consumer::start(config, &[(topic, "*")], listener).expect("started");
    until("every message is consumed", || found.lock().expect("no panic holds it").len() >= count);
    consumer.stop();
    let mut found = std::mem::take(&mut *found.lock().expect("no panic holds it"));
    found.sort_unstable();
    found
}
