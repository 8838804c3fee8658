//! Registration of a broker: JSON, or the compressed form that large brokers send.
//!
//! Read by the name server, written by the broker. The compressed form is a zlib stream of
//! records, each an i32 length and that many bytes: data version (JSON), an i32 count and as many
//! topics (text), filter servers (JSON), an i32 count and as many static topic mappings (JSON;
//! only from 5.0 on).

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

use super::topic::{DataVersion, TopicConfig, TopicConfigSerializeWrapper, TopicFilterType};
use super::{KvTable, StringMap};
use crate::fastjson::{self, BadJson};
use crate::version::V5_0_0;

/// Most bytes a compressed registration may unfold to: 100 times the largest frame's share of
/// topics, small enough to hold in memory.
const UNFOLDED_BYTES_MAX: u64 = 256 * 1024 * 1024;

body! {
    /// Body of REGISTER_BROKER.
    RegisterBrokerBody {
        filter_server_list "filterServerList": Vec<String>,
        topic_config_wrapper "topicConfigSerializeWrapper": TopicConfigSerializeWrapper,
    }

    /// What a broker learns when it registers: the address of its master.
    RegisterBrokerResult {
        ha_server_addr "haServerAddr": Option<String>,
        kv_table "kvTable": Option<KvTable>,
        master_addr "masterAddr": Option<String>,
    }
}

/// The checksum that goes with the body: a CRC-32 without its sign bit, as Java has no unsigned
/// numbers.
pub fn body_crc32(body: &[u8]) -> i32 {
    (crc32fast::hash(body) & 0x7fff_ffff) as i32
}

impl RegisterBrokerBody {
    /// Reads a body. `version` is the broker's, from the header: older brokers end the compressed
    /// form early.
    pub fn decode(body: &[u8], compressed: bool, version: i32) -> Result<Self, BadJson> {
        if !compressed {
            return fastjson::read(body);
        }
        let mut records = Records { stream: ZlibDecoder::new(body).take(UNFOLDED_BYTES_MAX) };
        let data_version: DataVersion = fastjson::read(&records.record()?)?;
        let mut topics = StringMap::new();
        for _ in 0..records.int()? {
            let topic = topic_from_text(&records.text()?)?;
            topics.insert(topic.topic_name.clone(), topic);
        }
        let filter_server_list = fastjson::read(&records.record()?).unwrap_or_default();
        let mut wrapper = TopicConfigSerializeWrapper {
            data_version,
            topic_config_table: topics,
            ..Default::default()
        };
        if version >= V5_0_0 {
            let mut mappings = StringMap::new();
            for _ in 0..records.int()? {
                let info: super::queue_mapping::TopicQueueMappingInfo =
                    fastjson::read(&records.record()?)?;
                mappings.insert(info.topic.clone().unwrap_or_default(), info);
            }
            wrapper.topic_queue_mapping_info_map = Some(mappings);
        }
        Ok(RegisterBrokerBody { filter_server_list, topic_config_wrapper: wrapper })
    }

    /// Writes the body.
    pub fn encode(&self, compressed: bool) -> Vec<u8> {
        if !compressed {
            return fastjson::write(self);
        }
        let wrapper = &self.topic_config_wrapper;
        let mut records = Vec::new();
        push_record(&mut records, &fastjson::write(&wrapper.data_version));
        push_int(&mut records, wrapper.topic_config_table.len());
        for topic in wrapper.topic_config_table.values() {
            push_record(&mut records, topic_to_text(topic).as_bytes());
        }
        push_record(&mut records, &fastjson::write(&self.filter_server_list));
        let mappings = wrapper.topic_queue_mapping_info_map.iter().flatten();
        push_int(&mut records, mappings.clone().count());
        for (_, info) in mappings {
            push_record(&mut records, &fastjson::write(info));
        }
        let mut stream = ZlibEncoder::new(Vec::new(), Compression::best());
        stream.write_all(&records).and_then(|()| stream.finish()).expect("memory takes all writes")
    }
}

fn push_int(out: &mut Vec<u8>, count: usize) {
    out.extend_from_slice(&(count as u32).to_be_bytes());
}

fn push_record(out: &mut Vec<u8>, record: &[u8]) {
    push_int(out, record.len());
    out.extend_from_slice(record);
}

struct Records<S> {
    stream: S,
}

impl<S: Read> Records<S> {
    fn int(&mut self) -> Result<u32, BadJson> {
        let mut bytes = [0; 4];
        self.stream.read_exact(&mut bytes).map_err(cut)?;
        Ok(u32::from_be_bytes(bytes))
    }

    fn record(&mut self) -> Result<Vec<u8>, BadJson> {
        let len = self.int()?;
        let mut record = Vec::new();
        // Grows with what is really there, not with what the length claims.
        let read = (&mut self.stream).take(u64::from(len)).read_to_end(&mut record);
        match read.map_err(cut)? {
            read if read == len as usize => Ok(record),
            _ => Err(BadJson { why: "registration ends in a record".to_owned() }),
        }
    }

    fn text(&mut self) -> Result<String, BadJson> {
        Ok(String::from_utf8_lossy(&self.record()?).into_owned())
    }
}

fn cut(error: std::io::Error) -> BadJson {
    BadJson { why: format!("registration cannot be unfolded: {error}") }
}

/// `name readQueues writeQueues perm filterType attributes`, as registrations write topics.
fn topic_to_text(topic: &TopicConfig) -> String {
    let attributes = fastjson::write(&topic.attributes);
    format!(
        "{} {} {} {} {} {}",
        topic.topic_name,
        topic.read_queue_nums,
        topic.write_queue_nums,
        topic.perm,
        topic.topic_filter_type.name(),
        String::from_utf8_lossy(&attributes),
    )
}

fn topic_from_text(text: &str) -> Result<TopicConfig, BadJson> {
    let bad = || BadJson { why: format!("no topic: {text:.100}") };
    let mut words = text.split(' ');
    let mut word = || words.next().ok_or_else(bad);
    let name = word()?.to_owned();
    let mut number = || word()?.parse::<i32>().map_err(|_| bad());
    let [read_queue_nums, write_queue_nums, perm] = [number()?, number()?, number()?];
    let topic_filter_type = TopicFilterType::from_name(word()?);
    // A blank inside them breaks them; Java ignores that too.
    let attributes = words.next().and_then(|json| fastjson::read(json.as_bytes()).ok());
    Ok(TopicConfig {
        topic_name: name,
        read_queue_nums,
        write_queue_nums,
        perm,
        topic_filter_type,
        attributes: attributes.unwrap_or_default(),
        ..Default::default()
    })
}
