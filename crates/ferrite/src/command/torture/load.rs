//! Sending from several connections until the broker is dead.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use base::thread::spawn_named;
use protocol::HeaderKind;
use protocol::request::send::SendMessageV2;
use remoting::Client;

use super::ledger::{Ledger, QUEUES, Sent, TOPIC, body};
use super::process::Broker;

/// Messages that one connection sends at most in one life, so that reading back stays quick.
const MESSAGES_MAX: usize = 1500;
const TIMEOUT: Duration = Duration::from_secs(5);

/// Sends for `life`, kills the broker while sends are under way, and enters what was
/// acknowledged. Answers how many that were.
pub fn send_until_dead(
    ledger: &mut Ledger,
    connections: usize,
    broker: Broker,
    life: Duration,
) -> anyhow::Result<u64> {
    let is_over = Arc::new(AtomicBool::new(false));
    let next = Arc::new(AtomicU64::new(ledger.next_id()));
    let mut senders = Vec::new();
    for _ in 0..connections {
        let (is_over, next, address) =
            (Arc::clone(&is_over), Arc::clone(&next), broker.address().to_owned());
        senders.push(spawn_named("torture-send", move || send(&address, &is_over, &next))?);
    }
    super::wait_us(life.as_micros() as u64);
    let killed = broker.kill();
    is_over.store(true, Ordering::Relaxed);
    let mut acknowledged = 0;
    for sender in senders {
        let sent = sender.join().map_err(|_| anyhow::anyhow!("a sender panicked"))?;
        acknowledged += sent.len() as u64;
        ledger.enter(sent)?;
    }
    ledger.set_next_id(next.load(Ordering::Relaxed));
    killed.map(|()| acknowledged)
}

/// One connection: the next message goes when the last is answered.
fn send(address: &str, is_over: &AtomicBool, next: &AtomicU64) -> Vec<Sent> {
    let client = Client::new(HeaderKind::Binary);
    let mut acknowledged = Vec::new();
    while !is_over.load(Ordering::Relaxed) && acknowledged.len() < MESSAGES_MAX {
        let id = next.fetch_add(1, Ordering::Relaxed);
        let request = SendMessageV2 {
            producer_group: "torture".to_owned(),
            topic: TOPIC.to_owned(),
            default_topic: "TBW102".to_owned(),
            default_topic_queue_nums: QUEUES,
            queue_id: (id % QUEUES as u64) as i32,
            sys_flag: 0,
            born_timestamp: base::clock::wall_ms(),
            flag: 0,
            properties: Some(format!("UNIQ_KEY\x01{id:032X}\x02")),
            reconsume_times: Some(0),
            unit_mode: Some(false),
            max_reconsume_times: None,
            batch: Some(false),
            broker_name: None,
        };
        match client.call(address, &request, &body(id), TIMEOUT) {
            Ok((reply, _)) => acknowledged.push(Sent {
                id,
                queue_id: reply.queue_id,
                queue_offset: reply.queue_offset,
            }),
            // Dead, or not acknowledged: nothing is promised.
            Err(_) => break,
        }
    }
    client.close();
    acknowledged
}
