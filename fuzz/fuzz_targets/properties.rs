//! Message properties and configuration text: any bytes are read, and what is written is read
//! back.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let known = broker::properties::scan(data);
    std::hint::black_box(known.tags_code());
    let mut rest = Vec::new();
    broker::properties::append_without(&mut rest, data, b"POP_CK");
    assert!(!broker::properties::scan(&rest).has_receipt_handle);
    let text = String::from_utf8_lossy(data);
    for property in base::properties::parse(&text) {
        let mut out = String::new();
        base::properties::write(&mut out, &property.key, &property.value);
        let again = base::properties::parse(&out);
        if !property.key.is_empty() {
            assert_eq!(again.len(), 1, "{out:?}");
            assert_eq!(again[0].key, property.key);
            assert_eq!(again[0].value, property.value);
        }
    }
});
