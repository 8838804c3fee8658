//! Taking brokers out of the routes for sending, and back.

use protocol::request::name_server::{AddWritePermOfBroker, WipeWritePermOfBroker};

use crate::call::Call;
use crate::error::Error;

/// wipeWritePerm
pub fn wipe(call: &mut Call) -> Result<(), Error> {
    change(call, "wipe", |call, address, broker_name| {
        let request = WipeWritePermOfBroker { broker_name };
        Ok(call.remote.call(address, &request, b"")?.0.wipe_topic_count)
    })
}

/// addWritePerm
pub fn add(call: &mut Call) -> Result<(), Error> {
    change(call, "add", |call, address, broker_name| {
        let request = AddWritePermOfBroker { broker_name };
        Ok(call.remote.call(address, &request, b"")?.0.add_topic_count)
    })
}

fn change(
    call: &mut Call,
    what: &str,
    ask: impl Fn(&Call, &str, String) -> Result<i32, Error>,
) -> Result<(), Error> {
    let name = broker_name(call)?;
    for address in call.remote.name_servers()? {
        let of = format!("{what} write perm of broker[{name}] in name server[{address}]");
        match ask(call, &address, name.clone()) {
            Ok(topics) => {
                call.out.line(&format!("{of} OK, {topics}"));
                call.out.member(&format!("topics/{address}"), topics);
            }
            Err(e) => {
                call.out.line(&format!("{of} Failed"));
                call.report(&address, &e);
            }
        }
    }
    Ok(())
}

/// D17-b: the broker's name; its address is taken for it too.
fn broker_name(call: &Call) -> Result<String, Error> {
    let given = call.options.required("b")?;
    match given.contains(':') {
        true => call.remote.name_of(given),
        false => Ok(given.to_owned()),
    }
}
