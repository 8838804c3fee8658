//! Messages as they come from a broker. All messages of one pull share its bytes.

use std::io::Read;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;

use flate2::read::ZlibDecoder;
use model::message::{properties, property, system_flag};
use model::message_id::MessageId;
use model::record::{self, Entry, Record};
use protocol::body::MessageQueue;

use crate::error::Error;

/// Largest body a compressed one may grow to, in bytes; what claims more is not expanded.
const EXPANDED_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A message read from a broker.
#[derive(Clone, Debug)]
pub struct Received {
    bytes: Arc<[u8]>,
    body: Range<usize>,
    expanded: Option<Arc<[u8]>>,
    topic: Range<usize>,
    properties: Range<usize>,
    /// Where it was read from.
    pub queue: Arc<MessageQueue>,
    /// Its place in the queue.
    pub queue_offset: i64,
    /// Its place in the broker's log.
    pub commit_log_offset: i64,
    /// When its producer made it, ms since 1970.
    pub born_timestamp: i64,
    /// When its broker stored it, ms since 1970.
    pub store_timestamp: i64,
    /// Who sent it.
    pub born_host: SocketAddr,
    /// The broker that stored it.
    pub store_host: SocketAddr,
    /// How often consumers gave it back.
    pub reconsume_times: i32,
    /// The producer's own number.
    pub flag: i32,
    /// Compression and transaction bits.
    pub sys_flag: i32,
    /// CRC of the body as it was stored.
    pub body_crc: i32,
    /// Place of the half message in the log, for what a transaction put.
    pub prepared_transaction_offset: i64,
}

impl Received {
    /// The content, expanded if it was compressed with zlib; other compressions are left as they
    /// came (see `sys_flag`).
    pub fn body(&self) -> &[u8] {
        match &self.expanded {
            Some(body) => body,
            None => &self.bytes[self.body.clone()],
        }
    }

    /// The topic it is stored under.
    pub fn topic(&self) -> &str {
        std::str::from_utf8(&self.bytes[self.topic.clone()]).unwrap_or_default()
    }

    /// All properties.
    pub fn properties(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        properties(&self.bytes[self.properties.clone()])
    }

