//! Brokers of a container.

use protocol::request::member::{AddBroker, RemoveBroker};

use crate::call::Call;
use crate::error::Error;

/// addBroker
pub fn add(call: &mut Call) -> Result<(), Error> {
    let container = call.options.required("c")?.to_owned();
    let config_path = Some(call.options.required("b")?.to_owned());
    call.remote.call(&container, &AddBroker { config_path }, b"")?;
    call.out.line(&format!("add broker to {container} success"));
    Ok(())
}

/// removeBroker
pub fn remove(call: &mut Call) -> Result<(), Error> {
    let container = call.options.required("c")?.to_owned();
    let identity = call.options.required("b")?;
    let parts: Vec<&str> = identity.split(':').map(str::trim).collect();
    let (&[cluster, name, id], Some(broker_id)) =
        (parts.as_slice(), parts.last().and_then(|id| id.parse::<i64>().ok()))
    else {
        let why = format!("-b \"{identity}\": write clusterName:brokerName:brokerId");
        return Err(Error::Usage(why));
    };
    if id.starts_with('-') {
        call.out.line("brokerId can't be negative");
        return Ok(());
    }
    let request = RemoveBroker {
        broker_cluster_name: cluster.to_owned(),
        broker_name: name.to_owned(),
        broker_id,
    };
    call.remote.call(&container, &request, b"")?;
    call.out.line(&format!("remove broker from {container} success"));
    Ok(())
}
