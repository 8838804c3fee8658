//! The state of replication, as brokers and controllers see it.

use protocol::body::controller::{BrokerReplicasInfo, ReplicaIdentity};
use protocol::body::replication::HaRuntimeInfo;
use protocol::fastjson;
use protocol::request::controller::{ControllerGetMetadataInfo, ControllerGetSyncStateData};
use protocol::request::member::GetBrokerHaStatus;

use crate::call::Call;
use crate::error::Error;
use crate::out::{Cell, Table, Tone};
use crate::pretty::value;
use crate::remote::NO_CLUSTER;
use crate::text;

/// Seconds between two rounds when `-i` has no number.
pub const INTERVAL_S: u64 = 3;

/// Repeats `round` every `-i` seconds; once without it.
///
/// # Errors
/// What a round says.
pub fn repeat(
    call: &mut Call,
    round: impl Fn(&mut Call) -> Result<(), Error>,
) -> Result<(), Error> {
    let seconds = call.options.number::<u64>("i")?;
    loop {
        round(call)?;
        let Some(seconds) = seconds else { return Ok(()) };
        if !call.wait_ms(seconds.max(1) * 1_000) {
            return call.out.flush();
        }
    }
}

/// haStatus
pub fn status(call: &mut Call) -> Result<(), Error> {
    repeat(call, |call| {
        let Some(addresses) = call.chosen_masters()? else {
            call.print_usage();
            return Ok(());
        };
        for address in addresses {
            let (_, body) = call.remote.call(&address, &GetBrokerHaStatus {}, b"")?;
            show(call, &address, &fastjson::read(&body)?);
        }
        Ok(())
    })
}

fn show(call: &mut Call, address: &str, info: &HaRuntimeInfo) {
    let name = format!("brokers/{address}");
    if !info.master {
        let slave = &info.ha_client_runtime_info;
        let speed = slave.transferred_byte_in_second as f64 / 1024.0;
        call.out.plain(&format!(
            "\n#MasterAddr\t{}\n#CommitLogMaxOffset\t{}\n#TransferSpeed(KB/s)\t{speed:.2}\n\
             #LastReadTime\t{}\n#LastWriteTime\t{}\n#MasterFlushOffset\t{}\n",
            slave.master_addr.as_deref().unwrap_or("null"),
            slave.max_offset,
            text::time_with_ms(slave.last_read_timestamp),
            text::time_with_ms(slave.last_write_timestamp),
            slave.master_flush_offset,
        ));
        call.out.member(&name, value(slave));
        return;
    }
    call.out.plain(&format!(
        "\n#MasterAddr\t{address}\n#MasterCommitLogMaxOffset\t{}\n#SlaveNum\t{}\n\
         #InSyncSlaveNum\t{}\n",
        info.master_commit_log_max_offset,
        info.ha_connection_info.len(),
        info.in_sync_slave_nums,
    ));
    call.out.member(
        &name,
        serde_json::json!({
            "commitLogMaxOffset": info.master_commit_log_max_offset,
            "inSyncSlaves": info.in_sync_slave_nums,
        }),
    );
    let columns = &[
        ("#SlaveAddr", "addr"),
        ("#SlaveAckOffset", "slaveAckOffset"),
        ("#Diff", "diff"),
        ("#TransferSpeed(KB/s)", "transferSpeedKb"),
        ("#Status", "status"),
        ("#TransferFromWhere", "transferFromWhere"),
    ];
    let mut table = Table::new("%-32s  %-16s %16s %16s %16s %16s%n", columns);
    for slave in &info.ha_connection_info {
        let (state, tone) = match slave.in_sync {
            true => ("OK", Tone::Good),
            false => ("Fall Behind", Tone::Bad),
        };
        table.push(vec![
            slave.addr.as_deref().unwrap_or("null").into(),
            slave.slave_ack_offset.into(),
            slave.diff.into(),
            Cell::fixed(slave.transferred_byte_in_second as f64 / 1024.0, 2),
            Cell::from(state).tone(tone),
            slave.transfer_from_where.into(),
        ]);
    }
    call.out.table(&format!("{name}/slaves"), &table);
}

/// getSyncStateSet
pub fn sync_state_set(call: &mut Call) -> Result<(), Error> {
    repeat(call, |call| {
        let controller = call.options.required("a")?.to_owned();
        let names: Vec<String> = match (call.options.get("b"), call.options.get("c")) {
            (Some(name), _) => vec![name.to_owned()],
            (None, Some(cluster)) => {
                let info = call.remote.cluster_info()?;
                let names = info.cluster_addr_table.get(cluster).filter(|n| !n.is_empty());
                names.ok_or_else(|| Error::failed(NO_CLUSTER))?.clone()
            }
            (None, None) => {
                call.print_usage();
                return Ok(());
            }
        };
        // Only the leader among the controllers knows.
        let (meta, _) = call.remote.call(&controller, &ControllerGetMetadataInfo {}, b"")?;
        let leader = meta.controller_leader_address.unwrap_or(controller);
        let request = ControllerGetSyncStateData {};
        let (_, body) = call.remote.call(&leader, &request, &fastjson::write(&names))?;
        let info: BrokerReplicasInfo = fastjson::read(&body)?;
        show_replicas(call, &info);
        Ok(())
    })
}

fn show_replicas(call: &mut Call, info: &BrokerReplicasInfo) {
    for (name, replicas) in &info.replicas_info_table {
        let number = |n: Option<i32>| n.map_or("null".to_owned(), |n| n.to_string());
        call.out.plain(&format!(
            "\n#brokerName\t{name}\n#MasterBrokerId\t{}\n#MasterAddr\t{}\n#MasterEpoch\t{}\n\
             #SyncStateSetEpoch\t{}\n#SyncStateSetNums\t{}\n",
            replicas.master_broker_id.map_or("null".to_owned(), |id| id.to_string()),
            replicas.master_address.as_deref().unwrap_or("null"),
            number(replicas.master_epoch),
            number(replicas.sync_state_set_epoch),
            replicas.in_sync_replicas.len(),
        ));
        for replica in &replicas.in_sync_replicas {
            call.out.plain(&format!("\nInSyncReplica:\t{}\n", replica_text(replica)));
        }
        for replica in &replicas.not_in_sync_replicas {
            call.out.plain(&format!("\nNotInSyncReplica:\t{}\n", replica_text(replica)));
        }
        call.out.member(&format!("brokers/{name}"), value(replicas));
    }
}

fn replica_text(replica: &ReplicaIdentity) -> String {
    format!(
        "ReplicaIdentity{{brokerName='{}', brokerId={}, brokerAddress='{}', alive={}}}",
        replica.broker_name.as_deref().unwrap_or("null"),
        replica.broker_id.map_or("null".to_owned(), |id| id.to_string()),
        replica.broker_address.as_deref().unwrap_or("null"),
        replica.alive.map_or("null".to_owned(), |alive| alive.to_string()),
    )
}
