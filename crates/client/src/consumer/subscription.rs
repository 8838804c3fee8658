//! Which messages of a topic a group wants: tags.

use base::hash::java_hash;
use protocol::body::heartbeat::SubscriptionData;

use crate::received::Received;

/// A topic and the tags wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subscription {
    pub(crate) topic: String,
    /// As it was given.
    expression: String,
    /// Empty for all messages.
    tags: Vec<String>,
    /// When it was made, ms since 1970: brokers take the newest of a group.
    pub(crate) version: i64,
}

impl Subscription {
    /// Reads `*`, nothing, or tags separated by `||`.
    pub(crate) fn new(topic: &str, expression: &str, now_ms: i64) -> Subscription {
        let expression = expression.trim();
        let is_all = expression.is_empty() || expression == "*";
        let tags = if is_all { "" } else { expression };
        let tags = tags.split("||").map(str::trim).filter(|tag| !tag.is_empty());
        Subscription {
            topic: topic.to_owned(),
            expression: if is_all { "*".to_owned() } else { expression.to_owned() },
            tags: tags.map(str::to_owned).collect(),
            version: now_ms,
        }
    }

    /// Whether the message is wanted. Brokers compare hashes, so they let a few others pass.
    pub(crate) fn wants(&self, message: &Received) -> bool {
        self.wants_tag(message.tag())
    }

    fn wants_tag(&self, tag: Option<&str>) -> bool {
        self.tags.is_empty() || tag.is_some_and(|tag| self.tags.iter().any(|t| t == tag))
    }

    /// What brokers are told.
    pub(crate) fn data(&self) -> SubscriptionData {
        SubscriptionData {
            code_set: self.tags.iter().map(|tag| java_hash(tag.as_bytes())).collect(),
            expression_type: Some("TAG".to_owned()),
            sub_string: self.expression.clone(),
            sub_version: self.version,
            tags_set: self.tags.clone(),
            topic: self.topic.clone(),
            ..SubscriptionData::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions() {
        for (expression, tags) in
            [("*", vec![]), ("", vec![]), (" A ", vec!["A"]), ("A || B||", vec!["A", "B"])]
        {
            let subscription = Subscription::new("t", expression, 1);
            assert_eq!(subscription.tags, tags, "{expression}");
            assert_eq!(subscription.data().code_set.len(), tags.len());
        }
    }

    #[test]
    fn tags_are_compared_as_text_again() {
        let wanted = Subscription::new("t", "Aa || B", 1);
        // "Aa" and "BB" have the same hash.
        let checks = [(Some("Aa"), true), (Some("BB"), false), (Some("B"), true), (None, false)];
        for (tag, expected) in checks {
            assert_eq!(wanted.wants_tag(tag), expected, "{tag:?}");
        }
        assert!(Subscription::new("t", "*", 1).wants_tag(None));
        assert_eq!(wanted.data().code_set, [2112, 66]);
    }
}
