//! Limits on how much old data groups may read.

use protocol::fastjson;
use protocol::request::config::{
    GetColdDataFlowCtrInfo, RemoveColdDataFlowCtrConfig, UpdateColdDataFlowCtrConfig,
};
use serde_json::Value;

use super::settings::each_broker;
use crate::call::Call;
use crate::command::namesrv::settings::setting;
use crate::error::Error;
use crate::pretty::pretty;
use crate::text;

/// getColdDataFlowCtrInfo
pub fn get(call: &mut Call) -> Result<(), Error> {
    each_broker(call, |call, title, address| {
        call.out.plain(&format!(" {title}\n"));
        let (_, body) = call.remote.call(address, &GetColdDataFlowCtrInfo {}, b"")?;
        let mut info: Value = fastjson::read(&body)?;
        if let Some(groups) = info.get_mut("runtimeTable").and_then(Value::as_object_mut) {
            groups.values_mut().for_each(with_readable_times);
        }
        if let Some(members) = info.as_object_mut() {
            // Java has read it into a map and prints it in that map's order.
            let old = std::mem::take(members);
            for key in text::in_hash_order(old.keys()) {
                members.insert(key.clone(), old[key].clone());
            }
        }
        let text = pretty(&info);
        call.out.fact(&text, &format!("brokers/{address}"), info);
        Ok(())
    })
}

fn with_readable_times(group: &mut Value) {
    let Some(group) = group.as_object_mut() else { return };
    let names = [
        ("lastColdReadTimeMills", "lastColdReadTimeFormat"),
        ("createTimeMills", "createTimeFormat"),
    ];
    for (name, readable) in names {
        if let Some(at) = group.remove(name).and_then(|at| at.as_i64()) {
            group.insert(readable.to_owned(), text::time(at).into());
        }
    }
}

/// updateColdDataFlowCtrGroupConfig
pub fn update(call: &mut Call) -> Result<(), Error> {
    let text = setting(call.options.required("g")?, call.options.required("v")?);
    change(call, "updateColdDataFlowCtrGroupConfig success", |call, address| {
        let request = UpdateColdDataFlowCtrConfig {};
        call.remote.call(address, &request, text.as_bytes()).map(|_| ())
    })
}

/// removeColdDataFlowCtrGroupConfig
pub fn remove(call: &mut Call) -> Result<(), Error> {
    let group = call.options.required("g")?.to_owned();
    change(call, "remove broker cold read threshold success", |call, address| {
        let request = RemoveColdDataFlowCtrConfig {};
        call.remote.call(address, &request, group.as_bytes()).map(|_| ())
    })
}

fn change(
    call: &mut Call,
    done: &str,
    ask: impl Fn(&Call, &str) -> Result<(), Error>,
) -> Result<(), Error> {
    let is_one = call.options.has("b");
    for address in call.chosen_masters()?.unwrap_or_default() {
        match ask(call, &address) {
            Ok(()) => call.out.line(&format!("{done}, {address}")),
            Err(e) if is_one => return Err(e),
            Err(e) => call.report(&address, &e),
        }
    }
    Ok(())
}
