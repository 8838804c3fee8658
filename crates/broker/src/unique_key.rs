//! Ids for messages whose client gave none, in the form Java clients give them: address, process,
//! a number of the process, milliseconds, a counter; 32 hex digits.

use std::net::{IpAddr, SocketAddr};

/// Makes ids.
#[derive(Debug)]
pub struct UniqueKeys {
    prefix: [u8; 10],
    started_ms: i64,
    counter: u16,
}

impl UniqueKeys {
    /// Ids of this process as seen at `address`.
    pub fn new(address: SocketAddr, started_ms: i64) -> UniqueKeys {
        let mut prefix = [0; 10];
        let ip: [u8; 4] = match address.ip() {
            IpAddr::V4(ip) => ip.octets(),
            IpAddr::V6(ip) => {
                let octets = ip.octets();
                [octets[12], octets[13], octets[14], octets[15]]
            }
        };
        prefix[..4].copy_from_slice(&ip);
        prefix[4..6].copy_from_slice(&(std::process::id() as u16).to_be_bytes());
        prefix[6..].copy_from_slice(&(started_ms as u32).to_be_bytes());
        UniqueKeys { prefix, started_ms, counter: 0 }
    }

    /// The next id.
    pub fn next(&mut self, now_ms: i64) -> [u8; 32] {
        self.counter = self.counter.wrapping_add(1);
        let mut raw = [0; 16];
        raw[..10].copy_from_slice(&self.prefix);
        raw[10..14].copy_from_slice(&((now_ms - self.started_ms) as u32).to_be_bytes());
        raw[14..].copy_from_slice(&self.counter.to_be_bytes());
        let mut text = [0; 32];
        for (pair, byte) in text.chunks_exact_mut(2).zip(raw) {
            const HEX: &[u8; 16] = b"0123456789ABCDEF";
            pair[0] = HEX[usize::from(byte >> 4)];
            pair[1] = HEX[usize::from(byte & 15)];
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_and_have_javas_form() {
        let mut keys = UniqueKeys::new(SocketAddr::from(([127, 0, 0, 1], 10911)), 1_000);
        let (a, b) = (keys.next(2_000), keys.next(2_000));
        assert_ne!(a, b);
        assert!(a.starts_with(b"7F000001") && a.iter().all(u8::is_ascii_hexdigit));
    }
}
