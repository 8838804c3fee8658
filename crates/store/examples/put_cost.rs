//! What a put costs: `put_cost DIR [MESSAGES]` appends messages of 128 bytes with a unique key, 64
//! per write, and says what append, write and tail reads took per message.

#![allow(clippy::unwrap_used)]

use base::clock::mono_ns;
use base::disk::RealDisk;
use std::sync::Arc;
use store::{Dispatch, JobKind, PutMessage, Store, StoreConfig};

fn main() {
    let mut args = std::env::args().skip(1);
    let dir = args.next().expect("a directory");
    let count: usize = args.next().map_or(4_000_000, |n| n.parse().expect("a number"));
    let now = base::clock::wall_ms();
    let mut store = Store::open(StoreConfig::new(&dir), Arc::new(RealDisk), now).unwrap();
    let queues: Vec<_> =
        (0..16).map(|id| store.queue_or_create(b"BenchmarkTest", id).unwrap()).collect();
    let born_host = "127.0.0.1:50000".parse().unwrap();
    let store_host = "127.0.0.1:10911".parse().unwrap();
    let body = [b'x'; 128];
    let (mut append_ns, mut write_ns, mut get_ns, mut jobs_ns) = (0, 0, 0, 0);
    let mut key = *b"7F0000010001251A1B0C0000000000000000";
    let mut out = Vec::with_capacity(1 << 20);
    for batch in 0..count / 64 {
        let begin = mono_ns();
        for i in 0..64 {
            let number = batch * 64 + i;
            for (at, digit) in key.iter_mut().rev().take(8).enumerate() {
                *digit = b"0123456789ABCDEF"[number >> (at * 4) & 15];
            }
            let id = number % 16;
            let put = PutMessage {
                topic: b"BenchmarkTest",
                queue: queues[id],
                queue_id: id as i32,
                flag: 0,
                sys_flag: 0,
                born_timestamp: now,
                born_host,
                store_timestamp: now,
                store_host,
                reconsume_times: 0,
                prepared_transaction_offset: 0,
                body: &body,
                properties: [b"UNIQ_KEY\x01", &key, b"\x02WAIT\x01true\x02CLUSTER\x01c\x02"],
                tags_code: 0,
                unique_key: &key,
                keys: b"",
                dispatch: Dispatch::Queue,
            };
            store.append(&put).unwrap();
        }
        let appended = mono_ns();
        store.write().unwrap();
        let written = mono_ns();
        for (at, queue) in queues.iter().enumerate() {
            let first = store.arrivals()[at].queue_offset;
            out.clear();
            let got = store.get(*queue, first, 32, 1 << 18, &mut |_| true, &mut out);
            assert_eq!(got.unwrap().count, 4);
        }
        let got = mono_ns();
        if batch % 256 == 0 {
            let clock = now + batch as i64;
            for kind in [JobKind::Preallocate, JobKind::WriteQueues, JobKind::ApplyIndex] {
                if let Some(job) = store.next_job(clock, kind) {
                    store.finish(job.run()).unwrap();
                }
            }
        }
        append_ns += appended - begin;
        write_ns += written - appended;
        get_ns += got - written;
        jobs_ns += mono_ns() - got;
    }
    let per = |ns: u64| ns as f64 / count as f64;
    println!(
        "append {:.0} ns, write and dispatch {:.0} ns, get (4 each) {:.0} ns, jobs {:.0} ns",
        per(append_ns),
        per(write_ns),
        per(get_ns),
        per(jobs_ns)
    );
}
