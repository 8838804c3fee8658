//! What the broker takes up by itself, and requests about old messages that change something.

use super::*;
use crate::timer::{TimerCheck, load};
use crate::transaction::Transactions;
use base::disk::Disk;
use model::message_id::MessageId;
use model::names::{HALF_GIVEN_UP_TOPIC, HALF_TOPIC, SCHEDULE_TOPIC, TIMER_TOPIC};
use model::topic::DataVersion;
use protocol::request::message::{QueryConsumeQueue, ResumeCheckHalfMessage};
use protocol::request::offset::{InvokeBrokerToResetOffset, QueryCorrectionOffset};
use protocol::request::send::ConsumerSendMsgBack;
use protocol::request::stats::{
    GetBrokerConsumeStats, GetBrokerRuntimeInfo, GetConsumeStats, QueryConsumeTimeSpan,
};
use protocol::request::topic::GetTopicStatsInfo;
use protocol::request::transaction::EndTransaction;
use std::path::Path;

const COUNT: i64 = 150;

/// Messages of a system topic, each followed by others that fill the pages between them.
fn fill_with(disk: &SimDisk, topic: &str, properties: &str, tags_code: i64) -> Vec<i64> {
    let mut store = open(disk);
    let filler = "x".repeat(3000);
    let mut places = Vec::new();
    for number in 0..COUNT {
        let text = format!("{properties}REAL_TOPIC\x01T\x02REAL_QID\x01{}\x02", number % 3);
        let body = number.to_string();
        let row = Row {
            topic: topic.as_bytes(),
            queue_id: 0,
            body: &body,
            properties: &text,
            tags_code: if tags_code == 0 { 0 } else { tags_code + number },
        };
        places.push(append(&mut store, number, &row, ("", "")));
        let filler =
            Row { topic: b"Other", queue_id: 0, body: &filler, properties: "", tags_code: 0 };
        append(&mut store, number, &filler, ("", ""));
    }
    close(store);
    places
}

/// Asks where the queues of a topic end until there are so many messages.
fn wait_for(rig: &mut Rig, topic: &str, queues: i32, count: i64) {
    let until = base::clock::mono_ns() + 30_000_000_000;
    loop {
        let mut sum = 0;
        for queue_id in 0..queues {
            let topic = topic.to_owned();
            let mut answer = rig.ask(&GetMaxOffset { topic, queue_id, committed: true });
            let decoded = frame::decode(&mut answer).unwrap();
            sum += decoded.fields.text("offset").unwrap().parse::<i64>().unwrap();
        }
        assert!(sum <= count, "{sum} of {count}");
        if sum == count {
            return;
        }
        assert!(base::clock::mono_ns() < until, "{sum} of {count}");
        std::thread::yield_now();
    }
}

/// How many records a body of pulled or popped messages has.
pub fn records_in(mut body: &[u8]) -> usize {
    let mut count = 0;
    while let Some(len) = body.first_chunk() {
        body = &body[u32::from_be_bytes(*len) as usize..];
        count += 1;
    }
    count
}

fn assert_only_the_reader_waited(disk: &SimDisk, reads: u64) {
    assert_eq!(disk.waits_of("broker-loop"), 0);
    assert!(disk.waits_of("store-read") >= reads, "{}", disk.waits_of("store-read"));
}

fn timers_of(disk: &SimDisk) -> impl FnOnce(&mut Broker) {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    move |broker| {
        let version = DataVersion::new(NOW);
        let saved = TimerCheck { watermark_ms: NOW - 1, base: 0, log_position: 0, version };
        let window_s = crate::timer::window_s(&broker.config);
        broker.timers =
            load(&mut broker.store, saved, disk.as_ref(), Path::new("/s"), window_s).unwrap();
    }
}

#[test]
fn old_delayed_messages_do_not_hold_the_loop_up() {
    let disk = SimDisk::new();
    fill_with(&disk, SCHEDULE_TOPIC, "DELAY\x011\x02", NOW);
    let store = open(&disk);
    disk.drop_caches();
    wait_for(&mut Rig::around(store), "T", QUEUES, COUNT);
    assert_only_the_reader_waited(&disk, 3);
}

