//! The stored message record: the one layout that is both on disk and on the wire. The commit log
//! is a sequence of these, and a pull reply's body is a run of them.
//!
//! All integers are big endian. Ports take four bytes.
//!
//! | at | bytes | field |
//! |---:|---:|---|
//! | 0 | 4 | total size of the record |
//! | 4 | 4 | magic: [`MAGIC_V1`], [`MAGIC_V2`], or [`FILLER_MAGIC`] |
//! | 8 | 4 | CRC-32 of the body, sign bit cleared |
//! | 12 | 4 | queue id |
//! | 16 | 4 | flag (the sender's) |
//! | 20 | 8 | queue offset |
//! | 28 | 8 | commit log offset of this record |
//! | 36 | 4 | system flag |
//! | 40 | 8 | born timestamp, ms |
//! | 48 | 8 or 20 | born host: IPv4 or IPv6 (system flag bit 4), port |
//! | 56… | 8 | store timestamp, ms |
//! | 64… | 8 or 20 | store host (system flag bit 5) |
//! | 72… | 4 | reconsume times |
//! | 76… | 8 | prepared transaction offset |
//! | 84… | 4 + n | body |
//! | … | 1 + n or 2 + n | topic (two length bytes when the magic is [`MAGIC_V2`]) |
//! | … | 2 + n | properties |
//!
//! A filler ends a log file whose rest is too short for the next record: remaining size, magic,
//! then anything.

use crate::message::system_flag;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Magic of a record whose topic has a one-byte length.
pub const MAGIC_V1: u32 = 0xdaa3_20a7;
/// Magic of a record whose topic has a two-byte length.
pub const MAGIC_V2: u32 = 0xdaa3_20ab;
/// Magic of the filler at the end of a log file.
pub const FILLER_MAGIC: u32 = 0xcbd4_3194;
/// Bytes a filler needs at least; kept free behind every record.
pub const FILLER_LEN_MIN: usize = 8;
/// Longest topic of a version 1 record, in bytes. Longer ones make a version 2 record.
pub const TOPIC_V1_LEN_MAX: usize = 127;
/// Longest properties text in bytes.
pub const PROPERTIES_LEN_MAX: usize = 32_767;

/// Where the body CRC is.
pub const BODY_CRC_AT: usize = 8;
/// Where the queue offset is.
pub const QUEUE_OFFSET_AT: usize = 20;
/// Where the record's own commit log offset is.
pub const COMMIT_LOG_OFFSET_AT: usize = 28;
/// Where the system flag is.
pub const SYSTEM_FLAG_AT: usize = 36;
/// Where the born host is.
pub const BORN_HOST_AT: usize = 48;
/// Bytes of everything before the body's bytes when both hosts are IPv4.
pub const HEAD_LEN_V4: usize = 88;
/// Bytes of everything before the body's bytes when both hosts are IPv6.
pub const HEAD_LEN_MAX: usize = HEAD_LEN_V4 + 24;
/// The shortest possible record (empty body, topic and properties).
pub const RECORD_LEN_MIN: usize = HEAD_LEN_V4 + 1 + 2;

/// All fields of a record, borrowed. Offsets in bytes, times in ms since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// Size of the whole record in bytes.
    pub total_len: usize,
    /// CRC-32 of the body, sign bit cleared.
    pub body_crc: u32,
    /// Queue id.
    pub queue_id: i32,
    /// The sender's flag.
    pub flag: i32,
    /// Queue offset; 0 in prepared and rollback records of Java.
    pub queue_offset: i64,
    /// Commit log offset of the record's first byte.
    pub commit_log_offset: i64,
    /// System flag, see [`system_flag`].
    pub sys_flag: i32,
    /// When the producer made it.
    pub born_timestamp: i64,
    /// Who sent it.
    pub born_host: SocketAddr,
    /// When the broker stored it.
    pub store_timestamp: i64,
    /// Which broker stored it.
    pub store_host: SocketAddr,
    /// How often consumers gave it back.
    pub reconsume_times: i32,
    /// Commit log offset of the half message this one ends, else 0.
    pub prepared_transaction_offset: i64,
    /// The body, compressed or not as the system flag says.
    pub body: &'a [u8],
    /// The topic.
    pub topic: &'a [u8],
    /// The properties text.
    pub properties: &'a [u8],
}

