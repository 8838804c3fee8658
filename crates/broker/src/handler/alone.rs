//! What operators ask of parts that a broker alone has at rest: replication, epochs, limits on cold
//! reads.

use protocol::body::replication::HaRuntimeInfo;
use protocol::body::stats::ColdDataFlowInfo;
use protocol::code::response_code;
use protocol::fastjson;
use protocol::request::config::GetColdDataFlowCtrInfo;
use protocol::request::member::{GetBrokerEpochCache, GetBrokerHaStatus};
use remoting::{Answer, Call, Exchange, Refusal, Reply};

use crate::broker::Broker;

/// Java's defaults of `cgColdReadThreshold` and `globalColdReadThreshold`, in bytes.
const GROUP_THRESHOLD: i64 = 3 * 1024 * 1024;
const ALL_THRESHOLD: i64 = 100 * 1024 * 1024;

/// Serves 907: a master without slaves.
pub fn replication(
    broker: &mut Broker,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    _: GetBrokerHaStatus,
) -> Answer<GetBrokerHaStatus> {
    let info = HaRuntimeInfo {
        master: true,
        master_commit_log_max_offset: broker.store.end(),
        ..HaRuntimeInfo::default()
    };
    Ok(Reply::body(fastjson::write(&info)))
}

/// Serves 1007: only a broker whose master a controller chooses has epochs.
pub fn epochs(
    _: &mut Broker,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    _: GetBrokerEpochCache,
) -> Answer<GetBrokerEpochCache> {
    Err(Refusal::new(response_code::SYSTEM_ERROR, "this request only for controllerMode "))
}

/// Serves 2003: no group is limited, `coldDataFlowControlEnable` being off as by default.
pub fn cold_reads(
    _: &mut Broker,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    _: GetColdDataFlowCtrInfo,
) -> Answer<GetColdDataFlowCtrInfo> {
    let info = ColdDataFlowInfo {
        cg_cold_read_threshold: GROUP_THRESHOLD,
        global_cold_read_threshold: ALL_THRESHOLD,
        ..ColdDataFlowInfo::default()
    };
    Ok(Reply::body(fastjson::write(&info)))
}