#[test]
fn old_timer_messages_do_not_hold_the_loop_up() {
    let disk = SimDisk::new();
    let properties = format!("TIMER_OUT_MS\x01{NOW}\x02TIMER_DELIVER_MS\x01{NOW}\x02");
    fill_with(&disk, TIMER_TOPIC, &properties, NOW);
    let rig = Rig::prepared(open(&disk), |broker| {
        timers_of(&disk)(broker);
        assert_eq!(broker.timers.waiting(), COUNT as usize);
        disk.drop_caches();
    });
    let mut rig = rig;
    wait_for(&mut rig, "T", QUEUES, COUNT);
    assert_only_the_reader_waited(&disk, 3);
}

/// Half messages that were checked too often, as old ones mostly are.
fn half_rig(disk: &SimDisk, check_max: i32, is_cold: bool) -> Rig {
    let mut rig = Rig::prepared(open(disk), |broker| {
        broker.config.transaction_check_max = check_max;
        broker.config.file_reserved_hours = i64::MAX / 3_600_000;
        broker.transactions =
            Transactions::load(&mut broker.store, &broker.offsets, 64 << 10).unwrap();
        if is_cold {
            disk.drop_caches();
        }
    });
    rig.ask(&GetMaxOffset { topic: "T".to_owned(), queue_id: 0, committed: true });
    rig
}

#[test]
fn old_half_messages_do_not_hold_the_loop_up() {
    let disk = SimDisk::new();
    fill_with(&disk, HALF_TOPIC, "PGROUP\x01P\x02", 0);
    let mut rig = half_rig(&disk, 0, true);
    wait_for(&mut rig, HALF_GIVEN_UP_TOPIC, 1, COUNT);
    assert_only_the_reader_waited(&disk, 3);
}

/// Nobody is there who could be asked: a round of checks ends, though it takes several passes of
/// the loop, and the next one comes after the interval.
#[test]
fn half_messages_that_nobody_can_decide_keep_the_loop_idle() {
    let disk = SimDisk::new();
    fill_with(&disk, HALF_TOPIC, "PGROUP\x01P\x02", 0);
    fill_with(&disk, HALF_TOPIC, "PGROUP\x01P\x02", 0);
    let mut rig = half_rig(&disk, i32::MAX, false);
    let until = base::clock::mono_ns() + 30_000_000_000;
    loop {
        rig.ask(&GetMaxOffset { topic: "T".to_owned(), queue_id: 0, committed: true });
        let transactions = &rig.service.lock().unwrap().broker.transactions;
        assert_eq!(transactions.undecided(), 2 * COUNT as usize);
        let deadline = transactions.next_deadline_ns(base::clock::wall_ms(), 0);
        if deadline == Some(1_000_000_000) {
            return;
        }
        assert!(base::clock::mono_ns() < until, "{deadline:?}");
    }
}

/// Seed 701 of `ferrite torture kill`: checks put half messages again, and the kill cut off what
/// says that the ones before ended. Asked about both, the producer committed twice.
#[test]
fn half_messages_put_again_by_a_cut_write_are_one() {
    let disk = SimDisk::new();
    let mut store = open(&disk);
    let again = "TRANSACTION_CHECK_TIMES\x011\x02TRAN_PREPARED_QUEUE_OFFSET\x01";
    for (number, first) in [None, None, Some(0), Some(0), None].into_iter().enumerate() {
        let text = first.map_or(String::new(), |first: i64| format!("{again}{first}\x02"));
        let text = format!("{text}PGROUP\x01P\x02REAL_TOPIC\x01T\x02REAL_QID\x010\x02");
        let row = Row {
            topic: HALF_TOPIC.as_bytes(),
            queue_id: 0,
            body: "half",
            properties: &text,
            tags_code: 0,
        };
        append(&mut store, number as i64, &row, ("", ""));
    }
    let offsets = crate::offset_table::OffsetTable::new(NOW);
    let table = Transactions::load(&mut store, &offsets, 64 << 10).unwrap();
    assert_eq!(table.undecided(), 3, "0 and 2 were put again as 3");
}

