//! Gets that do not wait for the device.

use crate::rig::{NOW, bodies, message, small};
use base::disk::Disk;
use std::sync::Arc;
use store::{ColdPlace, GetStatus, Store, StoreConfig, TryGet};
use testkit::disk::SimDisk;

#[test]
fn what_is_not_in_memory_is_named_and_then_got() {
    let disk = SimDisk::new();
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    // Several records in a file, several files.
    let config = StoreConfig { in_memory_messages_max: 1000, ..small("/s") };
    let mut store = Store::open(config.clone(), Arc::clone(&shared), NOW).unwrap();
    let queue = store.queue_or_create(b"T", 0).unwrap();
    for i in 0..300 {
        let body = format!("{i:500}");
        store.append(&message("T", queue, 0, body.as_bytes())).unwrap();
        store.write().unwrap();
    }
    store.close(NOW).unwrap();
    let mut store = Store::open(config, shared, NOW).unwrap();
    disk.drop_caches();
    let (mut out, mut buf) = (Vec::new(), Vec::new());
    let (mut at, mut reads, mut queue_reads, mut idle) = (0, 0, 0, 0);
    while at < 300 {
        out.clear();
        match store.try_get(queue, at, 300, 1 << 20, &mut |_| true, &mut out).unwrap() {
            TryGet::Done(got) => {
                assert_eq!(got.status, GetStatus::Found);
                assert_eq!(crate::rig::records(&out).len() as i64, got.next_begin_offset - at);
                assert!(store.last_file_read().is_some());
                (at, idle) = (got.next_begin_offset, 0);
            }
            TryGet::Cold(read) => {
                assert!(out.is_empty());
                match read.place {
                    ColdPlace::Log { .. } => reads += 1,
                    ColdPlace::Queue { .. } => queue_reads += 1,
                }
                assert!(read.place.begins(&read.place));
                let bytes = read.run(buf);
                buf = store.keep_cold(read.place, bytes);
                idle += 1;
                assert!(idle < 3, "cold again and again at {at}");
            }
        }
    }
    let end = store.end();
    assert!((1..=2 * end as usize / (16 << 10)).contains(&reads), "{reads} reads of the log");
    assert!(queue_reads <= 6, "{queue_reads} reads of the queue");
    assert!(store.cold_log(0).is_some() && store.cold_log(end).is_none());
    assert_eq!(bodies(&mut store, queue).len(), 300);
}
