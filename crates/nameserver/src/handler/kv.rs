//! The key-value table by request (B41, D39, D40; the order configuration of D08 is a namespace).

use protocol::body::KvTable as KvBody;
use protocol::code::response_code;
use protocol::fastjson;
use protocol::request::name_server::{
    DeleteKvConfig, GetKvConfig, GetKvConfigReply, GetKvListByNamespace, PutKvConfig,
};
use remoting::{Answer, Call, Exchange, Refusal, Reply};

use super::system_error;
use crate::NameServer;
use crate::kv_table::ORDER_TOPIC_CONFIG;

pub(crate) fn put(
    server: &mut NameServer,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    request: PutKvConfig,
) -> Answer<PutKvConfig> {
    let PutKvConfig { namespace, key, value } = request;
    let changed = server.kv.put(&namespace, &key, &value);
    if changed.map_err(|e| system_error(e.to_string()))? {
        tracing::info!(namespace, key, value, "key-value table changed");
        forget_routes(server, &namespace);
    }
    Ok(Reply::done())
}

pub(crate) fn get(
    server: &mut NameServer,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    request: GetKvConfig,
) -> Answer<GetKvConfig> {
    let GetKvConfig { namespace, key } = request;
    match server.kv.get(&namespace, &key) {
        Some(value) => Ok(Reply::header(GetKvConfigReply { value: Some(value.to_owned()) })),
        None => Err(not_found(format!("No config item, Namespace: {namespace} Key: {key}"))),
    }
}

pub(crate) fn delete(
    server: &mut NameServer,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    request: DeleteKvConfig,
) -> Answer<DeleteKvConfig> {
    let DeleteKvConfig { namespace, key } = request;
    if server.kv.delete(&namespace, &key).map_err(|e| system_error(e.to_string()))? {
        tracing::info!(namespace, key, "removed from the key-value table");
        forget_routes(server, &namespace);
    }
    Ok(Reply::done())
}

pub(crate) fn list(
    server: &mut NameServer,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    request: GetKvListByNamespace,
) -> Answer<GetKvListByNamespace> {
    let namespace = request.namespace;
    match namespace_body(server, &namespace) {
        Some(body) => Ok(Reply::body(body)),
        None => Err(not_found(format!("No config item, Namespace: {namespace}"))),
    }
}

/// All pairs of a namespace as JSON.
pub(crate) fn namespace_body(server: &NameServer, namespace: &str) -> Option<Vec<u8>> {
    let pairs = server.kv.namespace(namespace)?;
    Some(fastjson::write(&KvBody { table: pairs.clone() }))
}

/// Routes may carry the order configuration.
fn forget_routes(server: &mut NameServer, namespace: &str) {
    if namespace == ORDER_TOPIC_CONFIG {
        server.table.forget_forms();
    }
}

fn not_found(remark: String) -> Refusal {
    Refusal::new(response_code::QUERY_NOT_FOUND, remark)
}
