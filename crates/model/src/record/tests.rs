//! Tests of `record`.

use super::*;

fn sample() -> Record<'static> {
    Record {
        total_len: 0,
        body_crc: base::crc32::crc32_31(b"hello"),
        queue_id: 3,
        flag: 7,
        queue_offset: 42,
        commit_log_offset: 4096,
        sys_flag: 0,
        born_timestamp: 1_700_000_000_000,
        born_host: "127.0.0.1:50000".parse().unwrap(),
        store_timestamp: 1_700_000_000_001,
        store_host: "10.1.2.3:10911".parse().unwrap(),
        reconsume_times: 2,
        prepared_transaction_offset: 9,
        body: b"hello",
        topic: b"TopicTest",
        properties: b"TAGS\x01TagA\x02",
    }
}

fn bytes_of(record: &Record<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    record.write(&mut out);
    out
}

fn decoded(bytes: &[u8]) -> Record<'_> {
    match decode(bytes) {
        Ok(Entry::Record(record)) => record,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_written_is_read() {
    let v6: SocketAddr = "[2001:db8::1]:65535".parse().unwrap();
    let long_topic = vec![b't'; 200];
    for (born_v6, store_v6, topic, body) in [
        (false, false, &b"TopicTest"[..], &b"hello"[..]),
        (true, false, b"T", b""),
        (false, true, &long_topic, b"x"),
        (true, true, &long_topic[..127], b"y"),
    ] {
        let mut record = Record { topic, body, ..sample() };
        record.body_crc = base::crc32::crc32_31(body);
        if born_v6 {
            record.born_host = v6;
        }
        if store_v6 {
            record.store_host = v6;
        }
        let mut bytes = bytes_of(&record);
        record.total_len = bytes.len();
        record.sys_flag = with_host_bits(0, &record.born_host, &record.store_host);
        let expected_len =
            record_len(record.sys_flag, body.len(), topic.len(), record.properties.len());
        assert_eq!(bytes.len(), expected_len);
        bytes.extend_from_slice(b"what follows");
        assert_eq!(decoded(&bytes), record);
        assert!(record.is_body_intact());
        assert_eq!(own_offset(&bytes), Some(4096));
        assert_eq!(store_timestamp(&bytes), Some(1_700_000_000_001));
    }
}

#[test]
fn every_cut_is_noticed() {
    let bytes = bytes_of(&sample());
    for len in 0..bytes.len() {
        assert!(matches!(decode(&bytes[..len]), Err(BadRecord::Cut(_))), "{len}");
    }
}

#[test]
fn no_byte_can_make_it_panic() {
    let good = bytes_of(&sample());
    for at in 0..good.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut bytes = good.clone();
            bytes[at] = value;
            let _ = decode(&bytes);
        }
    }
}

#[test]
fn zeros_fillers_and_wrong_lengths() {
    assert_eq!(decode(&[0; 100]), Err(BadRecord::Magic(0)));
    let filler = [&100_u32.to_be_bytes()[..], &FILLER_MAGIC.to_be_bytes()[..]].concat();
    assert_eq!(decode(&filler), Ok(Entry::Filler(100)));
    let mut bytes = bytes_of(&sample());
    let at = bytes.len() - sample().properties.len() - 1;
    bytes[at] -= 1;
    assert!(matches!(decode(&bytes), Err(BadRecord::Lengths(_))));
}

#[test]
fn a_changed_body_is_noticed() {
    let mut bytes = bytes_of(&sample());
    bytes[HEAD_LEN_V4] ^= 1;
    assert!(!decoded(&bytes).is_body_intact());
}

#[test]
fn a_record_may_have_a_crc_of_its_own() {
    let mut record = sample();
    record.properties = b"__CRC32#\x010000000000\x02";
    let mut bytes = bytes_of(&record);
    assert!(!is_record_crc_right(&bytes));
    let covered = bytes.len() - RECORD_CRC_LEN;
    let property = record_crc_property(&bytes[..covered]);
    bytes[covered..].copy_from_slice(&property);
    assert!(is_record_crc_right(&bytes));
    bytes[20] ^= 1;
    assert!(!is_record_crc_right(&bytes));
    assert!(is_record_crc_right(&bytes_of(&sample())));
}
