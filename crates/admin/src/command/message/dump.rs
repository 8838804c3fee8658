//! Messages of a file of a compacted topic, which has the commit log's layout.

use std::path::Path;

use base::disk::{Disk, RealDisk};
use client::received::read_all;

use super::text;
use crate::call::Call;
use crate::error::Error;

/// `dumpCompactionLog`.
///
/// # Errors
/// The file cannot be read.
pub fn run(call: &mut Call) -> Result<(), Error> {
    let Some(name) = call.options.get("f").map(str::to_owned) else {
        call.out.line("miss dump log file name");
        return Ok(());
    };
    let path = Path::new(&name);
    if !path.exists() {
        return Err(Error::failed(format!("file {name} not exist.")));
    }
    if path.is_dir() {
        return Err(Error::failed(format!("file {name} is a directory.")));
    }
    let bytes = RealDisk.read(path)?;
    let mut rest = bytes.as_slice();
    while let Some(size) = rest.first_chunk::<4>().map(|head| u32::from_be_bytes(*head) as usize) {
        // What is no message ends the file: it is filled up with zeros.
        let Some(record) = rest.get(..size).filter(|record| !record.is_empty()) else { break };
        let Ok(found) = read_all(record, None, "null") else { break };
        for message in &found {
            let json = text::json(message, "UTF-8")?;
            call.out.item(&format!("{}\n", text::stored_message(message)), "found", json);
        }
        rest = &rest[size..];
    }
    Ok(())
}
