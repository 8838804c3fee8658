//! Which request goes to which handler: everything this broker serves. What stands in no row is
//! refused with code 3, and shows as "not yet" in `docs/generated/requests.md`.

use protocol::request::auth::{
    DeleteAclConfig, GetBrokerClusterAclConfig, GetBrokerClusterAclInfo, UpdateAndCreateAclConfig,
    UpdateGlobalWhiteAddrsConfig,
};
use protocol::request::client::{
    CheckClientConfig, GetAllProducerInfo, GetConsumerConnectionList, GetConsumerListByGroup,
    GetConsumerRunningInfo, GetProducerConnectionList, Heartbeat, LockBatchMq, UnlockBatchMq,
    UnregisterClient,
};
use protocol::request::config::{GetBrokerConfig, GetColdDataFlowCtrInfo, UpdateBrokerConfig};
use protocol::request::group::{
    DeleteSubscriptionGroup, GetAllSubscriptionGroupConfig, GetSubscriptionGroupConfig,
    QuerySubscriptionByConsumer, UpdateAndCreateSubscriptionGroup,
    UpdateAndCreateSubscriptionGroupList,
};
use protocol::request::member::{
    GetBrokerEpochCache, GetBrokerHaStatus, GetTimerCheckPoint, ResetMasterFlushOffset,
};
use protocol::request::message::{
    ConsumeMessageDirectly, QueryConsumeQueue, QueryMessage, ResumeCheckHalfMessage,
    ViewMessageById,
};
use protocol::request::offset::{
    CloneGroupOffset, GetAllConsumerOffset, GetAllDelayOffset, GetEarliestMsgStoreTime,
    GetMaxOffset, GetMinOffset, InvokeBrokerToGetConsumerStatus, InvokeBrokerToResetOffset,
    QueryConsumerOffset, QueryCorrectionOffset, SearchOffsetByTimestamp, UpdateConsumerOffset,
};
use protocol::request::pop::{
    AckMessage, BatchAckMessage, ChangeMessageInvisibleTime, GetAllMessageRequestMode,
    Notification, PeekMessage, PollingInfo, PopMessage, PopRollback, QueryAssignment,
    SetMessageRequestMode,
};
use protocol::request::pull::{LitePullMessage, PullMessage};
use protocol::request::send::{
    ConsumerSendMsgBack, RecallMessage, SendBatchMessage, SendMessage, SendMessageV2,
    SendReplyMessage, SendReplyMessageV2,
};
use protocol::request::stats::{
    GetBrokerConsumeStats, GetBrokerRuntimeInfo, GetConsumeStats, GetTimerMetrics,
    QueryConsumeTimeSpan, ViewBrokerStatsData,
};
use protocol::request::topic::{
    CleanExpiredConsumeQueue, CleanUnusedTopic, DeleteExpiredCommitLog, DeleteTopicInBroker,
    GetAllTopicConfig, GetSystemTopicListFromBroker, GetTopicConfig, GetTopicStatsInfo,
    QueryTopicConsumeByWho, QueryTopicsByConsumer, UpdateAndCreateTopic, UpdateAndCreateTopicList,
};
use protocol::request::transaction::EndTransaction;
use remoting::Route;

use crate::broker::Broker;
use crate::handler::{
    acl, alone, assignment, clean, client, consumer, group, lock, offset, pop, pop_ack, pull,
    query, reply_message, reset, send, send_back, server, timer, topic, transaction,
};

/// The table.
pub fn routes() -> Vec<Route<Broker>> {
    let mut rows = message_routes();
    rows.extend(other_routes());
    rows.extend(own_routes());
    rows
}

/// What moves messages.
fn message_routes() -> Vec<Route<Broker>> {
    remoting::routes! { Broker;
        raw SendMessage => send::send,
        raw SendMessageV2 => send::send,
        raw SendBatchMessage => send::send,
        later ConsumerSendMsgBack => send_back::send_back,
        raw RecallMessage => timer::recall_message,
        later EndTransaction => transaction::end,
        later ResumeCheckHalfMessage => transaction::resume_check,
        raw SendReplyMessage => reply_message::send_reply,
        raw SendReplyMessageV2 => reply_message::send_reply,
        raw PullMessage => pull::pull,
        raw LitePullMessage => pull::pull,

        later PopMessage => pop::pop,
        later AckMessage => pop_ack::ack,
        later BatchAckMessage => pop_ack::batch_ack,
        later ChangeMessageInvisibleTime => pop_ack::change_invisible_time,
        later Notification => pop::notification,
        later PeekMessage => pop::peek,
        plain PopRollback => pop::roll_back,
        plain PollingInfo => pop::polling_info,
        later QueryAssignment => assignment::query,
        later SetMessageRequestMode => assignment::set_mode,
        plain GetAllMessageRequestMode => assignment::all_modes,
    }
}

