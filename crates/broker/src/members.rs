//! The producers and consumers that are connected, as their heartbeats describe them.

use std::collections::BTreeMap;

use hashbrown::{HashMap, HashSet};
use protocol::body::heartbeat::{ConsumeFromWhere, ConsumeType, MessageModel, SubscriptionData};
use remoting::ConnectionId;

use crate::filter::{self, MessageFilter};

/// A member that has not been heard of for this long is dropped, in ms.
pub const SILENT_MS_MAX: i64 = 120_000;

/// One connected client within a group.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its connection.
    pub connection: ConnectionId,
    /// The name it gave itself.
    pub client_id: String,
    /// The language it is written in, by number.
    pub language: u8,
    /// Its protocol version.
    pub version: i32,
    /// When it was heard last, in ms since 1970.
    pub seen_ms: i64,
}

/// What a group wants of one topic.
#[derive(Debug, Clone)]
pub struct Subscription {
    /// As the client announced it.
    pub data: SubscriptionData,
    /// What it wants; `None` when its expression cannot be read.
    pub filter: Option<MessageFilter>,
}

impl From<SubscriptionData> for Subscription {
    fn from(data: SubscriptionData) -> Subscription {
        let filter = if filter::is_tag_type(data.expression_type.as_deref()) {
            Some(MessageFilter::new(&data.sub_string, data.code_set.iter().copied()))
        } else {
            let compiled = MessageFilter::sql(&data.sub_string);
            compiled
                .inspect_err(|e| tracing::warn!(topic = data.topic, "bad SQL92 expression: {e}"))
                .ok()
        };
        Subscription { data, filter }
    }
}

/// One consumer group with members.
#[derive(Debug, Clone, Default)]
pub struct ConsumerGroup {
    /// Who asks for messages.
    pub consume_type: ConsumeType,
    /// Whether each member gets all messages.
    pub message_model: MessageModel,
    /// Where members start that have no offset.
    pub consume_from_where: ConsumeFromWhere,
    /// Its members.
    pub members: Vec<Member>,
    /// Its subscriptions by topic.
    pub subscriptions: BTreeMap<String, Subscription>,
    /// Fingerprint of the last heartbeat of version 2.
    pub fingerprint: i32,
}

impl ConsumerGroup {
    /// Whether each member consumes everything.
    pub fn is_broadcasting(&self) -> bool {
        self.message_model == MessageModel::Broadcasting
    }
}

/// What a heartbeat says of one consumer group.
#[derive(Debug)]
pub struct ConsumerHeartbeat {
    /// The group.
    pub group: String,
    /// See [`ConsumerGroup::consume_type`].
    pub consume_type: ConsumeType,
    /// See [`ConsumerGroup::message_model`].
    pub message_model: MessageModel,
    /// See [`ConsumerGroup::consume_from_where`].
    pub consume_from_where: ConsumeFromWhere,
    /// Subscriptions; `None` when the heartbeat leaves them out.
    pub subscriptions: Option<Vec<SubscriptionData>>,
    /// The fingerprint, 0 when there is none.
    pub fingerprint: i32,
    /// Whether other members hear of changes.
    pub notify: bool,
}

/// Every connected member.
#[derive(Default)]
pub struct Members {
    consumers: HashMap<String, ConsumerGroup>,
    producers: HashMap<String, Vec<Member>>,
    /// Groups whose members must be told that the list changed.
    changed: HashSet<String>,
    /// Groups whose last member left.
    left: Vec<String>,
    /// Groups, and topics of which they want something else than before.
    refiltered: Vec<(String, String)>,
}

impl Members {
    /// The group's members and subscriptions.
    pub fn consumer_group(&self, group: &str) -> Option<&ConsumerGroup> {
        self.consumers.get(group)
    }

    /// Every consumer group with members.
    pub fn consumer_groups(&self) -> impl Iterator<Item = (&str, &ConsumerGroup)> {
        self.consumers.iter().map(|(name, group)| (name.as_str(), group))
    }

    /// The producers of a group.
    pub fn producers(&self, group: &str) -> &[Member] {
        self.producers.get(group).map_or(&[], Vec::as_slice)
    }

    /// A connection of the producer that calls itself `client_id`.
    pub fn producer_connection(&self, client_id: &str) -> Option<ConnectionId> {
        let mut members = self.producers.values().flatten();
        members.find(|member| member.client_id == client_id).map(|member| member.connection)
    }

    /// Every producer group with members.
    pub fn producer_groups(&self) -> impl Iterator<Item = (&str, &[Member])> {
        self.producers.iter().map(|(name, members)| (name.as_str(), members.as_slice()))
    }

    /// The groups that subscribe to `topic`.
    pub fn groups_of_topic<'a>(&'a self, topic: &'a str) -> impl Iterator<Item = &'a str> {
        self.consumers
            .iter()
            .filter(move |(_, group)| group.subscriptions.contains_key(topic))
            .map(|(name, _)| name.as_str())
    }

