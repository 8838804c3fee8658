//! Consumer groups: create, change, delete, list, and how far they are.

use std::collections::BTreeSet;

use model::names;
use protocol::body::group::{SubscriptionGroupConfig, SubscriptionGroupList};
use protocol::body::stats::{ConsumeStats, OffsetWrapper};
use protocol::code::response_code;
use protocol::fastjson;
use protocol::request::group::{
    DeleteSubscriptionGroup, GetAllSubscriptionGroupConfig, GetAllSubscriptionGroupConfigReply,
    GetSubscriptionGroupConfig, UpdateAndCreateSubscriptionGroup,
    UpdateAndCreateSubscriptionGroupList,
};
use protocol::request::stats::GetConsumeStats;
use remoting::{Answer, Call, Exchange, Refusal, Reply};
use store::{Missing, StoreError};

use crate::broker::Broker;
use crate::cold::NoAnswer;
use crate::handler::offset::queue_of;
use crate::handler::topic::message_queue;
use crate::meters::Kind;
use crate::saved::StateFile;
use crate::{persist, reply};

fn put(
    broker: &mut Broker,
    exchange: &Exchange<'_>,
    mut group: SubscriptionGroupConfig,
) -> Result<(), Refusal> {
    names::check_group(&group.group_name)
        .map_err(|remark| Refusal::new(response_code::INVALID_PARAMETER, remark))?;
    // Java knows no attribute of groups yet; what a saved file has stays.
    if let Some(key) = group.attributes.keys().next() {
        let remark = format!("unsupported key: {}", key.trim_start_matches(['+', '-']));
        return Err(Refusal::new(response_code::SYSTEM_ERROR, remark));
    }
    if let Some(known) = broker.groups.get(&group.group_name) {
        group.attributes = known.attributes.clone();
    }
    if broker.groups.get(&group.group_name) != Some(&group) {
        tracing::info!(group = group.group_name, "consumer group created or changed");
        broker.groups.put(group, exchange.now_ms);
    }
    Ok(())
}

/// Serves 200; answered when the group is on disk.
pub fn create(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
    _: UpdateAndCreateSubscriptionGroup,
) -> Result<(), Refusal> {
    let group: SubscriptionGroupConfig =
        fastjson::read(call.frame.body).map_err(|e| reply::bad_body(&e))?;
    put(broker, exchange, group)?;
    broker.reply_when_saved(StateFile::Groups, call.reply_handle());
    Ok(())
}

/// Serves 225; answered when the groups are on disk.
pub fn create_list(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
    _: UpdateAndCreateSubscriptionGroupList,
) -> Result<(), Refusal> {
    let list: SubscriptionGroupList =
        fastjson::read(call.frame.body).map_err(|e| reply::bad_body(&e))?;
    for group in list.group_config_list {
        put(broker, exchange, group)?;
    }
    broker.reply_when_saved(StateFile::Groups, call.reply_handle());
    Ok(())
}

/// Serves 207; answered when the change is on disk.
pub fn delete(
    broker: &mut Broker,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
    request: DeleteSubscriptionGroup,
) -> Result<(), Refusal> {
    tracing::info!(group = request.group_name, "consumer group deleted");
    broker.groups.remove(&request.group_name, exchange.now_ms);
    if request.clean_offset || request.remove_offset == Some(true) {
        broker.offsets.remove_group(&request.group_name);
    }
    broker.reply_when_saved(StateFile::Groups, call.reply_handle());
    Ok(())
}

/// Serves 201.
pub fn all(
    broker: &mut Broker,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    _: GetAllSubscriptionGroupConfig,
) -> Answer<GetAllSubscriptionGroupConfig> {
    let body = persist::groups_body(&broker.groups);
    let count = body.subscription_group_table.len() as i32;
    let header = GetAllSubscriptionGroupConfigReply { total_group_num: Some(count) };
    Ok(Reply::with_body(header, fastjson::write(&body)))
}

/// Serves 352.
pub fn get(
    broker: &mut Broker,
    _: &mut Exchange<'_>,
    _: &Call<'_>,
    request: GetSubscriptionGroupConfig,
) -> Answer<GetSubscriptionGroupConfig> {
    let Some(group) = broker.groups.get(&request.group) else {
        let remark = format!("No group in this broker. group: {}", request.group);
        return Err(Refusal::new(response_code::SUBSCRIPTION_GROUP_NOT_EXIST, remark));
    };
    Ok(Reply::body(fastjson::write(group)))
}

/// Serves 208.
pub fn consume_stats(
    broker: &mut Broker,
    _: &Exchange<'_>,
    request: &GetConsumeStats,
) -> Result<Reply<GetConsumeStats>, NoAnswer> {
    let group = &request.consumer_group;
    let mut body = ConsumeStats::default();
    let mut missing = Missing::default();
    for topic in stats_topics(broker, request) {
        let Some(count) = broker.topics.get(&topic).map(|t| t.read_queue_count) else { continue };
        body.consume_tps += broker.meters.rate(Kind::GroupGet, &topic, group);
        for queue_id in 0..count {
            let offsets = queue_progress(broker, group, &topic, queue_id);
            let Some(offsets) = missing.part(offsets)? else { continue };
            body.offset_table.0.push((message_queue(broker, &topic, queue_id), offsets));
        }
    }
    missing.end()?;
    Ok(Reply::body(fastjson::write(&body)))
}

/// The topics asked for, else those the group consumes or has consumed.
fn stats_topics(broker: &Broker, request: &GetConsumeStats) -> BTreeSet<String> {
    if let Some(list) = request.topic_list.as_deref().filter(|list| !list.is_empty()) {
        return list.split(';').filter(|t| !t.is_empty()).map(str::to_owned).collect();
    }
    if let Some(topic) = request.topic.as_deref().filter(|topic| !topic.is_empty()) {
        return BTreeSet::from([topic.to_owned()]);
    }
    broker.offsets.topics_of(&request.consumer_group).map(str::to_owned).collect()
}

/// Where a queue ends, and how far a group has come in it.
///
/// # Errors
/// The disk failed.
pub fn queue_progress(
    broker: &mut Broker,
    group: &str,
    topic: &str,
    queue_id: i32,
) -> Result<OffsetWrapper, StoreError> {
    let consumed = broker.offsets.get(group, topic, queue_id).unwrap_or(0);
    let Some(queue) = queue_of(broker, topic, queue_id) else {
        return Ok(OffsetWrapper {
            consumer_offset: consumed,
            pull_offset: consumed,
            ..OffsetWrapper::default()
        });
    };
    let store = &mut broker.store;
    let end = store.max_offset(queue)?;
    let last = if consumed > 0 { store.store_time_at(queue, consumed - 1)?.max(0) } else { 0 };
    Ok(OffsetWrapper {
        broker_offset: end,
        consumer_offset: consumed,
        last_timestamp: last,
        pull_offset: consumed,
    })
}
