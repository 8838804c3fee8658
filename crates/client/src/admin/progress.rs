//! Calls about what one broker holds and how far groups have come.

use protocol::body::group::GroupList;
use protocol::body::offset::{GetConsumerStatusBody, ResetOffsetBody};
use protocol::body::stats::{BrokerStatsData, ConsumeStats, ConsumeStatsList, TopicStatsTable};
use protocol::body::topic::TopicList;
use protocol::body::{KvTable, MessageQueue, QueueMap, StringMap};
use protocol::fastjson;
use protocol::request::name_server::GetAllTopicListFromNameserver;
use protocol::request::offset::{
    GetMaxOffset, GetMinOffset, InvokeBrokerToGetConsumerStatus, InvokeBrokerToResetOffset,
    SearchOffsetByTimestamp, UpdateConsumerOffset,
};
use protocol::request::stats::{
    GetBrokerConsumeStats, GetBrokerRuntimeInfo, GetConsumeStats, ViewBrokerStatsData,
};
use protocol::request::topic::{GetTopicStatsInfo, QueryTopicConsumeByWho};

use super::Admin;
use crate::error::Error;

impl Admin {
    /// All topics the name servers know, in their order.
    ///
    /// # Errors
    /// No name server answers.
    pub fn all_topics(&self) -> Result<Vec<String>, Error> {
        let (_, body) = self.cluster.ask_name_server(&GetAllTopicListFromNameserver {})?;
        Ok(fastjson::read::<TopicList>(&body)?.topic_list)
    }

    /// Offsets of a topic's queues on one broker.
    ///
    /// # Errors
    /// There is no such topic, or the broker does not answer.
    pub fn topic_stats_at(&self, address: &str, topic: &str) -> Result<TopicStatsTable, Error> {
        let request = GetTopicStatsInfo { topic: topic.to_owned() };
        let (_, body) = self.cluster.call(address, &request, b"")?;
        Ok(fastjson::read(&body)?)
    }

    /// Groups that consume a topic, by what one broker knows.
    ///
    /// # Errors
    /// As [`Admin::topic_stats_at`].
    pub fn groups_of(&self, address: &str, topic: &str) -> Result<Vec<String>, Error> {
        let request = QueryTopicConsumeByWho { topic: topic.to_owned() };
        let (_, body) = self.cluster.call(address, &request, b"")?;
        Ok(fastjson::read::<GroupList>(&body)?.group_list)
    }

    /// Offsets and lag of a group on one broker, of one topic or of all.
    ///
    /// # Errors
    /// There is no such group, or the broker does not answer.
    pub fn consume_stats_at(
        &self,
        address: &str,
        group: &str,
        topic: Option<&str>,
    ) -> Result<ConsumeStats, Error> {
        let request = GetConsumeStats {
            consumer_group: group.to_owned(),
            topic: topic.map(str::to_owned),
            topic_list: None,
        };
        let (_, body) = self.cluster.call(address, &request, b"")?;
        Ok(fastjson::read(&body)?)
    }

    /// One of a broker's counters.
    ///
    /// # Errors
    /// There is no such counter, or the broker does not answer.
    pub fn counter_at(
        &self,
        address: &str,
        name: &str,
        key: &str,
    ) -> Result<BrokerStatsData, Error> {
        let request =
            ViewBrokerStatsData { stats_name: name.to_owned(), stats_key: key.to_owned() };
        let (_, body) = self.cluster.call(address, &request, b"")?;
        Ok(fastjson::read(&body)?)
    }

    /// The offset of the first message stored at `timestamp` (ms) or later.
    ///
    /// # Errors
    /// The broker refuses or does not answer.
    pub fn search_offset_at(
        &self,
        address: &str,
        queue: &MessageQueue,
        timestamp: i64,
    ) -> Result<i64, Error> {
        let (topic, queue_id) = (queue.topic.clone(), queue.queue_id);
        let request = SearchOffsetByTimestamp { topic, queue_id, timestamp, boundary_type: None };
        Ok(self.cluster.call(address, &request, b"")?.0.offset)
    }

    /// As [`Admin::max_offset`], of the broker at `address`.
    ///
    /// # Errors
    /// The broker refuses or does not answer.
    pub fn max_offset_at(&self, address: &str, queue: &MessageQueue) -> Result<i64, Error> {
        let (topic, queue_id) = (queue.topic.clone(), queue.queue_id);
        let request = GetMaxOffset { topic, queue_id, committed: true };
        Ok(self.cluster.call(address, &request, b"")?.0.offset)
    }

    /// As [`Admin::min_offset`], of the broker at `address`.
    ///
    /// # Errors
    /// The broker refuses or does not answer.
    pub fn min_offset_at(&self, address: &str, queue: &MessageQueue) -> Result<i64, Error> {
        let (topic, queue_id) = (queue.topic.clone(), queue.queue_id);
        let request = GetMinOffset { topic, queue_id };
        Ok(self.cluster.call(address, &request, b"")?.0.offset)
    }

    /// What a broker says about itself, by key.
    ///
    /// # Errors
    /// The broker refuses or does not answer.
    pub fn runtime_info_at(&self, address: &str) -> Result<StringMap<String>, Error> {
        let (_, body) = self.cluster.call(address, &GetBrokerRuntimeInfo {}, b"")?;
        Ok(fastjson::read::<KvTable>(&body)?.table)
    }

    /// Offsets and lag of all groups on one broker.
    ///
    /// # Errors
    /// The broker refuses or does not answer.
    pub fn all_consume_stats_at(&self, address: &str) -> Result<ConsumeStatsList, Error> {
        let request = GetBrokerConsumeStats { is_order: false };
        let (_, body) = self.cluster.call(address, &request, b"")?;
        Ok(fastjson::read(&body)?)
    }

    /// Sets the offset a group has committed.
    ///
    /// # Errors
    /// The broker refuses or does not answer.
    pub fn commit_offset_at(
        &self,
        address: &str,
        group: &str,
        queue: &MessageQueue,
        offset: i64,
    ) -> Result<(), Error> {
        let request = UpdateConsumerOffset {
            consumer_group: group.to_owned(),
            topic: queue.topic.clone(),
            queue_id: queue.queue_id,
            commit_offset: offset,
        };
        self.cluster.call(address, &request, b"").map(|_| ())
    }

    /// Has a broker reset offsets, and tell the group's clients. The new offsets by queue.
    ///
    /// # Errors
    /// Nobody of the group is connected, or the broker does not answer.
    pub fn reset_offsets_at(
        &self,
        address: &str,
        request: &InvokeBrokerToResetOffset,
    ) -> Result<QueueMap<i64>, Error> {
        let (_, body) = self.cluster.call(address, request, b"")?;
        if body.is_empty() {
            return Ok(QueueMap::default());
        }
        Ok(fastjson::read::<ResetOffsetBody>(&body)?.offset_table)
    }

    /// The offsets that clients of a group say they have reached, of all or of `client_id`.
    ///
    /// # Errors
    /// As [`Admin::reset_offsets_at`].
    pub fn client_offsets_at(
        &self,
        address: &str,
        topic: &str,
        group: &str,
        client_id: &str,
    ) -> Result<StringMap<QueueMap<i64>>, Error> {
        let request = InvokeBrokerToGetConsumerStatus {
            topic: topic.to_owned(),
            group: group.to_owned(),
            client_addr: Some(client_id.to_owned()),
        };
        let (_, body) = self.cluster.call(address, &request, b"")?;
        Ok(fastjson::read::<GetConsumerStatusBody>(&body)?.consumer_table)
    }
}
