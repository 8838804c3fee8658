//! Progress of the timer messages.

use model::topic::DataVersion;

use super::*;

fn appended(queue_offset: i64) -> store::Appended {
    let commit_log_offset = queue_offset * 200;
    store::Appended { commit_log_offset, queue_offset, count: 1, end: commit_log_offset + 200 }
}

fn take_until(timers: &mut Timers, now_ms: i64) -> usize {
    let mut count = 0;
    while timers.table.first_until(now_ms).is_some() {
        timers.table.take_first();
        count += 1;
    }
    count
}

#[test]
fn progress_follows_what_is_flushed() {
    let mut timers = Timers::empty(0);
    timers.file(7_000, &appended(0));
    timers.file(200_000, &appended(1));
    timers.file(8_000, &appended(2));
    assert_eq!(take_until(&mut timers, 7_500), 1);
    timers.note_progress(800);
    assert_eq!(take_until(&mut timers, 9_000), 1);
    timers.note_progress(1_000);
    assert!(!timers.settle(799, 5_000));
    assert_eq!((timers.changes(), timers.progress().watermark_ms), (0, 0));
    assert!(timers.settle(900, 5_000));
    let TimerCheck { watermark_ms, base, .. } = timers.progress();
    assert_eq!((watermark_ms, base), (7_000, 0), "its minute is not over");
    assert!(!timers.settle(1_000, 5_249), "saved a moment ago");
    let TimerCheck { watermark_ms, base, version, .. } = timers.progress();
    assert_eq!((watermark_ms, base), (8_000, 1));
    assert!(timers.settle(1_000, 5_250), "now it is time");
    let expected = DataVersion { timestamp: 5_249, counter: 2, ..DataVersion::new(0) };
    assert_eq!((version, timers.changes()), (expected, 2));
}

#[test]
fn nothing_waits_when_all_is_delivered() {
    let mut timers = Timers::empty(0);
    timers.file(7_000, &appended(41));
    assert_eq!((timers.next_deadline_ns(6_750, 5), timers.waiting()), (Some(250_000_005), 1));
    assert_eq!(take_until(&mut timers, 7_000), 1);
    timers.note_progress(0);
    timers.settle(0, 7_000);
    assert_eq!((timers.progress().base, timers.next_deadline_ns(7_000, 5)), (42, None));
}

#[test]
fn a_message_that_takes_back_is_read_again_while_it_matters() {
    let mut timers = Timers::empty(0);
    timers.file(7_000, &appended(0));
    assert_eq!(take_until(&mut timers, 7_000), 1);
    timers.recalled.note(b"t+k", 7_000, 0);
    timers.note_progress(0);
    assert_eq!(timers.base, 0);
    timers.file(9_500, &appended(1));
    assert_eq!(take_until(&mut timers, 9_500), 1);
    timers.note_progress(0);
    assert_eq!(timers.base, 2);
}
