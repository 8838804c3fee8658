//! Brokers come, stay and go; topics that they announce one at a time.

use model::topic::DataVersion;
use protocol::body::register::{RegisterBrokerBody, body_crc32};
use protocol::body::route::TopicRouteData;
use protocol::body::topic::{DataVersion as VersionBody, TopicConfig, TopicConfigSerializeWrapper};
use protocol::fastjson;
use protocol::request::member::BrokerHeartbeat;
use protocol::request::name_server::{
    DeleteTopicInNamesrv, QueryDataVersion, QueryDataVersionReply, RegisterBroker,
    RegisterBrokerReply, RegisterTopicInNamesrv, UnregisterBroker,
};
use protocol::version::V3_0_11;
use remoting::{Answer, Call, Exchange, Refusal, Reply};

use super::{kv, system_error};
use crate::NameServer;
use crate::kv_table::ORDER_TOPIC_CONFIG;
use crate::route_table::{BrokerKey, Queues, Registered, Registration};

/// Field that names the zone of a broker, or of a client.
pub(super) const ZONE_NAME: &str = "__ZONE_NAME";

/// First byte of a zlib stream, never of JSON.
const ZLIB: u8 = 0x78;

pub(crate) fn register_broker(
    server: &mut NameServer,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
    request: RegisterBroker,
) -> Answer<RegisterBroker> {
    let body = call.frame.body;
    if request.body_crc32 != 0 && request.body_crc32 != body_crc32(body) {
        tracing::warn!(broker = request.broker_addr, "registration with a wrong checksum");
        return Err(system_error("crc32 not match"));
    }
    let read = read_body(body, request.compressed, call.frame.version)?;
    let delete_missing = server.settings.config.delete_topic_with_registration;
    let registration = Registration {
        zone_name: call.frame.fields.text(ZONE_NAME).map(str::to_owned),
        delete_missing,
        connection: Some(call.connection),
        ..registration(request, read)
    };
    match server.table.register(registration, exchange.now_ns) {
        Registered::NotRegistered => Err(system_error("register broker failed")),
        Registered::Superseded => Ok(answer(server, RegisterBrokerReply::default())),
        Registered::Done { master, change } => {
            server.tell(change);
            let reply = master.map_or_else(RegisterBrokerReply::default, |m| RegisterBrokerReply {
                ha_server_addr: Some(m.ha_address),
                master_addr: Some(m.address),
            });
            Ok(answer(server, reply))
        }
    }
}

/// Brokers before 3.0.11 send their topics alone.
fn read_body(body: &[u8], compressed: bool, version: i32) -> Result<RegisterBrokerBody, Refusal> {
    if body.is_empty() {
        return Ok(RegisterBrokerBody::default());
    }
    let bad = |e| system_error(format!("Failed to decode RegisterBrokerBody: {e}"));
    if version >= V3_0_11 {
        // Java's brokers say `compressed=false` of bodies that are (`compressedRegister`).
        let compressed = compressed || body.first() == Some(&ZLIB);
        return RegisterBrokerBody::decode(body, compressed, version).map_err(bad);
    }
    let topics: TopicConfigSerializeWrapper = fastjson::read(body).map_err(bad)?;
    Ok(RegisterBrokerBody { topic_config_wrapper: topics, ..RegisterBrokerBody::default() })
}

fn registration(request: RegisterBroker, body: RegisterBrokerBody) -> Registration {
    let wrapper = body.topic_config_wrapper;
    let queues = |(name, topic): (String, TopicConfig)| {
        let queues = Queues {
            read: topic.read_queue_nums,
            write: topic.write_queue_nums,
            permission: topic.perm,
            sys_flag: topic.topic_sys_flag,
        };
        (if topic.topic_name.is_empty() { name } else { topic.topic_name }, queues)
    };
    let mappings = wrapper.topic_queue_mapping_info_map.unwrap_or_default();
    Registration {
        broker: BrokerKey { cluster: request.cluster_name, address: request.broker_addr },
        broker_name: request.broker_name,
        broker_id: request.broker_id,
        ha_address: request.ha_server_addr.unwrap_or_default(),
        zone_name: None,
        timeout_ms: request.heartbeat_timeout_ms,
        enable_acting_master: request.enable_acting_master,
        data_version: version(&wrapper.data_version),
        topics: wrapper.topic_config_table.into_iter().map(queues).collect(),
        delete_missing: false,
        mappings: mappings.into_values().collect(),
        filter_servers: Some(body.filter_server_list),
        connection: None,
    }
}

