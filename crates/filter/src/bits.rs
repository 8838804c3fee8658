//! A bit map as Java stores it in the extension of consume queues: bit *n* is bit *n* % 8 of byte
//! *n* / 8, the least significant one first.

/// Bits with a fixed length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bits {
    bytes: Box<[u8]>,
}

impl Bits {
    /// `bit_count` zeros, rounded up to whole bytes.
    pub fn zeros(bit_count: u32) -> Bits {
        Bits { bytes: vec![0; bit_count.div_ceil(8) as usize].into() }
    }

    /// Sets a bit; those beyond the end are passed over.
    pub fn set(&mut self, position: u32) {
        if let Some(byte) = self.bytes.get_mut(position as usize / 8) {
            *byte |= 1 << (position % 8);
        }
    }

    /// The bytes, for the disk.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Whether a bit of a stored map is set; those beyond the end are not.
pub fn is_set(bytes: &[u8], position: u32) -> bool {
    bytes.get(position as usize / 8).is_some_and(|byte| byte & 1 << (position % 8) != 0)
}