    /// A property's value; `None` also when it is not UTF-8.
    pub fn property(&self, name: &str) -> Option<&str> {
        let text = &self.bytes[self.properties.clone()];
        model::message::property(text, name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// The tag.
    pub fn tag(&self) -> Option<&str> {
        self.property(property::TAGS)
    }

    /// The words it can be found by.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.property(property::KEYS).unwrap_or_default().split_ascii_whitespace()
    }

    /// The id its producer gave it; else the broker's id.
    pub fn message_id(&self) -> String {
        match self.property(property::UNIQUE_KEY) {
            Some(key) => key.to_owned(),
            None => self.offset_message_id(),
        }
    }

    /// The broker's id: address and place in its log.
    pub fn offset_message_id(&self) -> String {
        let (store_host, commit_log_offset) = (self.store_host, self.commit_log_offset);
        MessageId { store_host, commit_log_offset }.to_string()
    }

    /// Bytes of the whole record.
    pub fn record_bytes(&self) -> usize {
        self.properties.end + record::head_len(self.sys_flag) - self.body.start
    }
}

/// Reads the messages of a pull's or query's body. `queue` is where they were asked from; a query
/// gives none, then each message's own topic and queue id are taken and `broker_name`.
///
/// # Errors
/// The bytes are not records; nothing of them is believed.
pub fn read_all(
    body: &[u8],
    queue: Option<&Arc<MessageQueue>>,
    broker_name: &str,
) -> Result<Vec<Received>, Error> {
    let bytes: Arc<[u8]> = body.into();
    let (mut found, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let entry = record::decode(&bytes[at..]);
        let entry = entry.map_err(|e| Error::BadAnswer(format!("message at byte {at}: {e}")))?;
        let Entry::Record(record) = entry else {
            return Err(Error::BadAnswer(format!("filler at byte {at}")));
        };
        if !record.is_body_intact() {
            return Err(Error::BadAnswer(format!("message at byte {at}: the CRC does not fit")));
        }
        let queue = queue.cloned().unwrap_or_else(|| {
            Arc::new(MessageQueue {
                broker_name: broker_name.to_owned(),
                queue_id: record.queue_id,
                topic: String::from_utf8_lossy(record.topic).into_owned(),
            })
        });
        found.push(received(&bytes, at, &record, queue));
        at += record.total_len;
    }
    Ok(found)
}

fn received(
    bytes: &Arc<[u8]>,
    at: usize,
    record: &Record<'_>,
    queue: Arc<MessageQueue>,
) -> Received {
    let body_at = at + record::head_len(record.sys_flag);
    let properties_end = at + record.total_len;
    let properties_at = properties_end - record.properties.len();
    let topic_end = properties_at - 2;
    Received {
        body: body_at..body_at + record.body.len(),
        expanded: expanded(record),
        topic: topic_end - record.topic.len()..topic_end,
        properties: properties_at..properties_end,
        queue,
        queue_offset: record.queue_offset,
        commit_log_offset: record.commit_log_offset,
        born_timestamp: record.born_timestamp,
        store_timestamp: record.store_timestamp,
        born_host: record.born_host,
        store_host: record.store_host,
        reconsume_times: record.reconsume_times,
        flag: record.flag,
        sys_flag: record.sys_flag,
        body_crc: record.body_crc as i32,
        prepared_transaction_offset: record.prepared_transaction_offset,
        bytes: bytes.clone(),
    }
}

fn expanded(record: &Record<'_>) -> Option<Arc<[u8]>> {
    /// Kinds of compression that mean zlib: that of old clients and the explicit one.
    const ZLIB: [i32; 2] = [0, 3 << 8];
    let is_compressed = record.sys_flag & system_flag::COMPRESSED != 0;
    if !is_compressed || !ZLIB.contains(&(record.sys_flag & system_flag::COMPRESSION_MASK)) {
        return None;
    }
    let mut body = Vec::with_capacity(record.body.len() * 4);
    let mut decoder = ZlibDecoder::new(record.body).take(EXPANDED_BYTES_MAX + 1);
    match decoder.read_to_end(&mut body) {
        Ok(len) if len as u64 <= EXPANDED_BYTES_MAX => Some(body.into()),
        _ => {
            tracing::warn!(offset = record.commit_log_offset, "a body does not expand");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    pub(crate) fn record_bytes(
        queue_offset: i64,
        body: &[u8],
        sys_flag: i32,
        topic: &str,
    ) -> Vec<u8> {
        let mut bytes = Vec::new();
        let record = Record {
            total_len: 0,
            body_crc: base::crc32::crc32_31(body),
            queue_id: 2,
            flag: 7,
            queue_offset,
            commit_log_offset: 1000 + queue_offset,
            sys_flag,
            born_timestamp: 5,
            born_host: "127.0.0.1:50000".parse().unwrap(),
            store_timestamp: 6,
            store_host: "127.0.0.1:10911".parse().unwrap(),
            reconsume_times: 1,
            prepared_transaction_offset: 0,
            body,
            topic: topic.as_bytes(),
            properties: b"TAGS\x01A\x02KEYS\x01k1 k2\x02UNIQ_KEY\x01ID\x02",
        };
        record.write(&mut bytes);
        bytes
    }

    #[test]
    fn messages_share_the_bytes_of_their_pull() {
        let long_topic = "t".repeat(200);
        let mut body = record_bytes(3, b"three", 0, "t");
        let first_len = body.len();
        body.extend(record_bytes(4, b"four", 0, &long_topic));
        let messages = read_all(&body, None, "b").unwrap();
        let said: Vec<_> = messages.iter().map(|m| (m.queue_offset, m.body())).collect();
        assert_eq!(said, [(3, &b"three"[..]), (4, b"four")]);
        let first = &messages[0];
        assert_eq!((first.topic(), messages[1].topic()), ("t", long_topic.as_str()));
        assert_eq!((first.tag(), first.message_id().as_str()), (Some("A"), "ID"));
        assert_eq!(first.keys().collect::<Vec<_>>(), ["k1", "k2"]);
        assert_eq!(first.offset_message_id(), "7F00000100002A9F00000000000003EB");
        assert_eq!(first.record_bytes(), first_len);
        assert_eq!((first.queue.broker_name.as_str(), first.queue.queue_id), ("b", 2));
        assert!(Arc::ptr_eq(&first.bytes, &messages[1].bytes));
    }

    #[test]
    fn compressed_bodies_are_expanded() {
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        zlib.write_all(&[b'x'; 10_000]).unwrap();
        let packed = zlib.finish().unwrap();
        for (flag, len) in [(1, 10_000), (1 | 3 << 8, 10_000), (1 | 2 << 8, packed.len())] {
            let messages = read_all(&record_bytes(0, &packed, flag, "t"), None, "b").unwrap();
            assert_eq!(messages[0].body().len(), len, "{flag}");
        }
        let broken = read_all(&record_bytes(0, b"no zlib", 1, "t"), None, "b").unwrap();
        assert_eq!(broken[0].body(), b"no zlib");
    }

    #[test]
    fn damaged_bytes_are_refused() {
        let whole = record_bytes(3, b"three", 0, "t");
        for len in 1..whole.len() {
            assert!(read_all(&whole[..len], None, "b").is_err(), "{len}");
        }
        let mut flipped = whole.clone();
        flipped[record::HEAD_LEN_V4] ^= 1;
        assert!(read_all(&flipped, None, "b").is_err());
        assert!(read_all(&[], None, "b").unwrap().is_empty());
    }
}
