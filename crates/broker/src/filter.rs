//! Which messages of a queue a subscription wants: by the tag's hash in the queue, or by an
//! expression over the message's properties.

use std::sync::Arc;

use ::filter::bloom::BloomFilter;
use ::filter::consumer_filters::{ConsumerFilters, Subscription};
use ::filter::{Expression, PropertiesText, SyntaxError};
use base::hash::java_hash;
use model::record::{self, Entry};
use protocol::body::heartbeat::SubscriptionData;
use store::Filter;

pub use ::filter::SQL92;

/// Expression type of tags; also what an empty type means.
pub const TAG: &str = "TAG";

/// Java's `maxErrorRateOfBloomFilter` in percent, and `expectConsumerNumUseFilter`.
const BLOOM: (u32, u32) = (20, 32);

/// The table of filters that heartbeats register: what `consumerFilter.json` keeps, so that a
/// Java broker that takes the directory over knows them. Pulls use what their own heartbeat or
/// request said.
pub fn no_filters() -> ConsumerFilters {
    let (error_percent, consumers) = BLOOM;
    ConsumerFilters::new(BloomFilter::new(error_percent, consumers).expect("Java's defaults"))
}

/// A subscription as that table takes it.
pub fn to_register(data: &SubscriptionData) -> Subscription<'_> {
    Subscription {
        topic: &data.topic,
        expression: &data.sub_string,
        expression_type: data.expression_type.as_deref().unwrap_or(TAG),
        version: data.sub_version,
    }
}

/// What a subscription wants.
#[derive(Debug, Clone, PartialEq)]
pub enum MessageFilter {
    /// Every message.
    All,
    /// Messages whose tag has one of these hash codes.
    Codes(Arc<[i32]>),
    /// Messages whose properties make the expression true.
    Sql(Arc<Expression>),
}

impl MessageFilter {
    /// From the codes of a heartbeat or of [`parse`]; `expression` is the text they came from.
    pub fn new(expression: &str, codes: impl IntoIterator<Item = i32>) -> MessageFilter {
        if expression == "*" {
            MessageFilter::All
        } else {
            MessageFilter::Codes(codes.into_iter().collect())
        }
    }

    /// The filter of a SQL92 expression.
    ///
    /// # Errors
    /// Where and why it cannot be read.
    pub fn sql(expression: &str) -> Result<MessageFilter, SyntaxError> {
        Ok(MessageFilter::Sql(Arc::new(Expression::compile(expression)?)))
    }

    /// Whether a message whose queue entry says `tags_code` may match. Hash codes collide: the
    /// client compares the tags themselves.
    pub fn matches(&self, tags_code: i64) -> bool {
        match self {
            MessageFilter::All | MessageFilter::Sql(_) => true,
            MessageFilter::Codes(codes) => codes.contains(&(tags_code as i32)),
        }
    }
}

/// The filter as the store asks for it.
pub struct Wanted<'a>(pub &'a MessageFilter);

impl Filter for Wanted<'_> {
    fn matches_code(&mut self, tags_code: i64) -> bool {
        self.0.matches(tags_code)
    }

    fn matches_record(&mut self, bytes: &[u8]) -> bool {
        let MessageFilter::Sql(expression) = self.0 else { return true };
        match record::decode(bytes) {
            Ok(Entry::Record(record)) => {
                expression.evaluate(&PropertiesText(record.properties)).is_match()
            }
            _ => false,
        }
    }
}

/// Whether an expression type means tags.
pub fn is_tag_type(expression_type: Option<&str>) -> bool {
    expression_type.is_none_or(|t| t.is_empty() || t == TAG)
}

/// Reads `A || B`, `*` or nothing.
///
/// # Errors
/// Nothing but separators (`||`).
pub fn parse(expression: &str) -> Result<MessageFilter, &'static str> {
    if expression.is_empty() || expression == "*" {
        return Ok(MessageFilter::All);
    }
    if expression.split("||").all(str::is_empty) {
        return Err("subString split error");
    }
    // Blank pieces are no tags; with no other, nothing matches.
    Ok(MessageFilter::Codes(tags(expression).map(|tag| java_hash(tag.as_bytes())).collect()))
}

/// The tags of an expression.
pub fn tags(expression: &str) -> impl Iterator<Item = &str> {
    expression.split("||").map(str::trim).filter(|tag| !tag.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_compared_by_hash() {
        let filter = parse("TagA || TagB").expect("two tags");
        assert!(filter.matches(i64::from(java_hash(b"TagA"))));
        assert!(!filter.matches(i64::from(java_hash(b"TagC"))));
        assert!(!filter.matches(0));
        assert!(parse("*").expect("all").matches(1));
        assert!(parse("||").is_err());
        assert!(!parse(" || ").expect("blank pieces").matches(0));
        assert!(is_tag_type(None) && is_tag_type(Some("")) && !is_tag_type(Some("SQL92")));
    }
}
