//! Addresses as people write them: `host:port`, several separated by `;`.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

/// Splits a list such as `a:9876;b:9876`; `,` separates too, as some tools write it.
pub fn split_list(list: &str) -> Vec<String> {
    list.split([';', ',']).map(str::trim).filter(|a| !a.is_empty()).map(str::to_owned).collect()
}

/// Resolves `host:port` (A15: names work wherever addresses do); IPv4 is preferred.
///
/// # Errors
/// The text is no address, or the name does not resolve; the error names it.
pub fn resolve(address: &str) -> io::Result<SocketAddr> {
    let address = address.strip_prefix("http://").unwrap_or(address);
    let named = |e: io::Error| io::Error::new(e.kind(), format!("{address}: {e}"));
    let found: Vec<SocketAddr> = address.to_socket_addrs().map_err(named)?.collect();
    found
        .iter()
        .find(|a| a.is_ipv4())
        .or(found.first())
        .copied()
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("{address}: no address")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_names() {
        assert_eq!(split_list("a:1; b:2;;"), ["a:1", "b:2"]);
        assert_eq!(resolve("127.0.0.1:9876").expect("an address").port(), 9876);
        assert!(resolve("nonsense").expect_err("no port").to_string().contains("nonsense"));
    }
}