/// What stands at a position of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry<'a> {
    /// A record. Its CRC is not checked yet, see [`Record::is_body_intact`].
    Record(Record<'a>),
    /// The filler at the end of a log file, with the length it claims.
    Filler(u32),
}

/// Why bytes are not a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadRecord {
    /// The bytes end before the record does; holds the length it claims, 0 if even that is cut.
    Cut(u32),
    /// Neither a record nor a filler starts here; holds what stands in place of the magic.
    Magic(u32),
    /// The parts do not add up to the total size; holds the total size.
    Lengths(u32),
}

impl std::fmt::Display for BadRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            BadRecord::Cut(len) => write!(f, "the record of {len} bytes is cut off"),
            BadRecord::Magic(0) => write!(f, "no record starts here (zeros)"),
            BadRecord::Magic(magic) => write!(f, "no record starts here (magic {magic:#010x})"),
            BadRecord::Lengths(len) => {
                write!(f, "the parts of the record do not add up to its {len} bytes")
            }
        }
    }
}

impl std::error::Error for BadRecord {}

impl Record<'_> {
    /// Whether the body's CRC is right. An empty body is not checked, as in Java.
    pub fn is_body_intact(&self) -> bool {
        self.body.is_empty() || base::crc32::crc32_31(self.body) == self.body_crc
    }
}

/// Bytes of the host in a record.
fn host_len(is_v6: bool) -> usize {
    if is_v6 { 20 } else { 8 }
}

/// Bytes of everything before the body's bytes.
pub fn head_len(sys_flag: i32) -> usize {
    72 + host_len(sys_flag & system_flag::BORN_HOST_V6 != 0)
        + host_len(sys_flag & system_flag::STORE_HOST_V6 != 0)
}

/// Whether a topic of this length needs a version 2 record.
pub fn needs_v2(topic_len: usize) -> bool {
    topic_len > TOPIC_V1_LEN_MAX
}

/// Bytes of a whole record.
pub fn record_len(sys_flag: i32, body: usize, topic: usize, properties: usize) -> usize {
    let topic_prefix = if needs_v2(topic) { 2 } else { 1 };
    head_len(sys_flag) + body + topic_prefix + topic + 2 + properties
}

/// Sets the IPv6 bits of a system flag as the hosts ask for.
pub fn with_host_bits(sys_flag: i32, born_host: &SocketAddr, store_host: &SocketAddr) -> i32 {
    let mut flag = sys_flag & !(system_flag::BORN_HOST_V6 | system_flag::STORE_HOST_V6);
    if born_host.is_ipv6() {
        flag |= system_flag::BORN_HOST_V6;
    }
    if store_host.is_ipv6() {
        flag |= system_flag::STORE_HOST_V6;
    }
    flag
}

/// The fixed fields of a record about to be written; see [`Record`] for their meaning.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs)]
pub struct Head {
    pub total_len: u32,
    pub is_v2: bool,
    pub body_crc: u32,
    pub queue_id: i32,
    pub flag: i32,
    pub queue_offset: i64,
    pub commit_log_offset: i64,
    /// With the IPv6 bits set right, see [`with_host_bits`].
    pub sys_flag: i32,
    pub born_timestamp: i64,
    pub born_host: SocketAddr,
    pub store_timestamp: i64,
    pub store_host: SocketAddr,
    pub reconsume_times: i32,
    pub prepared_transaction_offset: i64,
    pub body_len: u32,
}

