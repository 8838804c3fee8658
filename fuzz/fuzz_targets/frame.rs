//! Both header encodings: any bytes decode or are refused, and what decodes into a hot request
//! does so without a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::request::hot::{PullView, SendView};

fuzz_target!(|data: &[u8]| {
    let Ok(Some(len)) = protocol::frame_len(data) else { return };
    if len > data.len() {
        return;
    }
    let mut bytes = data[..len].to_vec();
    if let Ok(frame) = protocol::decode(&mut bytes) {
        for (key, value) in frame.fields.iter() {
            std::hint::black_box((key, value));
        }
        let _ = SendView::read(frame.code, &frame.fields);
        let _ = PullView::read(&frame.fields);
    }
});
