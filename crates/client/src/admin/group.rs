//! Calls about subscription groups of one broker.

use protocol::body::assignment::SetMessageRequestModeRequestBody;
use protocol::body::group::{
    SubscriptionGroupConfig, SubscriptionGroupList, SubscriptionGroupWrapper,
};
use protocol::code::response_code;
use protocol::fastjson;
use protocol::request::group::{
    DeleteSubscriptionGroup, GetAllSubscriptionGroupConfig, GetSubscriptionGroupConfig,
    UpdateAndCreateSubscriptionGroup, UpdateAndCreateSubscriptionGroupList,
};
use protocol::request::pop::SetMessageRequestMode;

use super::Admin;
use crate::error::Error;

impl Admin {
    /// Makes or changes a group.
    ///
    /// # Errors
    /// The broker refuses or does not answer.
    pub fn put_group(&self, address: &str, group: &SubscriptionGroupConfig) -> Result<(), Error> {
        let body = fastjson::write(group);
        self.cluster.call(address, &UpdateAndCreateSubscriptionGroup {}, &body).map(|_| ())
    }

    /// Makes or changes several groups.
    ///
    /// # Errors
    /// As [`Admin::put_group`].
    pub fn put_groups(
        &self,
        address: &str,
        groups: &[SubscriptionGroupConfig],
    ) -> Result<(), Error> {
        let body = SubscriptionGroupList { group_config_list: groups.to_vec() };
        let body = fastjson::write(&body);
        self.cluster.call(address, &UpdateAndCreateSubscriptionGroupList {}, &body).map(|_| ())
    }

    /// What the broker knows of a group. A broker that makes groups by itself makes this one,
    /// unless it is of 4.x, which can only be asked for all of them.
    ///
    /// # Errors
    /// There is no such group, or as [`Admin::put_group`].
    pub fn group(&self, address: &str, group: &str) -> Result<SubscriptionGroupConfig, Error> {
        let request = GetSubscriptionGroupConfig { group: group.to_owned() };
        match self.cluster.call(address, &request, b"") {
            Ok((_, body)) => Ok(fastjson::read(&body)?),
            Err(Error::Refused { code: response_code::REQUEST_CODE_NOT_SUPPORTED, .. }) => {
                self.group_among_all(address, group)
            }
            Err(error) => Err(error),
        }
    }

    fn group_among_all(
        &self,
        address: &str,
        group: &str,
    ) -> Result<SubscriptionGroupConfig, Error> {
        let request = GetAllSubscriptionGroupConfig {
            group_seq: None,
            data_version: None,
            max_group_num: None,
        };
        let (_, body) = self.cluster.call(address, &request, b"")?;
        let mut groups: SubscriptionGroupWrapper = fastjson::read(&body)?;
        groups.subscription_group_table.remove(group).ok_or_else(|| Error::Refused {
            code: response_code::SUBSCRIPTION_GROUP_NOT_EXIST,
            remark: format!("the broker knows no group {group}"),
        })
    }

    /// Deletes a group, and its offsets when `clean_offset`.
    ///
    /// # Errors
    /// As [`Admin::put_group`].
    pub fn delete_group(
        &self,
        address: &str,
        group: &str,
        clean_offset: bool,
    ) -> Result<(), Error> {
        let request = DeleteSubscriptionGroup {
            group_name: group.to_owned(),
            clean_offset,
            // Brokers of 4.x know the flag by this name only.
            remove_offset: Some(clean_offset),
        };
        self.cluster.call(address, &request, b"").map(|_| ())
    }

    /// Sets whether a group pulls or pops a topic.
    ///
    /// # Errors
    /// As [`Admin::put_group`].
    pub fn set_request_mode(
        &self,
        address: &str,
        mode: &SetMessageRequestModeRequestBody,
    ) -> Result<(), Error> {
        let body = fastjson::write(mode);
        self.cluster.call(address, &SetMessageRequestMode {}, &body).map(|_| ())
    }
}
