//! Whether the broker lives, and whether it takes messages.

use std::sync::{Mutex, MutexGuard, TryLockError};
use std::time::Duration;

use base::clock::{mono_ns, wall_ms};
use remoting::http::HttpAnswer;

use crate::broker::{Broker, BrokerService};

/// A batch of the loop takes milliseconds. One that takes longer than this does not live.
const STUCK_NS: u64 = 1_500_000_000;

/// The lock, unless the loop keeps it too long or panicked with it.
fn look(service: &Mutex<BrokerService>) -> Result<MutexGuard<'_, BrokerService>, HttpAnswer> {
    let end_ns = mono_ns() + STUCK_NS;
    loop {
        match service.try_lock() {
            Ok(service) => return Ok(service),
            Err(TryLockError::WouldBlock) if mono_ns() < end_ns => {
                std::thread::park_timeout(Duration::from_millis(1));
            }
            Err(TryLockError::WouldBlock) => {
                return Err(HttpAnswer::text(503, "the loop makes no progress\n"));
            }
            Err(TryLockError::Poisoned(_)) => {
                return Err(HttpAnswer::text(503, "the loop panicked\n"));
            }
        }
    }
}

/// `/healthz`.
pub(super) fn alive(service: &Mutex<BrokerService>) -> HttpAnswer {
    match look(service) {
        Ok(_) => HttpAnswer::text(200, "ok\n"),
        Err(answer) => answer,
    }
}

/// `/readyz`: everything that keeps it from being ready, a line each.
pub(super) fn ready(service: &Mutex<BrokerService>) -> HttpAnswer {
    let service = match look(service) {
        Ok(service) => service,
        Err(answer) => return answer,
    };
    let reasons = reasons(&service.broker, wall_ms());
    drop(service);
    match reasons.is_empty() {
        true => HttpAnswer::text(200, "ready\n"),
        false => HttpAnswer::text(503, reasons.join("\n") + "\n"),
    }
}

fn reasons(broker: &Broker, now_ms: i64) -> Vec<&'static str> {
    let config = &broker.config;
    let conditions = [
        (broker.store.is_poisoned(), "the store failed and accepts nothing more; see the log"),
        (broker.store.is_disk_full(), "the disk is full: no message is accepted"),
        (!config.is_writeable(), "brokerPermission: not writeable"),
        (now_ms < config.accept_sends_from_ms, "startAcceptSendRequestTimeStamp is still to come"),
        (
            !config.namesrv_addr.is_empty() && !broker.is_registered(),
            "no name server has taken the registration yet",
        ),
    ];
    conditions.into_iter().filter(|(holds, _)| *holds).map(|(_, why)| why).collect()
}