impl Head {
    /// Appends the fields before the body's bytes to `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut head = [0_u8; HEAD_LEN_MAX];
        let magic = if self.is_v2 { MAGIC_V2 } else { MAGIC_V1 };
        head[0..4].copy_from_slice(&self.total_len.to_be_bytes());
        head[4..8].copy_from_slice(&magic.to_be_bytes());
        head[8..12].copy_from_slice(&self.body_crc.to_be_bytes());
        head[12..16].copy_from_slice(&self.queue_id.to_be_bytes());
        head[16..20].copy_from_slice(&self.flag.to_be_bytes());
        head[20..28].copy_from_slice(&self.queue_offset.to_be_bytes());
        head[28..36].copy_from_slice(&self.commit_log_offset.to_be_bytes());
        head[36..40].copy_from_slice(&self.sys_flag.to_be_bytes());
        head[40..48].copy_from_slice(&self.born_timestamp.to_be_bytes());
        let at = put_host(&mut head, BORN_HOST_AT, &self.born_host);
        head[at..at + 8].copy_from_slice(&self.store_timestamp.to_be_bytes());
        let at = put_host(&mut head, at + 8, &self.store_host);
        head[at..at + 4].copy_from_slice(&self.reconsume_times.to_be_bytes());
        head[at + 4..at + 12].copy_from_slice(&self.prepared_transaction_offset.to_be_bytes());
        head[at + 12..at + 16].copy_from_slice(&self.body_len.to_be_bytes());
        out.extend_from_slice(&head[..at + 16]);
    }
}

/// Writes a host at `at` and says where the next field starts.
fn put_host(head: &mut [u8; HEAD_LEN_MAX], at: usize, host: &SocketAddr) -> usize {
    let port_at = match host {
        SocketAddr::V4(v4) => {
            head[at..at + 4].copy_from_slice(&v4.ip().octets());
            at + 4
        }
        SocketAddr::V6(v6) => {
            head[at..at + 16].copy_from_slice(&v6.ip().octets());
            at + 16
        }
    };
    head[port_at..port_at + 4].copy_from_slice(&u32::from(host.port()).to_be_bytes());
    port_at + 4
}

/// Appends the part behind the body: topic and properties (given in pieces) with their lengths.
///
/// The lengths must have been checked: a topic fits its prefix, properties fit
/// [`PROPERTIES_LEN_MAX`].
pub fn write_tail(out: &mut Vec<u8>, topic: &[u8], properties: &[&[u8]]) {
    if needs_v2(topic.len()) {
        out.extend_from_slice(&(topic.len() as u16).to_be_bytes());
    } else {
        out.push(topic.len() as u8);
    }
    out.extend_from_slice(topic);
    let len: usize = properties.iter().map(|part| part.len()).sum();
    out.extend_from_slice(&(len as u16).to_be_bytes());
    for part in properties {
        out.extend_from_slice(part);
    }
}

impl Record<'_> {
    /// Appends the record's bytes, lengths and magic worked out from the fields. The inverse of
    /// [`decode`].
    pub fn write(&self, out: &mut Vec<u8>) {
        let sys_flag = with_host_bits(self.sys_flag, &self.born_host, &self.store_host);
        let topic_len = self.topic.len();
        Head {
            total_len: record_len(sys_flag, self.body.len(), topic_len, self.properties.len())
                as u32,
            is_v2: needs_v2(topic_len),
            body_crc: self.body_crc,
            queue_id: self.queue_id,
            flag: self.flag,
            queue_offset: self.queue_offset,
            commit_log_offset: self.commit_log_offset,
            sys_flag,
            born_timestamp: self.born_timestamp,
            born_host: self.born_host,
            store_timestamp: self.store_timestamp,
            store_host: self.store_host,
            reconsume_times: self.reconsume_times,
            prepared_transaction_offset: self.prepared_transaction_offset,
            body_len: self.body.len() as u32,
        }
        .write(out);
        out.extend_from_slice(self.body);
        write_tail(out, self.topic, &[self.properties]);
    }
}

/// Reads what stands at the start of `bytes`, which may go on behind it.
///
/// # Errors
/// [`BadRecord`]; no field of such bytes may be believed.
pub fn decode(bytes: &[u8]) -> Result<Entry<'_>, BadRecord> {
    let mut reader = Reader { bytes, at: 0 };
    let total = reader.u32().ok_or(BadRecord::Cut(0))?;
    let magic = reader.u32().ok_or(BadRecord::Cut(total))?;
    let is_v2 = match magic {
        MAGIC_V1 => false,
        MAGIC_V2 => true,
        FILLER_MAGIC => return Ok(Entry::Filler(total)),
        other => return Err(BadRecord::Magic(other)),
    };
    let total_len = total as usize;
    if total_len < RECORD_LEN_MIN {
        return Err(BadRecord::Lengths(total));
    }
    reader.bytes = bytes.get(..total_len).ok_or(BadRecord::Cut(total))?;
    match reader.record(total_len, is_v2) {
        Some(record) if reader.at == total_len => Ok(Entry::Record(record)),
        _ => Err(BadRecord::Lengths(total)),
    }
}

