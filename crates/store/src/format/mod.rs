//! Byte layouts of the store's files, except the record (see `model::record`). No I/O here.

pub mod checkpoint;
pub mod index;
pub mod journal;
pub mod unit;

/// Java's file names: the offset of the file's first byte in 20 digits.
pub fn file_name(start: i64) -> String {
    format!("{start:020}")
}

/// The inverse of [`file_name`]; `None` for any other name.
pub fn parse_file_name(name: &std::ffi::OsStr) -> Option<i64> {
    let name = name.to_str()?;
    (name.len() == 20 && name.bytes().all(|b| b.is_ascii_digit())).then(|| name.parse().ok())?
}
