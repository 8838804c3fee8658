//! CRC-32 (IEEE, as `java.util.zip.CRC32`).

/// The checksum of `bytes`.
pub fn crc32(bytes: &[u8]) -> u32 {
    crc32fast::hash(bytes)
}

/// The checksum as RocketMQ stores it: the sign bit cleared.
pub fn crc32_31(bytes: &[u8]) -> u32 {
    crc32(bytes) & 0x7fff_ffff
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_check_value_of_the_polynomial() {
        assert_eq!(super::crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(super::crc32_31(b"123456789"), 0x4bf4_3926);
    }
}
