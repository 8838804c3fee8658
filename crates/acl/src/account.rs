//! One account: its keys, where it may come from, what it may do.
//!
//! Made from a node of a file, used by `access`. Invariant: an account that was taken can be
//! checked without another look at the file; every permission in it has been understood.

use std::fmt;
use std::net::IpAddr;

use base::near::nearest;
use hashbrown::HashMap;
use model::names::RETRY_PREFIX;

use crate::address::AddressPattern;
use crate::sign::Secret;
use crate::yaml::{Node, Value};

/// Shortest access key and secret key, in characters: Java's "longer than 6".
pub const KEY_CHARS_MIN: usize = 7;

/// The keys an account can have.
pub const ACCOUNT_KEYS: [&str; 8] = [
    "accessKey",
    "secretKey",
    "whiteRemoteAddress",
    "admin",
    "defaultTopicPerm",
    "defaultGroupPerm",
    "topicPerms",
    "groupPerms",
];

/// What may be done with a topic or group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Perm(u8);

impl Perm {
    /// Nothing.
    pub const DENY: Perm = Perm(0);
    /// Send to it.
    pub const PUB: Perm = Perm(1);
    /// Consume from it.
    pub const SUB: Perm = Perm(2);

    /// Reads `PUB`, `SUB`, `PUB|SUB`, `SUB|PUB`, `DENY`; `None` for anything else.
    pub fn parse(text: &str) -> Option<Perm> {
        match text.trim() {
            "PUB" => Some(Perm::PUB),
            "SUB" => Some(Perm::SUB),
            "PUB|SUB" | "SUB|PUB" => Some(Perm(Perm::PUB.0 | Perm::SUB.0)),
            "DENY" => Some(Perm::DENY),
            _ => None,
        }
    }

    /// Whether all of `needed` is in it.
    pub fn allows(self, needed: Perm) -> bool {
        self.0 & needed.0 == needed.0
    }
}

/// What is wrong with an account, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadAccount {
    /// The line of the file, 0 if it came by request.
    pub line: usize,
    /// What is wrong; Java's words where it has some.
    pub why: String,
}

impl fmt::Display for BadAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.why),
            line => write!(f, "line {line}: {}", self.why),
        }
    }
}

impl std::error::Error for BadAccount {}

/// An account in force.
#[derive(Debug)]
pub struct Account {
    pub(crate) access_key: String,
    pub(crate) secret: Secret,
    pub(crate) white: AddressPattern,
    pub(crate) admin: bool,
    default_topic: Perm,
    default_group: Perm,
    topics: HashMap<Box<[u8]>, Perm>,
    groups: HashMap<Box<[u8]>, Perm>,
}

impl Account {
    /// Reads an account of a file.
    ///
    /// # Errors
    /// A key is missing or too short, or a permission or address cannot be read.
    pub fn read(node: &Node) -> Result<Account, BadAccount> {
        let line = node.line;
        let Value::Map(entries) = &node.value else {
            return Err(BadAccount { line, why: "an account is keys and values".to_owned() });
        };
        for (key, _) in entries {
            if !ACCOUNT_KEYS.contains(&key.as_str()) {
                let near = nearest(key, ACCOUNT_KEYS);
                let near = near.map(|n| format!("; did you mean {n}?")).unwrap_or_default();
                tracing::warn!(line, "access control: unknown key {key}{near}");
            }
        }
        let text = |key: &str| node.get(key).and_then(Node::as_text);
        let (access_key, secret_key) = (text("accessKey"), text("secretKey"));
        check_keys(access_key, secret_key).map_err(|why| BadAccount { line, why })?;
        let mut account = Account {
            access_key: access_key.unwrap_or_default().to_owned(),
            secret: Secret::new(secret_key.unwrap_or_default()),
            white: AddressPattern::parse(text("whiteRemoteAddress").unwrap_or_default())
                .map_err(|e| BadAccount { line, why: format!("whiteRemoteAddress: {e}") })?,
            admin: text("admin").is_some_and(is_true),
            default_topic: default_perm(node, "defaultTopicPerm"),
            default_group: default_perm(node, "defaultGroupPerm"),
            topics: HashMap::new(),
            groups: HashMap::new(),
        };
        for (key, is_topic) in [("groupPerms", false), ("topicPerms", true)] {
            let Some(list) = node.get(key).filter(|list| !list.is_null()) else { continue };
            let Value::List(items) = &list.value else {
                let why = format!("{key}: a list is expected, such as ['name=SUB']");
                return Err(BadAccount { line: list.line, why });
            };
            for item in items {
                let entry = item.as_text().unwrap_or_default();
                account
                    .grant(entry, is_topic)
                    .map_err(|why| BadAccount { line: item.line, why })?;
            }
        }
        Ok(account)
    }