fn answer(server: &NameServer, reply: RegisterBrokerReply) -> Reply<RegisterBroker> {
    let wanted = server.settings.config.return_order_config;
    let body = wanted.then(|| kv::namespace_body(server, ORDER_TOPIC_CONFIG)).flatten();
    Reply::with_body(reply, body.unwrap_or_default())
}

fn version(body: &VersionBody) -> DataVersion {
    DataVersion {
        state_version: body.state_version,
        timestamp: body.timestamp,
        counter: body.counter,
    }
}

pub(crate) fn unregister_broker(
    server: &mut NameServer,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    request: UnregisterBroker,
) -> Answer<UnregisterBroker> {
    let broker = BrokerKey { cluster: request.cluster_name, address: request.broker_addr };
    let change = server.table.unregister(&broker, &request.broker_name, request.broker_id);
    server.tell(change);
    Ok(Reply::done())
}

pub(crate) fn query_data_version(
    server: &mut NameServer,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
    request: QueryDataVersion,
) -> Answer<QueryDataVersion> {
    let asked = match call.frame.body {
        [] => None,
        body => {
            let read = fastjson::read::<VersionBody>(body);
            Some(read.map_err(|e| system_error(format!("the data version: {e}")))?)
        }
    };
    let broker = BrokerKey { cluster: request.cluster_name, address: request.broker_addr };
    let known = server.table.data_version(&broker);
    server.table.touch(&broker, exchange.now_ns);
    let changed = known.is_none() || known != asked.as_ref().map(version);
    let body = known.map(|known| {
        fastjson::write(&VersionBody {
            counter: known.counter,
            state_version: known.state_version,
            timestamp: known.timestamp,
        })
    });
    let reply = QueryDataVersionReply { changed: Some(changed) };
    Ok(Reply::with_body(reply, body.unwrap_or_default()))
}

pub(crate) fn heartbeat(
    server: &mut NameServer,
    exchange: &mut Exchange<'_>,
    _: &Call<'_>,
    request: BrokerHeartbeat,
) -> Answer<BrokerHeartbeat> {
    let broker = BrokerKey { cluster: request.cluster_name, address: request.broker_addr };
    server.table.touch(&broker, exchange.now_ns);
    Ok(Reply::done())
}

pub(crate) fn register_topic(
    server: &mut NameServer,
    _: &mut Exchange<'_>,
    call: &Call<'_>,
    request: RegisterTopicInNamesrv,
) -> Answer<RegisterTopicInNamesrv> {
    let route: TopicRouteData = match call.frame.body {
        [] => TopicRouteData::default(),
        body => fastjson::read(body).map_err(|e| system_error(format!("the route: {e}")))?,
    };
    let queues: Vec<(String, Queues)> = route
        .queue_datas
        .into_iter()
        .map(|queues| {
            let read = Queues {
                read: queues.read_queue_nums,
                write: queues.write_queue_nums,
                permission: queues.perm,
                sys_flag: queues.topic_sys_flag,
            };
            (queues.broker_name, read)
        })
        .collect();
    // The answer is the same when a broker is unknown: it will register the topic with the others.
    server.table.register_topic(&request.topic, &queues);
    Ok(Reply::done())
}

pub(crate) fn delete_topic(
    server: &mut NameServer,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    request: DeleteTopicInNamesrv,
) -> Answer<DeleteTopicInNamesrv> {
    match request.cluster_name.as_deref() {
        None | Some("") => server.table.delete_topic(&request.topic),
        Some(cluster) => server.table.delete_topic_of_cluster(&request.topic, cluster),
    }
    Ok(Reply::done())
}