    /// Notes a consumer's heartbeat. Returns whether the subscriptions differ from what another
    /// heartbeat said (the answer that version 2 heartbeats wait for).
    pub fn consumer_heartbeat(&mut self, beat: ConsumerHeartbeat, member: &Member) -> bool {
        let group = self.consumers.entry_ref(&beat.group).or_default();
        let differs = group.fingerprint != 0 && group.fingerprint != beat.fingerprint;
        group.fingerprint = beat.fingerprint;
        group.consume_type = beat.consume_type;
        group.message_model = beat.message_model;
        group.consume_from_where = beat.consume_from_where;
        let mut changed = note(&mut group.members, member);
        if let Some(subscriptions) = beat.subscriptions {
            let (set_changed, refiltered) = subscribe(&mut group.subscriptions, subscriptions);
            changed |= set_changed;
            let of_group = refiltered.into_iter().map(|topic| (beat.group.clone(), topic));
            self.refiltered.extend(of_group);
        }
        if changed && beat.notify && !group.is_broadcasting() {
            self.changed.insert(beat.group);
        }
        differs
    }

    /// Groups, and topics of which they want something else than when this was asked last.
    pub fn take_refiltered(&mut self) -> Vec<(String, String)> {
        std::mem::take(&mut self.refiltered)
    }

    /// Notes a producer's heartbeat.
    pub fn producer_heartbeat(&mut self, group: &str, member: &Member) {
        note(self.producers.entry_ref(group).or_default(), member);
    }

    /// A consumer says goodbye.
    pub fn remove_consumer(&mut self, group: &str, connection: ConnectionId, notify: bool) {
        let Some(found) = self.consumers.get_mut(group) else { return };
        let before = found.members.len();
        found.members.retain(|m| m.connection != connection);
        let gone = found.members.len() < before;
        let broadcasting = found.is_broadcasting();
        if found.members.is_empty() {
            self.consumers.remove(group);
            self.left.push(group.to_owned());
        } else if gone && notify && !broadcasting {
            self.changed.insert(group.to_owned());
        }
    }

    /// A producer says goodbye.
    pub fn remove_producer(&mut self, group: &str, connection: ConnectionId) {
        if let Some(members) = self.producers.get_mut(group) {
            members.retain(|m| m.connection != connection);
            if members.is_empty() {
                self.producers.remove(group);
            }
        }
    }

    /// A connection is gone, and with it every membership it had. `notify` tells whether a
    /// group's members hear of it.
    pub fn remove_connection(&mut self, connection: ConnectionId, notify: impl Fn(&str) -> bool) {
        let groups: Vec<String> = self
            .consumers
            .iter()
            .filter(|(_, group)| group.members.iter().any(|m| m.connection == connection))
            .map(|(name, _)| name.clone())
            .collect();
        for group in groups {
            self.remove_consumer(&group, connection, notify(&group));
        }
        self.producers.retain(|_, members| {
            members.retain(|m| m.connection != connection);
            !members.is_empty()
        });
    }

    /// The connections that have been silent too long.
    pub fn silent(&self, now_ms: i64) -> Vec<ConnectionId> {
        let members = self.consumers.values().flat_map(|g| &g.members);
        members
            .chain(self.producers.values().flatten())
            .filter(|m| now_ms - m.seen_ms > SILENT_MS_MAX)
            .map(|m| m.connection)
            .collect()
    }

    /// Whether some group's members must be told of a change.
    pub fn has_changes(&self) -> bool {
        !self.changed.is_empty()
    }

    /// The groups whose last member left since the last call.
    pub fn take_left(&mut self) -> Vec<String> {
        std::mem::take(&mut self.left)
    }

    /// The groups whose members must be told, with whom to tell; each is reported once.
    pub fn take_changes(&mut self) -> Vec<(String, Vec<ConnectionId>)> {
        let changed = std::mem::take(&mut self.changed);
        changed
            .into_iter()
            .filter_map(|name| {
                let members = &self.consumers.get(&name)?.members;
                let connections = members.iter().map(|m| m.connection).collect();
                Some((name, connections))
            })
            .collect()
    }
}

/// Adds or refreshes a member; true when it is new.
fn note(members: &mut Vec<Member>, member: &Member) -> bool {
    match members.iter_mut().find(|m| m.connection == member.connection) {
        Some(known) => {
            *known = member.clone();
            false
        }
        None => {
            members.push(member.clone());
            true
        }
    }
}

/// Takes over subscriptions: new topics and higher versions win, missing topics go. Tells whether
/// the set of topics changed, and of which topics something else is wanted now.
fn subscribe(
    table: &mut BTreeMap<String, Subscription>,
    subscriptions: Vec<SubscriptionData>,
) -> (bool, Vec<String>) {
    let before = table.len();
    table.retain(|topic, _| subscriptions.iter().any(|wanted| wanted.topic == *topic));
    let mut changed = table.len() < before;
    let mut refiltered = Vec::new();
    for data in subscriptions {
        match table.get_mut(&data.topic) {
            Some(old) if data.sub_version > old.data.sub_version => {
                let new = Subscription::from(data);
                if new.filter != old.filter {
                    refiltered.push(new.data.topic.clone());
                }
                *old = new;
            }
            Some(_) => {}
            None => {
                table.insert(data.topic.clone(), data.into());
                changed = true;
            }
        }
    }
    (changed, refiltered)
}