#[test]
fn old_half_messages_are_ended_and_resumed_without_holding_the_loop_up() {
    let disk = SimDisk::new();
    let places = fill_with(&disk, HALF_TOPIC, "PGROUP\x01P\x02", 0);
    let mut rig = half_rig(&disk, i32::MAX, true);
    for (number, place) in places.iter().enumerate().step_by(10) {
        let commit = number % 20 == 0;
        let answer = rig.ask(&EndTransaction {
            topic: None,
            producer_group: "P".to_owned(),
            tran_state_table_offset: number as i64,
            commit_log_offset: *place,
            commit_or_rollback: if commit { 8 } else { 12 },
            from_transaction_check: true,
            msg_id: None,
            transaction_id: None,
        });
        assert_eq!(code_and_body(&answer).0, 0);
    }
    wait_for(&mut rig, "T", QUEUES, 8);
    let id = MessageId { store_host: host(), commit_log_offset: places[1] };
    let resume = |id: &MessageId| ResumeCheckHalfMessage {
        topic: Some("T".to_owned()),
        msg_id: Some(id.to_string()),
    };
    assert_eq!(code_and_body(&rig.ask(&resume(&id))).0, 0);
    let nothing = MessageId { commit_log_offset: places[1] + 1, ..id };
    assert_ne!(code_and_body(&rig.ask(&resume(&nothing))).0, 0);
    assert_only_the_reader_waited(&disk, 3);
}

#[test]
fn old_messages_are_given_back_without_holding_the_loop_up() {
    let disk = SimDisk::new();
    let places = fill(&disk);
    let mut rig = Rig::prepared(open(&disk), |broker| {
        broker.groups.get_or_create("G", true, NOW);
    });
    for place in places.iter().chain([&1]) {
        disk.drop_caches();
        let answer = rig.ask(&ConsumerSendMsgBack {
            offset: *place,
            group: "G".to_owned(),
            delay_level: -1,
            origin_msg_id: None,
            origin_topic: None,
            unit_mode: false,
            max_reconsume_times: None,
        });
        assert_eq!(code_and_body(&answer).0 == 0, *place != 1);
    }
    wait_for(&mut rig, "%DLQ%G", 1, places.len() as i64);
    assert_only_the_reader_waited(&disk, places.len() as u64 - 1);
}

#[test]
fn popped_messages_come_again_without_holding_the_loop_up() {
    let disk = SimDisk::new();
    fill(&disk);
    let mut rig = Rig::start(&disk);
    let (code, body) = code_and_body(&rig.ask(&PopMessage {
        consumer_group: "P".to_owned(),
        topic: "T".to_owned(),
        queue_id: 1,
        max_msg_nums: 32,
        invisible_time: 50,
        poll_time: 0,
        born_time: 0,
        init_mode: 0,
        expression_type: None,
        expression: None,
        order: false,
        attempt_id: None,
    }));
    assert!(code == 0 && !body.is_empty());
    let popped = records_in(&body) as i64;
    let before = disk.waits_of("broker-loop");
    let reads = disk.waits_of("store-read");
    disk.drop_caches();
    wait_for(&mut rig, "%RETRY%P_T", 1, popped);
    assert_eq!(disk.waits_of("broker-loop"), before);
    assert!(disk.waits_of("store-read") > reads);
}

/// A page cache that keeps nothing stops no errand: the loop waits in the end.
#[test]
fn errands_whose_bytes_never_stay_are_done_all_the_same() {
    let disk = SimDisk::new();
    fill_with(&disk, SCHEDULE_TOPIC, "DELAY\x011\x02", NOW);
    let store = open(&disk);
    disk.cache_nothing();
    wait_for(&mut Rig::around(store), "T", QUEUES, COUNT);
    assert!(disk.waits_of("broker-loop") > 0);
}

/// What operators ask of topics and groups.
fn statistics(rig: &mut Rig) -> Vec<Vec<u8>> {
    let (topic, group) = ("T".to_owned(), "G".to_owned());
    let entries = QueryConsumeQueue {
        topic: Some(topic.clone()),
        queue_id: 1,
        index: 3,
        count: 40,
        consumer_group: None,
    };
    let reset = |queue_id, offset, timestamp| InvokeBrokerToResetOffset {
        group: group.clone(),
        topic: topic.clone(),
        queue_id,
        offset,
        timestamp,
        is_force: true,
    };
    vec![
        rig.ask(&GetTopicStatsInfo { topic: topic.clone() }),
        rig.ask(&GetConsumeStats { consumer_group: group.clone(), topic: None, topic_list: None }),
        rig.ask(&GetBrokerConsumeStats { is_order: false }),
        rig.ask(&entries),
        rig.ask(&QueryCorrectionOffset {
            filter_groups: None,
            compare_group: group.clone(),
            topic: topic.clone(),
        }),
        rig.ask(&reset(-1, None, NOW + 300_000)),
        rig.ask(&reset(1, Some(17), 0)),
        rig.ask(&reset(1, Some(100_000), 0)),
    ]
}

