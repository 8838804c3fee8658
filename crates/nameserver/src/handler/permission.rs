//! Whether clients send to a broker.

use protocol::request::name_server::{
    AddWritePermOfBroker, AddWritePermOfBrokerReply, WipeWritePermOfBroker,
    WipeWritePermOfBrokerReply,
};
use remoting::{Answer, Call, Exchange, Reply};

use crate::NameServer;
use crate::route_table::WritePermission;

pub(crate) fn wipe(
    server: &mut NameServer,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    request: WipeWritePermOfBroker,
) -> Answer<WipeWritePermOfBroker> {
    let broker = &request.broker_name;
    let count = server.table.change_write_permission(broker, WritePermission::Wipe);
    tracing::info!(broker, count, "write permission wiped");
    Ok(Reply::header(WipeWritePermOfBrokerReply { wipe_topic_count: count }))
}

pub(crate) fn add(
    server: &mut NameServer,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    request: AddWritePermOfBroker,
) -> Answer<AddWritePermOfBroker> {
    let broker = &request.broker_name;
    let count = server.table.change_write_permission(broker, WritePermission::Add);
    tracing::info!(broker, count, "write permission added");
    Ok(Reply::header(AddWritePermOfBrokerReply { add_topic_count: count }))
}
