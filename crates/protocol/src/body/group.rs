//! Subscription groups of a broker.

use super::StringMap;
use super::heartbeat::SubscriptionData;
use super::topic::DataVersion;

names! {
    /// How long a message that failed waits.
    GroupRetryPolicyType {
        Exponential "EXPONENTIAL",
        Customized "CUSTOMIZED",
    }
}

body! {
    /// Waits that grow, in milliseconds.
    ExponentialRetryPolicy {
        initial "initial": i64 = 5_000,
        max "max": i64 = 7_200_000,
        multiplier "multiplier": i64 = 2,
    }

    /// Waits one by one, in milliseconds.
    CustomizedRetryPolicy {
        next "next": Vec<i64>,
    }

    /// How long messages of a group wait that failed.
    GroupRetryPolicy {
        customized_retry_policy "customizedRetryPolicy": Option<CustomizedRetryPolicy>,
        exponential_retry_policy "exponentialRetryPolicy": Option<ExponentialRetryPolicy>,
        kind "type": GroupRetryPolicyType = GroupRetryPolicyType::Customized,
    }

    /// A subscription the broker keeps while nobody is connected.
    SimpleSubscriptionData {
        expression "expression": Option<String>,
        expression_type "expressionType": Option<String>,
        topic "topic": Option<String>,
        version "version": i64,
    }

    /// One subscription group.
    SubscriptionGroupConfig {
        attributes "attributes": StringMap<String>,
        broker_id "brokerId": i64,
        consume_broadcast_enable "consumeBroadcastEnable": bool = true,
        consume_enable "consumeEnable": bool = true,
        consume_from_min_enable "consumeFromMinEnable": bool = true,
        consume_message_orderly "consumeMessageOrderly": bool,
        consume_timeout_minute "consumeTimeoutMinute": i32 = 15,
        group_name "groupName": String,
        group_retry_policy "groupRetryPolicy": GroupRetryPolicy,
        group_sys_flag "groupSysFlag": i32,
        notify_consumer_ids_changed_enable "notifyConsumerIdsChangedEnable": bool = true,
        retry_max_times "retryMaxTimes": i32 = 16,
        retry_queue_nums "retryQueueNums": i32 = 1,
        subscription_data_set "subscriptionDataSet": Option<Vec<SimpleSubscriptionData>>,
        which_broker_when_consume_slowly "whichBrokerWhenConsumeSlowly": i64 = 1,
    }

    /// All subscription groups of a broker. `forbidden_table` maps group to topic to bits, bit 2
    /// for reading.
    SubscriptionGroupWrapper {
        data_version "dataVersion": DataVersion,
        forbidden_table "forbiddenTable": StringMap<StringMap<i32>>,
        subscription_group_table "subscriptionGroupTable": StringMap<SubscriptionGroupConfig>,
    }

    /// Groups to make or change.
    SubscriptionGroupList {
        group_config_list "groupConfigList": Vec<SubscriptionGroupConfig>,
    }

    /// Names of groups.
    GroupList {
        group_list "groupList": Vec<String>,
    }

    /// A group's subscription to a topic.
    QuerySubscriptionResponseBody {
        group "group": Option<String>,
        subscription_data "subscriptionData": Option<SubscriptionData>,
        topic "topic": Option<String>,
    }

    /// Whether a group may read a topic.
    GroupForbidden {
        group "group": Option<String>,
        readable "readable": Option<bool>,
        topic "topic": Option<String>,
    }
}