fn stats_rig(disk: &SimDisk) -> Rig {
    Rig::prepared(open(disk), |broker| {
        broker.groups.get_or_create("G", true, NOW);
        for queue_id in 0..QUEUES {
            broker.offsets.commit("G", "T", queue_id, 50 + i64::from(queue_id));
        }
    })
}

/// Exporters ask for these every minute, and a group that lags was last at old messages.
#[test]
fn statistics_of_old_messages_do_not_hold_the_loop_up() {
    let disk = SimDisk::new();
    fill(&disk);
    let warm = statistics(&mut stats_rig(&disk));
    assert_eq!(warm.iter().filter(|answer| code_and_body(answer).0 == 0).count(), 7);
    let disk = disk.process_crash();
    let mut rig = stats_rig(&disk);
    disk.drop_caches();
    let before = disk.waits_of("store-read");
    let cold = statistics(&mut rig);
    let sorted = |answer: &Vec<u8>| {
        let mut bytes = answer.clone();
        bytes.sort_unstable();
        bytes
    };
    for (at, (cold, warm)) in cold.iter().zip(&warm).enumerate() {
        // Groups come in any order.
        assert!(sorted(cold) == sorted(warm), "question {at}: {}", String::from_utf8_lossy(cold));
    }
    assert_eq!(disk.waits_of("broker-loop"), 0);
    assert!(disk.waits_of("store-read") > before + 6);
    disk.drop_caches();
    // Their answers tell the time.
    let span = QueryConsumeTimeSpan { topic: "T".to_owned(), group: "G".to_owned() };
    let (code, body) = code_and_body(&rig.ask(&span));
    let span: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let of_second = &span["consumeTimeSpanSet"][1];
    assert_eq!((code, of_second["minTimeStamp"].as_i64()), (0, Some(NOW + 1000)));
    disk.drop_caches();
    let (code, body) = code_and_body(&rig.ask(&GetBrokerRuntimeInfo {}));
    let info: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let earliest = info["table"]["earliestMessageTimeStamp"].as_str();
    assert_eq!((code, earliest), (0, Some(NOW.to_string().as_str())));
    assert_eq!(disk.waits_of("broker-loop"), 0);
}

/// The lines about a group's lag that a scraper gets.
fn lag_lines(rig: &Rig) -> Vec<(String, f64)> {
    let own = Arc::clone(&rig.service);
    let text = spawn_named("collector", move || crate::metrics::all(&own)).unwrap();
    let text = text.join().unwrap();
    let lines = text.lines().filter(|line| line.starts_with("rocketmq_consumer_lag_"));
    let lines = lines.filter_map(|line| line.rsplit_once(' '));
    lines.map(|(name, value)| (name.to_owned(), value.parse().unwrap())).collect()
}

/// A scraper is told how old the message is that a group has come to, on whatever device that is.
#[test]
fn metrics_about_old_messages_are_whole() {
    let disk = SimDisk::new();
    fill(&disk);
    let warm = lag_lines(&stats_rig(&disk));
    let disk = disk.process_crash();
    let rig = stats_rig(&disk);
    disk.drop_caches();
    let cold = lag_lines(&rig);
    assert_eq!(warm.len(), 2, "{warm:?}");
    for ((name, warm), (same, cold)) in warm.iter().zip(&cold) {
        assert_eq!(name, same);
        // Ages differ by what passed between.
        assert!(*warm > 0.0 && (cold - warm).abs() < 60_000.0, "{name}: {warm}, {cold}");
    }
    assert!(disk.waits_of("collector") > 0);
    assert_eq!(disk.waits_of("broker-loop"), 0);
}