/// Bytes of the property that holds a record's own CRC: name, separator, digits, separator.
pub const RECORD_CRC_LEN: usize = 8 + 1 + 10 + 1;

/// The property that holds the CRC of the record whose bytes up to here are `record`.
pub fn record_crc_property(record: &[u8]) -> [u8; RECORD_CRC_LEN] {
    let mut property = *b"__CRC32#\x010000000000\x02";
    let mut rest = base::crc32::crc32_31(record);
    // The digits come in reverse.
    for digit in &mut property[9..19] {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    property
}

/// Whether the record's own CRC, if it has one as last property, is right. `record` is the whole
/// record and nothing else.
pub fn is_record_crc_right(record: &[u8]) -> bool {
    match record.split_last_chunk::<RECORD_CRC_LEN>() {
        Some((covered, property)) if property.starts_with(b"__CRC32#\x01") => {
            record_crc_property(covered) == *property
        }
        _ => true,
    }
}

/// The commit log offset a record claims to be at; `None` when `bytes` is too short.
pub fn own_offset(bytes: &[u8]) -> Option<i64> {
    Reader { bytes, at: COMMIT_LOG_OFFSET_AT }.i64()
}

/// The store timestamp of a record of which at least the head is given.
pub fn store_timestamp(bytes: &[u8]) -> Option<i64> {
    let flag = Reader { bytes, at: SYSTEM_FLAG_AT }.i32()?;
    let at = BORN_HOST_AT + host_len(flag & system_flag::BORN_HOST_V6 != 0);
    Reader { bytes, at }.i64()
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let part = self.bytes.get(self.at..self.at.checked_add(len)?)?;
        self.at += len;
        Some(part)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    fn i32(&mut self) -> Option<i32> {
        self.array().map(i32::from_be_bytes)
    }

    fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_be_bytes)
    }

    fn host(&mut self, is_v6: bool) -> Option<SocketAddr> {
        let ip: IpAddr = if is_v6 {
            Ipv6Addr::from(self.array::<16>()?).into()
        } else {
            Ipv4Addr::from(self.array::<4>()?).into()
        };
        // Java writes the port as an int; what is no port cannot be told apart later anyway.
        Some(SocketAddr::new(ip, self.u32()? as u16))
    }

    fn record(&mut self, total_len: usize, is_v2: bool) -> Option<Record<'a>> {
        let body_crc = self.u32()?;
        let queue_id = self.i32()?;
        let flag = self.i32()?;
        let queue_offset = self.i64()?;
        let commit_log_offset = self.i64()?;
        let sys_flag = self.i32()?;
        let born_timestamp = self.i64()?;
        let born_host = self.host(sys_flag & system_flag::BORN_HOST_V6 != 0)?;
        let store_timestamp = self.i64()?;
        let store_host = self.host(sys_flag & system_flag::STORE_HOST_V6 != 0)?;
        let reconsume_times = self.i32()?;
        let prepared_transaction_offset = self.i64()?;
        let body_len = usize::try_from(self.i32()?).ok()?;
        let body = self.take(body_len)?;
        let topic_len = if is_v2 {
            usize::from(u16::from_be_bytes(self.array()?))
        } else {
            usize::from(self.array::<1>()?[0])
        };
        let topic = self.take(topic_len)?;
        let properties_len = usize::from(u16::from_be_bytes(self.array()?));
        let properties = self.take(properties_len)?;
        Some(Record {
            total_len,
            body_crc,
            queue_id,
            flag,
            queue_offset,
            commit_log_offset,
            sys_flag,
            born_timestamp,
            born_host,
            store_timestamp,
            store_host,
            reconsume_times,
            prepared_transaction_offset,
            body,
            topic,
            properties,
        })
    }
}

#[cfg(test)]
mod tests;