/// What knows about messages, and who reads them.
fn other_routes() -> Vec<Route<Broker>> {
    remoting::routes! { Broker;
        asked QueryConsumerOffset => offset::query_consumer_offset,
        plain UpdateConsumerOffset => offset::update_consumer_offset,
        asked SearchOffsetByTimestamp => offset::search_offset,
        asked GetMaxOffset => offset::max_offset,
        asked GetMinOffset => offset::min_offset,
        asked GetEarliestMsgStoreTime => offset::earliest_store_time,
        plain GetAllConsumerOffset => consumer::all_offsets,
        asked QueryCorrectionOffset => consumer::correction_offsets,
        plain GetAllDelayOffset => offset::all_delay_offsets,
        plain GetTimerCheckPoint => timer::check_point,
        plain GetTimerMetrics => timer::metrics,
        asked InvokeBrokerToResetOffset => reset::reset,
        plain CloneGroupOffset => reset::clone_group,

        asked ViewMessageById => query::view_message,
        asked QueryConsumeQueue => consumer::consume_queue,
        asked QueryMessage => query::query_message,

        plain Heartbeat => client::heartbeat,
        plain UnregisterClient => client::unregister,
        plain CheckClientConfig => client::check_config,
        plain GetConsumerListByGroup => client::consumer_list,
        plain GetConsumerConnectionList => client::consumer_connections,
        plain GetProducerConnectionList => client::producer_connections,
        plain GetAllProducerInfo => client::all_producers,
        later InvokeBrokerToGetConsumerStatus => consumer::status,
        later ConsumeMessageDirectly => consumer::consume_directly,
        asked QueryConsumeTimeSpan => consumer::time_span,
        asked GetBrokerConsumeStats => consumer::broker_stats,
        plain QuerySubscriptionByConsumer => consumer::subscription,
        later GetConsumerRunningInfo => client::running_info,
        later LockBatchMq => lock::lock,
        plain UnlockBatchMq => lock::unlock,

        later UpdateAndCreateTopic => topic::create,
        later UpdateAndCreateTopicList => topic::create_list,
        later DeleteTopicInBroker => topic::delete,
        plain CleanExpiredConsumeQueue => clean::expired_queues,
        plain CleanUnusedTopic => clean::unused_topics,
        plain DeleteExpiredCommitLog => clean::expired_log,
        plain GetAllTopicConfig => topic::all,
        plain GetTopicConfig => topic::get,
        asked GetTopicStatsInfo => topic::stats,
        plain GetSystemTopicListFromBroker => topic::system_list,
        plain QueryTopicConsumeByWho => topic::consumed_by,
        plain QueryTopicsByConsumer => topic::of_group,

        later UpdateAndCreateSubscriptionGroup => group::create,
        later UpdateAndCreateSubscriptionGroupList => group::create_list,
        later DeleteSubscriptionGroup => group::delete,
        plain GetAllSubscriptionGroupConfig => group::all,
        plain GetSubscriptionGroupConfig => group::get,
        asked GetConsumeStats => group::consume_stats,
    }
}

/// What is about the broker itself.
fn own_routes() -> Vec<Route<Broker>> {
    remoting::routes! { Broker;
        plain ViewBrokerStatsData => server::view_stats,
        asked GetBrokerRuntimeInfo => server::runtime_info,
        later UpdateAndCreateAclConfig => acl::put_account,
        later DeleteAclConfig => acl::delete_account,
        later UpdateGlobalWhiteAddrsConfig => acl::set_white_addresses,
        plain GetBrokerClusterAclInfo => acl::versions,
        plain GetBrokerClusterAclConfig => acl::all,

        plain GetBrokerHaStatus => alone::replication,
        plain ResetMasterFlushOffset => alone::reset_flushed,
        plain GetBrokerEpochCache => alone::epochs,
        plain GetColdDataFlowCtrInfo => alone::cold_reads,

        plain GetBrokerConfig => server::get_config,
        plain UpdateBrokerConfig => server::update_config,
    }
}
