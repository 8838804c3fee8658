//! Controllers: what they know and how they are set.

use protocol::body::controller::ElectMasterResponseBody;
use protocol::fastjson;
use protocol::request::config::{GetControllerConfig, UpdateControllerConfig};
use protocol::request::controller::{
    CleanBrokerData, ControllerElectMaster, ControllerGetMetadataInfo,
};

use crate::call::Call;
use crate::command::namesrv::settings::{SETTING, setting, settings};
use crate::error::Error;
use crate::pretty::value;

fn controllers(call: &Call) -> Result<Vec<String>, Error> {
    Ok(remoting::address::split_list(call.options.required("a")?))
}

/// The leader among the controllers; the one that was asked when it names none.
fn leader(call: &Call, address: &str) -> Result<String, Error> {
    let (meta, _) = call.remote.call(address, &ControllerGetMetadataInfo {}, b"")?;
    Ok(meta.controller_leader_address.unwrap_or_else(|| address.to_owned()))
}

/// getControllerMetaData
pub fn metadata(call: &mut Call) -> Result<(), Error> {
    let address = call.options.required("a")?.to_owned();
    let (meta, _) = call.remote.call(&address, &ControllerGetMetadataInfo {}, b"")?;
    let or_null = |text: &Option<String>| text.clone().unwrap_or_else(|| "null".to_owned());
    let peers = meta.peers.clone().unwrap_or_default();
    let peers: Vec<&str> = peers.split(';').filter(|peer| !peer.is_empty()).collect();
    call.out.plain(&format!(
        "\n#ControllerGroup\t{}\n#ControllerLeaderId\t{}\n#ControllerLeaderAddress\t{}",
        or_null(&meta.group),
        or_null(&meta.controller_leader_id),
        or_null(&meta.controller_leader_address),
    ));
    for peer in &peers {
        call.out.plain(&format!("\n#Peer:\t{peer}"));
    }
    call.out.plain("\n");
    call.out.member("group", meta.group);
    call.out.member("leaderId", meta.controller_leader_id);
    call.out.member("leaderAddress", meta.controller_leader_address);
    call.out.member("peers", peers);
    Ok(())
}

/// getControllerConfig
pub fn get_settings(call: &mut Call) -> Result<(), Error> {
    for address in controllers(call)? {
        let (_, body) = call.remote.call(&address, &GetControllerConfig {}, b"")?;
        call.out.plain(&format!("============{address}============\n"));
        call.out.pairs(&format!("controllers/{address}"), SETTING, &settings(&body));
    }
    Ok(())
}

/// updateControllerConfig
pub fn update_settings(call: &mut Call) -> Result<(), Error> {
    let key = call.options.required("k")?.to_owned();
    let value = call.options.required("v")?.to_owned();
    let text = setting(&key, &value);
    let servers = controllers(call)?;
    for address in &servers {
        call.remote.call(address, &UpdateControllerConfig {}, text.as_bytes())?;
    }
    call.out.line(&format!("update controller config success![{}]", servers.join(", ")));
    call.out.line(&format!("{key} : {value}"));
    Ok(())
}

/// electMaster
pub fn elect(call: &mut Call) -> Result<(), Error> {
    let cluster = call.options.required("c")?.to_owned();
    let name = call.options.required("bn")?.to_owned();
    let request = ControllerElectMaster {
        cluster_name: cluster.clone(),
        broker_name: name.clone(),
        broker_id: call.options.number("b")?.unwrap_or(-1),
        designate_elect: true,
        invoke_time: base::clock::wall_ms(),
    };
    let leader = leader(call, call.options.required("a")?)?;
    let (reply, body) = call.remote.call(&leader, &request, b"")?;
    let number = |n: Option<i32>| n.map_or("null".to_owned(), |n| n.to_string());
    call.out.plain(&format!(
        "\n#ClusterName\t{cluster}\n#BrokerName\t{name}\n#BrokerMasterAddr\t{}\n#MasterEpoch\t{}\
         \n#SyncStateSetEpoch\t{}\n",
        reply.master_address.as_deref().unwrap_or("null"),
        number(reply.master_epoch),
        number(reply.sync_state_set_epoch),
    ));
    call.out.member("masterAddress", reply.master_address);
    call.out.member("masterEpoch", reply.master_epoch);
    if body.is_empty() {
        return Ok(());
    }
    let elected: ElectMasterResponseBody = fastjson::read(&body)?;
    for (id, address) in elected.broker_member_group.iter().flat_map(|g| &g.broker_addrs.0) {
        call.out.plain(&format!("\t#Broker\t{id}\t{address}\n"));
    }
    call.out.member("members", value(&elected.broker_member_group));
    Ok(())
}

/// cleanBrokerMetadata
pub fn clean(call: &mut Call) -> Result<(), Error> {
    let name = call.options.required("bn")?.to_owned();
    let cluster_name = call.options.get("c").map(str::to_owned);
    let ids = call.options.get("b").map(str::to_owned);
    let is_number = |id: &str| id.trim().parse::<i64>().is_ok();
    if ids.as_ref().is_some_and(|ids| !ids.split(';').all(is_number)) {
        return Err(Error::failed(
            "please set the option <brokerControllerIdsToClean> according to the format",
        ));
    }
    let is_clean_living_broker = call.options.has("l");
    if !is_clean_living_broker && cluster_name.is_none() {
        return Err(Error::failed(
            "cleanLivingBroker option is false, clusterName option can not be empty.",
        ));
    }
    let request = CleanBrokerData {
        cluster_name,
        broker_name: name.clone(),
        broker_controller_ids_to_clean: ids,
        is_clean_living_broker,
        invoke_time: base::clock::wall_ms(),
    };
    let leader = leader(call, call.options.required("a")?)?;
    call.remote.call(&leader, &request, b"")?;
    call.out.line(&format!("clear broker {name} metadata from controller success! "));
    Ok(())
}
