//! Reads the stored messages in a pull reply, as far as the load generator needs them.

use anyhow::{Context, bail};

/// Header bytes of a stored message up to the born host.
const BORN_HOST_AT: usize = 48;
/// Set in the flags of a message whose born host is an IPv6 address.
const BORN_HOST_V6: i32 = 1 << 4;
/// Set in the flags of a message whose store host is an IPv6 address.
const STORE_HOST_V6: i32 = 1 << 5;

/// One delivered message.
#[derive(Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its queue.
    pub queue_id: i32,
    /// Its offset in that queue.
    pub queue_offset: i64,
    /// Its payload.
    pub body: &'a [u8],
}

/// Cuts the first record off `bytes`; `None` at the end.
///
/// # Errors
/// The bytes are not a whole record.
pub fn next<'a>(bytes: &mut &'a [u8]) -> anyhow::Result<Option<Record<'a>>> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let total = i32_at(bytes, 0)? as usize;
    if total > bytes.len() || total < BORN_HOST_AT {
        bail!("a delivered record says {total} bytes, {} are there", bytes.len());
    }
    let (record, rest) = bytes.split_at(total);
    *bytes = rest;
    let flags = i32_at(record, 36)?;
    let host = |v6: i32| if flags & v6 == 0 { 8 } else { 20 };
    // Born host, store time, store host, reconsume times, prepared transaction offset.
    let body_len_at = BORN_HOST_AT + host(BORN_HOST_V6) + 8 + host(STORE_HOST_V6) + 4 + 8;
    let body_len = i32_at(record, body_len_at)? as usize;
    let body = record.get(body_len_at + 4..).and_then(|rest| rest.get(..body_len));
    Ok(Some(Record {
        queue_id: i32_at(record, 12)?,
        queue_offset: i64::from_be_bytes(*record[20..].first_chunk().context("short record")?),
        body: body.context("a delivered record's body is longer than the record")?,
    }))
}

fn i32_at(bytes: &[u8], at: usize) -> anyhow::Result<i32> {
    let chunk =
        bytes.get(at..).and_then(<[u8]>::first_chunk).context("a delivered record is cut")?;
    Ok(i32::from_be_bytes(*chunk))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(flags: i32, queue_offset: i64, body: &[u8]) -> Vec<u8> {
        let host = |v6: i32| if flags & v6 == 0 { 8 } else { 20 };
        let mut out = vec![0; 48];
        out[12..16].copy_from_slice(&3_i32.to_be_bytes());
        out[20..28].copy_from_slice(&queue_offset.to_be_bytes());
        out[36..40].copy_from_slice(&flags.to_be_bytes());
        out.resize(out.len() + host(BORN_HOST_V6) + 8 + host(STORE_HOST_V6) + 12, 0xff);
        out.extend_from_slice(&(body.len() as i32).to_be_bytes());
        out.extend_from_slice(body);
        out.extend_from_slice(b"\x01T\x00\x00");
        let total = out.len() as i32;
        out[..4].copy_from_slice(&total.to_be_bytes());
        out
    }

    #[test]
    fn records_follow_each_other() {
        let both = [record(0, 41, b"one"), record(BORN_HOST_V6 | STORE_HOST_V6, 42, b"")].concat();
        let mut rest = &both[..];
        let first = next(&mut rest).unwrap().unwrap();
        assert_eq!(first, Record { queue_id: 3, queue_offset: 41, body: b"one" });
        let second = next(&mut rest).unwrap().unwrap();
        assert_eq!(second, Record { queue_id: 3, queue_offset: 42, body: b"" });
        assert_eq!(next(&mut rest).unwrap(), None);
    }

    #[test]
    fn cut_records_are_refused() {
        let whole = record(0, 1, b"payload");
        for len in 1..whole.len() {
            assert!(next(&mut &whole[..len]).is_err(), "{len}");
        }
        let mut long_body = whole.clone();
        long_body[84..88].fill(0x7f);
        assert!(next(&mut &long_body[..]).is_err());
        let mut negative = whole;
        negative[..4].fill(0xff);
        assert!(next(&mut &negative[..]).is_err());
    }
}
