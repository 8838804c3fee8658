//! The tolerant JSON reader: any bytes are read or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = protocol::fastjson::read::<serde_json::Value>(data);
});
