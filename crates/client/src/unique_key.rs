//! The ids producers give their messages, in Java's form: 32 hexadecimal digits of address (4
//! bytes), process (2), a number of the process (4), milliseconds since the month began (4) and a
//! counter (2). Tools read the time out of them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};

use base::clock::{mono_ns, wall_ms};

const DAY_MS: i64 = 86_400_000;

/// A new id, different from all others of this process. `towards` is any address this machine
/// talks to: its side of that path is the address in the ids. The first call decides.
pub fn unique_key(towards: &str) -> String {
    static PREFIX: OnceLock<[u8; 10]> = OnceLock::new();
    static COUNTER: AtomicU16 = AtomicU16::new(0);
    let prefix = PREFIX.get_or_init(|| prefix(own_ip(towards)));
    write(prefix, wall_ms(), COUNTER.fetch_add(1, Ordering::Relaxed))
}

/// This machine's address on the way to `towards` (`host:port`); the loopback one when there is no
/// way.
pub fn own_ip(towards: &str) -> Ipv4Addr {
    let find = || -> std::io::Result<SocketAddr> {
        let to = remoting::address::resolve(towards)?;
        let socket = UdpSocket::bind("0.0.0.0:0")?;
        // Sends nothing: it only asks for the route.
        socket.connect(to)?;
        socket.local_addr()
    };
    match find().map(|address| address.ip()) {
        Ok(IpAddr::V4(ip)) => ip,
        _ => Ipv4Addr::LOCALHOST,
    }
}

fn prefix(ip: Ipv4Addr) -> [u8; 10] {
    let mut prefix = [0; 10];
    prefix[..4].copy_from_slice(&ip.octets());
    prefix[4..6].copy_from_slice(&(std::process::id() as u16).to_be_bytes());
    // Java puts the hash of a class loader here: what tells two runs with one process id apart.
    let run = (wall_ms() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ mono_ns();
    prefix[6..].copy_from_slice(&((run >> 16) as u32).to_be_bytes());
    prefix
}

fn write(prefix: &[u8; 10], now_ms: i64, counter: u16) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut raw = [0; 16];
    raw[..10].copy_from_slice(prefix);
    let in_month_ms = now_ms - month_start_ms(now_ms);
    raw[10..14].copy_from_slice(&(in_month_ms as u32).to_be_bytes());
    raw[14..].copy_from_slice(&counter.to_be_bytes());
    let mut text = String::with_capacity(32);
    for byte in raw {
        text.push(char::from(HEX[usize::from(byte >> 4)]));
        text.push(char::from(HEX[usize::from(byte & 15)]));
    }
    text
}

/// When the month (UTC) of `now_ms` began. Java takes the machine's time zone; readers allow for
/// the difference, because only the month's turn would show it.
fn month_start_ms(now_ms: i64) -> i64 {
    let day = now_ms.div_euclid(DAY_MS);
    // Days from 1 March of year 0, in cycles of 400 years (146,097 days).
    let in_cycle = (day + 719_468).rem_euclid(146_097);
    let year_of_cycle =
        (in_cycle - in_cycle / 1_460 + in_cycle / 36_524 - in_cycle / 146_096) / 365;
    let in_year = in_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    let month = (5 * in_year + 2) / 153;
    let day_of_month = in_year - (153 * month + 2) / 5;
    (day - day_of_month) * DAY_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_begin_where_the_calendar_says() {
        for (now_ms, start_ms) in [
            (0, 0),
            // 2024-02-29T12:00:00Z and 2024-02-01, 2024-03-01T00:00:00Z, 2026-11-21, 1969-12-31.
            (1_709_208_000_000, 1_706_745_600_000),
            (1_709_251_200_000, 1_709_251_200_000),
            (1_795_262_112_882, 1_793_491_200_000),
            (-1, -31 * DAY_MS),
        ] {
            assert_eq!(month_start_ms(now_ms), start_ms, "{now_ms}");
        }
    }

    #[test]
    fn ids_have_javas_layout_and_differ() {
        let prefix = [127, 0, 0, 1, 0x12, 0x34, 0xaa, 0xbb, 0xcc, 0xdd];
        let id = write(&prefix, 1_793_491_200_000 + 0x0102_0304, 0x00ff);
        assert_eq!(id, "7F0000011234AABBCCDD0102030400FF");
        let (a, b) = (unique_key("127.0.0.1:1"), unique_key("127.0.0.1:1"));
        assert_ne!(a, b);
        assert!(a.starts_with("7F000001") && a.len() == 32);
    }
}
