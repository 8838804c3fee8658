//! SQL92 expressions: any text compiles or is refused, and what compiles is evaluated over any
//! properties. A zero byte ends the expression; the rest are properties.
#![no_main]

use filter::{Expression, PropertiesText};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let end = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
    let text = String::from_utf8_lossy(&data[..end]);
    match Expression::compile(&text) {
        Ok(expression) => {
            let _ = expression.evaluate(&PropertiesText(&data[end..]));
            let _ = expression.evaluate(&PropertiesText(b"a\x0110\x02b\x01abc\x02c\x01true\x02"));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
