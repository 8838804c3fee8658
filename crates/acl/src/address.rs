//! Patterns of addresses that are let through, as Java's access control reads them.
//!
//! | pattern | lets through |
//! |---|---|
//! | nothing | nobody |
//! | `*`, `*.*.*.*`, `*:*:*:*:*:*:*:*` | everybody |
//! | `10.1.2.3`, `fe80::1` | that address |
//! | `10.1.2.{3,4}`, `fe80::{1,2}`, `10.1.2.3,10.1.2.4` | these addresses |
//! | `10.1.2.*`, `10.1.2.3-9`, `10.1.*.*`, `10.1-5.*.*` | that range of the first part so given |
//! | `fe80::1:*`, `fe80::1:1-ff`, `fe80::1-ff:*` | the same for groups of IPv6 |
//!
//! Compared as numbers; IPv4 addresses that come mapped into IPv6 count as IPv4.

use std::fmt;
use std::net::IpAddr;

/// A pattern that is none of Java's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadPattern(pub String);

impl fmt::Display for BadPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(pattern) = self;
        write!(
            f,
            "'{pattern}' is no address pattern (10.1.2.3, 10.1.2.*, 10.1.2.1-9, 10.1.2.{{1,2}}, \
             fe80::1, fe80::1:*, or *)"
        )
    }
}

impl std::error::Error for BadPattern {}

/// Addresses that are let through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressPattern {
    /// No address.
    Nobody,
    /// Every address.
    Everybody,
    /// These addresses.
    These(Vec<IpAddr>),
    /// IPv4 addresses that begin with `head` and whose next part is in the range.
    Range4 {
        /// The first parts.
        head: Vec<u8>,
        /// The part behind them, both ends included.
        part: (u8, u8),
    },
    /// IPv6 addresses that begin with `head` and whose next group is in the range.
    Range6 {
        /// The first groups.
        head: Vec<u16>,
        /// The group behind them, both ends included.
        group: (u16, u16),
    },
}

impl AddressPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// It is none; Java would refuse it too, or it could never let anybody through.
    pub fn parse(text: &str) -> Result<AddressPattern, BadPattern> {
        if text.trim().is_empty() {
            return Ok(AddressPattern::Nobody);
        }
        if ["*", "*.*.*.*", "*:*:*:*:*:*:*:*"].contains(&text) {
            return Ok(AddressPattern::Everybody);
        }
        let found = if let Some(list) = text.strip_suffix('}') {
            braces(list)
        } else if text.contains(',') {
            these(text.split(',').filter(|one| !one.is_empty()).map(str::to_owned))
        } else if text.contains(['*', '-']) {
            if text.contains(':') { range6(text) } else { range4(text) }
        } else {
            these(std::iter::once(text.to_owned()))
        };
        found.ok_or_else(|| BadPattern(text.to_owned()))
    }

    /// Whether an address is let through.
    pub fn matches(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        match (self, address) {
            (AddressPattern::Nobody, _) => false,
            (AddressPattern::Everybody, _) => true,
            (AddressPattern::These(list), address) => list.contains(&address),
            (AddressPattern::Range4 { head, part }, IpAddr::V4(address)) => {
                let parts = address.octets();
                parts.starts_with(head) && (part.0..=part.1).contains(&parts[head.len()])
            }
            (AddressPattern::Range6 { head, group }, IpAddr::V6(address)) => {
                let groups = address.segments();
                groups.starts_with(head) && (group.0..=group.1).contains(&groups[head.len()])
            }
            (AddressPattern::Range4 { .. } | AddressPattern::Range6 { .. }, _) => false,
        }
    }
}

fn these(list: impl Iterator<Item = String>) -> Option<AddressPattern> {
    let parse = |one: String| one.parse::<IpAddr>().ok().map(|address| address.to_canonical());
    let list: Option<Vec<IpAddr>> = list.map(parse).collect();
    list.filter(|list| !list.is_empty()).map(AddressPattern::These)
}

/// `10.1.2.{3,4`: the closing brace is already gone.
fn braces(text: &str) -> Option<AddressPattern> {
    let (head, list) = text.split_once('{')?;
    if !head.ends_with(['.', ':']) {
        return None;
    }
    these(list.split(',').filter(|last| !last.is_empty()).map(|last| format!("{head}{last}")))
}

/// The range that a part stands for, if it is one.
fn range(part: &str, radix: u32, max: u32) -> Option<Option<(u32, u32)>> {
    if part == "*" {
        return Some(Some((0, max)));
    }
    let Some((start, end)) = part.split_once('-') else { return Some(None) };
    let number = |text: &str| u32::from_str_radix(text, radix).ok().filter(|n| *n <= max);
    let (start, end) = (number(start)?, number(end)?);
    (start <= end).then_some(Some((start, end)))
}

fn range4(text: &str) -> Option<AddressPattern> {
    let parts: Vec<&str> = text.split('.').map(str::trim).collect();
    if parts.len() != 4 {
        return None;
    }
    let mut head = Vec::new();
    for part in parts {
        match range(part, 10, 255)? {
            // The first part is never a range.
            Some(_) if head.is_empty() => return None,
            // What follows the range does not matter.
            Some((start, end)) => {
                return Some(AddressPattern::Range4 { head, part: (start as u8, end as u8) });
            }
            None => head.push(part.parse::<u8>().ok()?),
        }
    }
    None
}

fn range6(text: &str) -> Option<AddressPattern> {
    let has_star = text.contains('*');
    let text = match text.split_once('*') {
        None => text,
        // A star stands last.
        Some((_, rest)) if !rest.is_empty() => return None,
        Some((before, _)) if before.contains('-') => before.strip_suffix(':')?,
        Some(_) => text,
    };
    let (head, last) = text.rsplit_once(':')?;
    let (start, end) = range(last, 16, 0xffff)??;
    if head.trim_matches(':').is_empty() {
        return None;
    }
    // A range before the star leaves six groups in front of it.
    let groups = if has_star && text.contains('-') { 6 } else { 7 };
    let head = groups_of(head, groups)?;
    Some(AddressPattern::Range6 { head, group: (start as u16, end as u16) })
}

/// The groups in front of a range. `::` stands for as many zeros as make `count`; at the end
/// (`fe80::*`) Java takes it for a single zero.
fn groups_of(text: &str, count: usize) -> Option<Vec<u16>> {
    let group = |text: &str| match text {
        "" => Some(0),
        text if text.len() <= 4 => u16::from_str_radix(text, 16).ok(),
        _ => None,
    };
    let groups: Vec<u16> = match text.split_once("::") {
        None => text.split(':').map(group).collect::<Option<_>>()?,
        Some((left, right)) => {
            let left: Vec<u16> = left.split(':').map(group).collect::<Option<_>>()?;
            let right: Vec<u16> = right.split(':').map(group).collect::<Option<_>>()?;
            let zeros = count.checked_sub(left.len() + right.len())?;
            let zeros = std::iter::repeat_n(0, zeros);
            left.into_iter().chain(zeros).chain(right).collect()
        }
    };
    (groups.len() <= count && !groups.is_empty()).then_some(groups)
}

#[cfg(test)]
mod tests;
