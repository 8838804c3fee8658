//! Whether the broker lives, and whether it takes messages.

use std::sync::Mutex;

use base::clock::wall_ms;
use remoting::http::{HttpAnswer, look};

use crate::broker::{Broker, BrokerService};

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
