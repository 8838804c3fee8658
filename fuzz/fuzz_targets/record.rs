//! The stored record: any bytes decode or are refused.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = model::record::decode(data);
    for message in model::batch::messages(data) {
        if message.is_err() {
            break;
        }
    }
});
