//! The broker's message id: where a record lies, as 32 (IPv4) or 56 (IPv6) hexadecimal digits:
//! store host, port in four bytes, commit log offset.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// A broker's address and a commit log offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageId {
    /// The broker that stored the message.
    pub store_host: SocketAddr,
    /// Where its record starts.
    pub commit_log_offset: i64,
}

/// The text is not a message id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadMessageId(pub String);

impl fmt::Display for BadMessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is not a message id (32 or 56 hexadecimal digits)", self.0)
    }
}

impl std::error::Error for BadMessageId {}

const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

impl MessageId {
    /// Appends the digits to `out`, without allocating when there is room.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self.store_host.ip() {
            IpAddr::V4(ip) => write_hex(out, &ip.octets()),
            IpAddr::V6(ip) => write_hex(out, &ip.octets()),
        }
        write_hex(out, &u32::from(self.store_host.port()).to_be_bytes());
        write_hex(out, &self.commit_log_offset.to_be_bytes());
    }
}

/// Both digits of every byte.
const PAIRS: [[u8; 2]; 256] = {
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [DIGITS[byte >> 4], DIGITS[byte & 15]];
        byte += 1;
    }
    pairs
};

fn write_hex<const N: usize>(out: &mut Vec<u8>, bytes: &[u8; N]) {
    let pairs = bytes.map(|byte| PAIRS[usize::from(byte)]);
    out.extend_from_slice(pairs.as_flattened());
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = Vec::with_capacity(56);
        self.write(&mut digits);
        f.write_str(&String::from_utf8_lossy(&digits))
    }
}

impl FromStr for MessageId {
    type Err = BadMessageId;

    fn from_str(text: &str) -> Result<MessageId, BadMessageId> {
        parse(text.as_bytes()).ok_or_else(|| BadMessageId(text.to_owned()))
    }
}

fn parse(text: &[u8]) -> Option<MessageId> {
    if text.len() != 32 && text.len() != 56 {
        return None;
    }
    let mut bytes = [0_u8; 28];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = hex_value(pair[0])? << 4 | hex_value(pair[1])?;
    }
    let (ip, rest): (IpAddr, &[u8]) = if text.len() == 32 {
        (Ipv4Addr::from(<[u8; 4]>::try_from(&bytes[..4]).ok()?).into(), &bytes[4..16])
    } else {
        (Ipv6Addr::from(<[u8; 16]>::try_from(&bytes[..16]).ok()?).into(), &bytes[16..28])
    };
    let port = u32::from_be_bytes(rest[..4].try_into().ok()?);
    let commit_log_offset = i64::from_be_bytes(rest[4..].try_into().ok()?);
    let store_host = SocketAddr::new(ip, u16::try_from(port).ok()?);
    Some(MessageId { store_host, commit_log_offset })
}

fn hex_value(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_value() {
        for (text, host, offset) in [
            ("7F00000100002A9F000000000030664D", "127.0.0.1:10911", 0x30_664d),
            ("00000000000000000000000000000001000023280000000000000010", "[::1]:9000", 16),
        ] {
            let id = MessageId { store_host: host.parse().unwrap(), commit_log_offset: offset };
            assert_eq!(id.to_string(), text);
            assert_eq!(text.parse::<MessageId>().unwrap(), id);
            assert_eq!(text.to_lowercase().parse::<MessageId>().unwrap(), id);
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "7F", "ZZ00000100002A9F000000000030664D", "é".repeat(16).as_str()] {
            assert!(text.parse::<MessageId>().is_err(), "{text}");
        }
    }
}