    fn grant(&mut self, entry: &str, is_topic: bool) -> Result<(), String> {
        let Some((name, perm)) = split_entry(entry) else {
            let kind = if is_topic { "topic" } else { "group" };
            return Err(format!("Parse resource permission failed for {kind}:{entry}"));
        };
        // As Java: what cannot be read gives nothing.
        let perm = Perm::parse(perm).unwrap_or_else(|| {
            tracing::warn!("access control: {entry}: no permission; it counts as DENY");
            Perm::DENY
        });
        // The retry topic of a group stands for the group.
        let (table, name) = match name.strip_prefix(RETRY_PREFIX) {
            Some(group) => (&mut self.groups, group),
            None if is_topic => (&mut self.topics, name),
            None => (&mut self.groups, name),
        };
        table.insert(name.as_bytes().into(), perm);
        Ok(())
    }

    /// What it may do with a topic.
    pub fn topic(&self, topic: &[u8]) -> Perm {
        self.topics.get(topic).copied().unwrap_or(self.default_topic)
    }

    /// What it may do with a consumer group.
    pub fn group(&self, group: &[u8]) -> Perm {
        self.groups.get(group).copied().unwrap_or(self.default_group)
    }

    /// Whether a topic or group is named in its permissions.
    pub(crate) fn names(&self, name: &[u8], is_topic: bool) -> bool {
        if is_topic { self.topics.contains_key(name) } else { self.groups.contains_key(name) }
    }

    /// Whether it is let through unsigned from there.
    pub fn is_white(&self, from: IpAddr) -> bool {
        self.white.matches(from)
    }
}

/// `name=PERM`.
pub(crate) fn split_entry(entry: &str) -> Option<(&str, &str)> {
    let (name, perm) = entry.split_once('=')?;
    let (name, perm) = (name.trim(), perm.trim());
    (!name.is_empty() && !perm.is_empty() && !perm.contains('=')).then_some((name, perm))
}

/// Java's rule about keys, in its words.
pub(crate) fn check_keys(access_key: Option<&str>, secret_key: Option<&str>) -> Result<(), String> {
    let is_long = |key: Option<&str>| key.is_some_and(|k| k.chars().count() >= KEY_CHARS_MIN);
    if is_long(access_key) && is_long(secret_key) {
        return Ok(());
    }
    // The secret key itself is not repeated: this text reaches logs and peers.
    let shown = |key: Option<&str>| key.map_or("null", |_| "***").to_owned();
    Err(format!(
        "The accessKey={} and secretKey={} cannot be null and length should longer than 6",
        access_key.unwrap_or("null"),
        shown(secret_key)
    ))
}

fn default_perm(node: &Node, key: &str) -> Perm {
    let Some(text) = node.get(key).and_then(Node::as_text) else { return Perm::DENY };
    Perm::parse(text).unwrap_or_else(|| {
        tracing::warn!("access control: {key}: '{text}' is no permission; it counts as DENY");
        Perm::DENY
    })
}

/// YAML's words for true.
pub(crate) fn is_true(text: &str) -> bool {
    ["true", "yes", "on"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::parse;

    fn read(text: &str) -> Result<Account, BadAccount> {
        Account::read(&parse(text).unwrap().unwrap())
    }

    #[test]
    fn permissions_are_by_name_then_default() {
        let account = read(
            "accessKey: RocketMQ\nsecretKey: 12345678\ndefaultGroupPerm: SUB\ntopicPerms:\n\
             - topicA=DENY\n- topicB = PUB|SUB\n- '%RETRY%groupC=PUB'\ngroupPerms: [groupA=DENY]",
        )
        .unwrap();
        assert!(!account.topic(b"topicA").allows(Perm::SUB));
        assert!(account.topic(b"topicB").allows(Perm::PUB));
        assert!(!account.topic(b"other").allows(Perm::SUB));
        assert!(account.group(b"other").allows(Perm::SUB));
        assert!(!account.group(b"groupA").allows(Perm::SUB));
        assert!(!account.group(b"groupC").allows(Perm::SUB));
        assert!(!account.admin);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let short = read("accessKey: short1\nsecretKey: 12345678").unwrap_err();
        assert!(short.why.contains("accessKey=short1 and secretKey=***"), "{short}");
        let keys = "accessKey: RocketMQ\nsecretKey: 12345678\n";
        let bad = read(&format!("{keys}topicPerms:\n- topicA\n")).unwrap_err();
        assert_eq!(bad.to_string(), "line 4: Parse resource permission failed for topic:topicA");
        let bad = read(&format!("{keys}whiteRemoteAddress: 10.1.2\n")).unwrap_err();
        assert!(bad.why.starts_with("whiteRemoteAddress: '10.1.2' is no address"), "{bad}");
        assert!(read(&format!("{keys}groupPerms: a=SUB\n")).unwrap_err().why.contains("a list"));
        assert!(read("accessKey: RocketMQ\nsecretKey:\n").is_err());
    }
}
