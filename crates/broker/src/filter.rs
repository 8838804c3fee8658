//! Which messages of a queue a subscription wants, as far as the queue alone can tell.

use std::sync::Arc;

use base::hash::java_hash;

/// Expression type of tags; also what an empty type means.
pub const TAG: &str = "TAG";

/// The tag part of a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagFilter {
    /// Every message.
    All,
    /// Messages whose tag has one of these hash codes.
    Codes(Arc<[i32]>),
}

impl TagFilter {
    /// From the codes of a heartbeat or of [`parse`]; `expression` is the text they came from.
    pub fn new(expression: &str, codes: impl IntoIterator<Item = i32>) -> TagFilter {
        if expression == "*" {
            TagFilter::All
        } else {
            TagFilter::Codes(codes.into_iter().collect())
        }
    }

    /// Whether a message whose queue entry says `tags_code` may match. Hash codes collide: the
    /// client compares the tags themselves.
    pub fn matches(&self, tags_code: i64) -> bool {
        match self {
            TagFilter::All => true,
            TagFilter::Codes(codes) => codes.contains(&(tags_code as i32)),
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
/// An expression without a single tag (`||`).
pub fn parse(expression: &str) -> Result<TagFilter, &'static str> {
    if expression.is_empty() || expression == "*" {
        return Ok(TagFilter::All);
    }
    let codes: Vec<i32> = tags(expression).map(|tag| java_hash(tag.as_bytes())).collect();
    if codes.is_empty() { Err("subString split error") } else { Ok(TagFilter::Codes(codes.into())) }
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
        assert!(parse(" || ").is_err());
        assert!(is_tag_type(None) && is_tag_type(Some("")) && !is_tag_type(Some("SQL92")));
    }
}
