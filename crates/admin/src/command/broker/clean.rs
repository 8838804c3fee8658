//! Having brokers clean up now.

use protocol::request::topic::{
    CleanExpiredConsumeQueue, CleanUnusedTopic, DeleteExpiredCommitLog,
};

use crate::call::Call;
use crate::error::Error;

/// cleanExpiredCQ
pub fn expired_queues(call: &mut Call) -> Result<(), Error> {
    clean(call, |call, address| {
        call.remote.call(address, &CleanExpiredConsumeQueue {}, b"").map(|_| ())
    })
}

/// cleanUnusedTopic
pub fn unused_topics(call: &mut Call) -> Result<(), Error> {
    clean(call, |call, address| call.remote.call(address, &CleanUnusedTopic {}, b"").map(|_| ()))
}

/// deleteExpiredCommitLog
pub fn expired_log(call: &mut Call) -> Result<(), Error> {
    clean(call, |call, address| {
        call.remote.call(address, &DeleteExpiredCommitLog {}, b"").map(|_| ())
    })
}

/// One broker with `-b`, the brokers of a cluster with `-c`, else those of all clusters.
fn clean(call: &mut Call, ask: impl Fn(&Call, &str) -> Result<(), Error>) -> Result<(), Error> {
    let addresses: Vec<String> = match (call.options.get("b"), call.options.get("c")) {
        (Some(address), _) => vec![address.to_owned()],
        (None, Some(cluster)) => {
            call.remote.brokers(cluster)?.unwrap_or_default().into_iter().collect()
        }
        (None, None) => {
            let brokers = call.remote.cluster_info()?.broker_addr_table.into_values();
            brokers.flat_map(|b| b.broker_addrs.0.into_values()).collect()
        }
    };
    let is_one = call.options.has("b");
    let mut is_done = !addresses.is_empty();
    for address in addresses {
        match ask(call, &address) {
            Ok(()) => {}
            Err(e) if is_one => return Err(e),
            Err(e) => {
                is_done = false;
                call.report(&address, &e);
            }
        }
    }
    call.out.text(if is_done { "success" } else { "false" });
    Ok(())
}
