//! Subscription groups of a broker.

use super::NoFields;

requests! {
    /// Makes or changes a group, given in the body.
    UPDATE_AND_CREATE_SUBSCRIPTIONGROUP UpdateAndCreateSubscriptionGroup {} -> NoFields;

    /// Makes or changes the groups in the body.
    UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST UpdateAndCreateSubscriptionGroupList {} -> NoFields;

    /// Asks for all groups, or a slice of them.
    GET_ALL_SUBSCRIPTIONGROUP_CONFIG GetAllSubscriptionGroupConfig {
        group_seq "groupSeq": Option<i32>,
        data_version "dataVersion": Option<String>,
        max_group_num "maxGroupNum": Option<i32>,
    } -> GetAllSubscriptionGroupConfigReply {
        total_group_num "totalGroupNum": Option<i32>,
    };

    /// Asks for one group.
    GET_SUBSCRIPTIONGROUP_CONFIG GetSubscriptionGroupConfig {
        group "group": String,
    } -> NoFields;

    /// Deletes a group. 4.x tools call the offset flag `removeOffset`.
    DELETE_SUBSCRIPTIONGROUP DeleteSubscriptionGroup {
        group_name "groupName": String,
        clean_offset "cleanOffset": bool = false,
        remove_offset "removeOffset": Option<bool>,
    } -> NoFields;

    /// Deletes the groups in the body.
    DELETE_SUBSCRIPTION_GROUP_LIST DeleteSubscriptionGroupList {} -> NoFields;

    /// Asks for a group's subscription to a topic.
    QUERY_SUBSCRIPTION_BY_CONSUMER QuerySubscriptionByConsumer {
        group "group": String,
        topic "topic": Option<String>,
    } -> NoFields;

    /// Sets whether a group may read a topic, and asks for it.
    UPDATE_AND_GET_GROUP_FORBIDDEN UpdateAndGetGroupForbidden {
        group "group": String,
        topic "topic": String,
        readable "readable": Option<bool>,
    } -> NoFields;
}
