//! Small stores and messages, so that every boundary is met.

use model::record::{self, Entry, Record};
use std::net::SocketAddr;
use std::path::Path;
use store::{Dispatch, Job, JobKind, PutMessage, QueueRef, Store, StoreConfig};

/// A time to begin with, ms.
pub const NOW: i64 = 1_732_190_400_000;

/// The broker's address in all records.
///
/// # Panics
/// Never.
pub fn host() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 10911))
}

/// Small files.
pub fn small(root: impl AsRef<Path>) -> StoreConfig {
    StoreConfig {
        commit_log_file_bytes: 16 << 10,
        consume_queue_file_bytes: 20 * 50,
        index_slots: 64,
        index_entries: 200,
        tail_window_bytes: 64 << 10,
        memory_bytes: 1 << 30,
        ..StoreConfig::new(root.as_ref())
    }
}

/// A message without keys.
pub fn message<'a>(
    topic: &'a str,
    queue: QueueRef,
    queue_id: i32,
    body: &'a [u8],
) -> PutMessage<'a> {
    PutMessage {
        topic: topic.as_bytes(),
        queue,
        queue_id,
        flag: 0,
        sys_flag: 0,
        born_timestamp: NOW,
        born_host: SocketAddr::from(([127, 0, 0, 1], 50_000)),
        store_timestamp: NOW,
        store_host: host(),
        reconsume_times: 0,
        prepared_transaction_offset: 0,
        body,
        properties: [b"WAIT\x01true\x02", b"", b""],
        tags_code: 0,
        unique_key: b"",
        keys: b"",
        dispatch: Dispatch::Queue,
    }
}

/// Runs every job that is due, until none is.
///
/// # Panics
/// When a job fails.
pub fn run_jobs(store: &mut Store, now_ms: i64) {
    loop {
        let jobs: Vec<Job> =
            JobKind::ALL.iter().filter_map(|kind| store.next_job(now_ms, *kind)).collect();
        if jobs.is_empty() {
            return;
        }
        for job in jobs {
            store.finish(job.run()).expect("the device does not fail");
        }
    }
}

/// All records of a run of bytes.
///
/// # Panics
/// When the bytes are something else.
pub fn records(mut bytes: &[u8]) -> Vec<Record<'_>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        match record::decode(bytes) {
            Ok(Entry::Record(record)) => {
                found.push(record);
                bytes = &bytes[record.total_len..];
            }
            other => panic!("{other:?}"),
        }
    }
    found
}

/// Bodies of all messages of a queue.
///
/// # Panics
/// When one cannot be got, or stands elsewhere than it says.
pub fn bodies(store: &mut Store, queue: QueueRef) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut at = store.min_offset(queue).expect("readable");
    while at < store.max_offset(queue).expect("readable") {
        let mut out = Vec::new();
        let got = store.get(queue, at, 32, 1 << 20, &mut |_| true, &mut out).expect("readable");
        assert_eq!(got.status, store::GetStatus::Found, "{got:?}");
        for (i, record) in records(&out).iter().enumerate() {
            assert_eq!(record.queue_offset, at + i as i64);
            assert!(record.is_body_intact());
            found.push(record.body.to_vec());
        }
        at = got.next_begin_offset;
    }
    found
}
