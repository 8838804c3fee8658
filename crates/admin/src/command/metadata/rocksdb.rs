//! State that Java can keep in RocksDB.

use protocol::request::config::ExportRocksdbConfigToJson;

use crate::call::Call;
use crate::error::Error;

const TYPES: [&str; 3] = ["topics", "subscriptionGroups", "consumerOffsets"];

/// rocksDBConfigToJson
pub fn to_json(call: &mut Call) -> Result<(), Error> {
    let kind = call.options.get("t").map(str::to_owned);
    let known = |kind: &String| kind.split(';').all(|k| TYPES.contains(&k.trim()));
    if let Some(kind) = kind.as_ref().filter(|kind| !known(kind)) {
        call.out.line(&format!(
            "Invalid configType: {kind} please input topics/subscriptionGroups/consumerOffsets "
        ));
        return Ok(());
    }
    let addresses: Vec<String> = match (call.options.has("n"), call.options.get("b")) {
        (true, _) if !call.options.has("c") => {
            call.out.line("Use [rpc mode] call all brokers in cluster to export to json file ");
            call.out.line("rpc mode Invalid args, please input cluster");
            return Ok(());
        }
        (true, _) => {
            call.out.line("Use [rpc mode] call all brokers in cluster to export to json file ");
            let cluster = call.options.required("c")?.to_owned();
            call.masters(&cluster)?.into_iter().collect()
        }
        (false, Some(address)) => {
            let address = address.to_owned();
            call.out.line("Use [rpc mode] call broker to export to json file ");
            vec![address]
        }
        (false, None) if call.options.has("p") => {
            return Err(Error::Needs("RocksDB; state files here are JSON already"));
        }
        (false, None) => {
            call.out.line(call.command.summary);
            return Ok(());
        }
    };
    let request =
        ExportRocksdbConfigToJson { config_type: kind.unwrap_or_else(|| TYPES.join(";")) };
    for address in addresses {
        if let Err(e) = call.remote.call(&address, &request, b"") {
            call.out.text(&format!("{address} export error"));
            call.report(&address, &e);
        }
    }
    call.out.text("broker export done.");
    Ok(())
}
