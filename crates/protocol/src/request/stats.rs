//! Counters and measurements.

use super::NoFields;

requests! {
    /// Asks for offsets and lag of a group.
    GET_CONSUME_STATS GetConsumeStats {
        consumer_group "consumerGroup": String,
        topic "topic": Option<String>,
        topic_list "topicList": Option<String>,
    } -> NoFields;

    /// Asks for offsets and lag of all groups.
    GET_BROKER_CONSUME_STATS GetBrokerConsumeStats {
        is_order "isOrder": bool = false,
    } -> NoFields;

    /// Asks from when to when the messages of a topic's queues are, and how late a group is.
    QUERY_CONSUME_TIME_SPAN QueryConsumeTimeSpan {
        topic "topic": String,
        group "group": String,
    } -> NoFields;

    /// Asks for one of the broker's counters.
    VIEW_BROKER_STATS_DATA ViewBrokerStatsData {
        stats_name "statsName": String,
        stats_key "statsKey": String,
    } -> NoFields;

    /// Asks for the broker's state as a table of texts.
    GET_BROKER_RUNTIME_INFO GetBrokerRuntimeInfo {} -> NoFields;

    /// Asks for the number of timer messages per topic.
    GET_TIMER_METRICS GetTimerMetrics {} -> NoFields;
}
