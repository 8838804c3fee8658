//! Settings of brokers: looking at them, changing one.

use protocol::request::config::{GetBrokerConfig, SetCommitLogReadMode, UpdateBrokerConfig};

use crate::call::Call;
use crate::command::namesrv::settings::{SETTING, setting, settings};
use crate::error::Error;
use crate::remote::{NO_CLUSTER, NO_MASTER};

/// Calls `each` with a title and an address, for `-b` or for masters and slaves of `-c`.
///
/// # Errors
/// What `each` says, or no name server answers.
pub fn each_broker(
    call: &mut Call,
    each: impl Fn(&mut Call, &str, &str) -> Result<(), Error>,
) -> Result<(), Error> {
    if let Some(address) = call.options.get("b").map(str::to_owned) {
        return each(call, &format!("============{address}============"), &address);
    }
    let Some(cluster) = call.options.get("c").map(str::to_owned) else { return Ok(()) };
    let Some(members) = call.remote.members(&cluster)? else {
        call.out.text(&format!("[error] {NO_CLUSTER}"));
        return Ok(());
    };
    for (master, slaves) in members {
        let title = format!("============Master: {master}============");
        match master == NO_MASTER {
            true => call.out.plain(&format!("{title}\n")),
            false => each(call, &title, &master)?,
        }
        for slave in slaves {
            let title = format!("============My Master: {master}=====Slave: {slave}============");
            each(call, &title, &slave)?;
        }
    }
    Ok(())
}

/// getBrokerConfig
pub fn get(call: &mut Call) -> Result<(), Error> {
    each_broker(call, |call, title, address| {
        call.out.plain(&format!("{title}\n"));
        let (_, body) = call.remote.call(address, &GetBrokerConfig {}, b"")?;
        call.out.pairs(&format!("brokers/{address}"), SETTING, &settings(&body));
        call.out.plain("\n");
        Ok(())
    })
}

/// updateBrokerConfig
pub fn update(call: &mut Call) -> Result<(), Error> {
    let text = setting(call.options.required("k")?, call.options.required("v")?);
    let is_one = call.options.has("b");
    let addresses = match call.options.has("a") {
        true => call.chosen_brokers()?,
        false => call.chosen_masters()?,
    };
    let Some(addresses) = addresses else {
        call.print_usage();
        return Ok(());
    };
    for address in addresses {
        match call.remote.call(&address, &UpdateBrokerConfig {}, text.as_bytes()) {
            Ok(_) => call.out.line(&format!("update broker config success, {address}")),
            Err(e) if is_one => return Err(e),
            Err(e) => call.report(&address, &e),
        }
    }
    Ok(())
}

/// setCommitLogReadAheadMode
pub fn set_read_ahead(call: &mut Call) -> Result<(), Error> {
    let mode = call.options.required("m")?;
    let Some(mode) = mode.parse::<i32>().ok().filter(|mode| (0..=1).contains(mode)) else {
        call.out.line("set the read mode error; 0 is default, 1 random read");
        return Ok(());
    };
    each_broker(call, |call, title, address| {
        call.out.plain(&format!(" {title}\n"));
        let request = SetCommitLogReadMode { read_ahead_mode: Some(mode) };
        call.remote.call(address, &request, b"")?;
        call.out.line("commitLog set readAhead mode rstStrset commitlog readahead mode success");
        Ok(())
    })
}
