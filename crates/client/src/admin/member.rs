//! Calls about the producers and consumers that are connected to one broker.

use protocol::body::client::{ConsumerConnection, ProducerConnection, ProducerTableInfo};
use protocol::body::running_info::{ConsumeMessageDirectlyResult, ConsumerRunningInfo};
use protocol::fastjson;
use protocol::request::client::{
    GetAllProducerInfo, GetConsumerConnectionList, GetConsumerRunningInfo,
    GetProducerConnectionList,
};
use protocol::request::message::ConsumeMessageDirectly;

use super::Admin;
use crate::error::Error;

impl Admin {
    /// The clients and subscriptions of a consumer group.
    ///
    /// # Errors
    /// Nobody of the group is connected, or the broker does not answer.
    pub fn consumers(&self, address: &str, group: &str) -> Result<ConsumerConnection, Error> {
        let request = GetConsumerConnectionList { consumer_group: group.to_owned() };
        let (_, body) = self.cluster.call(address, &request, b"")?;
        Ok(fastjson::read(&body)?)
    }

    /// The clients of a producer group.
    ///
    /// # Errors
    /// As [`Admin::consumers`].
    pub fn producers(&self, address: &str, group: &str) -> Result<ProducerConnection, Error> {
        let request = GetProducerConnectionList { producer_group: group.to_owned() };
        let (_, body) = self.cluster.call(address, &request, b"")?;
        Ok(fastjson::read(&body)?)
    }

    /// The clients of all producer groups.
    ///
    /// # Errors
    /// The broker refuses or does not answer.
    pub fn all_producers(&self, address: &str) -> Result<ProducerTableInfo, Error> {
        let (_, body) = self.cluster.call(address, &GetAllProducerInfo {}, b"")?;
        Ok(fastjson::read(&body)?)
    }

    /// What a consumer says about itself; with its threads when `jstack`.
    ///
    /// # Errors
    /// The client is not connected or does not answer the broker.
    pub fn running_info(
        &self,
        address: &str,
        group: &str,
        client_id: &str,
        jstack: bool,
    ) -> Result<ConsumerRunningInfo, Error> {
        let request = GetConsumerRunningInfo {
            consumer_group: group.to_owned(),
            client_id: client_id.to_owned(),
            jstack_enable: jstack,
        };
        let (_, body) = self.cluster.call(address, &request, b"")?;
        Ok(fastjson::read(&body)?)
    }

    /// Has one client consume one message now.
    ///
    /// # Errors
    /// As [`Admin::running_info`], or there is no such message.
    pub fn consume_directly(
        &self,
        address: &str,
        request: &ConsumeMessageDirectly,
    ) -> Result<ConsumeMessageDirectlyResult, Error> {
        let (_, body) = self.cluster.call(address, request, b"")?;
        Ok(fastjson::read(&body)?)
    }
}
