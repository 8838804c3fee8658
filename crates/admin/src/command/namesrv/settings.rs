//! Settings and the key-value table of name servers.

use base::properties;
use protocol::request::config::{GetNamesrvConfig, UpdateNamesrvConfig};
use protocol::request::name_server::{DeleteKvConfig, PutKvConfig};

use crate::call::Call;
use crate::error::Error;

/// Java's form of one setting.
pub const SETTING: &str = "%-50s=  %s%n";

/// Properties text as pairs, in the order in which Java's `Properties` prints them.
pub fn settings(body: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(body);
    properties::parse(&text).into_iter().map(|p| (p.key, p.value)).collect()
}

/// One setting as properties text.
pub fn setting(key: &str, value: &str) -> String {
    let mut text = String::new();
    properties::write(&mut text, key, value);
    text.push('\n');
    text
}

/// getNamesrvConfig
pub fn get(call: &mut Call) -> Result<(), Error> {
    for address in call.remote.name_servers()? {
        let (_, body) = call.remote.call(&address, &GetNamesrvConfig {}, b"")?;
        call.out.plain(&format!("============{address}============\n"));
        call.out.pairs(&format!("nameServers/{address}"), SETTING, &settings(&body));
    }
    Ok(())
}

/// updateNamesrvConfig
pub fn update(call: &mut Call) -> Result<(), Error> {
    let key = call.options.required("k")?.to_owned();
    let value = call.options.required("v")?.to_owned();
    let text = setting(&key, &value);
    let servers = call.remote.name_servers()?;
    for address in &servers {
        call.remote.call(address, &UpdateNamesrvConfig {}, text.as_bytes())?;
    }
    // Java names them only when the option does.
    let named = match call.options.has("n") {
        true => format!("[{}]", servers.join(", ")),
        false => String::new(),
    };
    call.out.line(&format!("update name server config success!{named}"));
    call.out.line(&format!("{key} : {value}"));
    Ok(())
}

/// updateKvConfig
pub fn put(call: &mut Call) -> Result<(), Error> {
    let option = |name| call.options.required(name).map(str::to_owned);
    let request = PutKvConfig { namespace: option("s")?, key: option("k")?, value: option("v")? };
    call.remote.tell_name_servers(&request)?;
    call.out.line("create or update kv config to namespace success.");
    Ok(())
}

/// deleteKvConfig
pub fn delete(call: &mut Call) -> Result<(), Error> {
    let option = |name| call.options.required(name).map(str::to_owned);
    let request = DeleteKvConfig { namespace: option("s")?, key: option("k")? };
    call.remote.tell_name_servers(&request)?;
    call.out.line("delete kv config from namespace success.");
    Ok(())
}
