//! Tests of `frame`.

use super::*;
use crate::encode::{FieldWriter, write_request, write_response};

fn json_frame(header: &str, body: &[u8]) -> Vec<u8> {
    let mut frame = ((4 + header.len() + body.len()) as u32).to_be_bytes().to_vec();
    frame.extend_from_slice(&(header.len() as u32).to_be_bytes());
    frame.extend_from_slice(header.as_bytes());
    frame.extend_from_slice(body);
    frame
}

#[test]
fn lengths_out_of_bounds_close_the_connection() {
    assert_eq!(frame_len(&[0, 0, 0]), Ok(None));
    assert_eq!(frame_len(&[0, 0, 0, 4]), Ok(None));
    assert_eq!(announced_len(&[0, 0, 0, 4]), Ok(Some(8)));
    assert_eq!(frame_len(&[0, 0, 0, 4, 0, 0, 0, 0, 9]), Ok(Some(8)));
    assert!(frame_len(&[0, 0, 0, 3]).is_err());
    assert!(frame_len(&[0xff, 0xff, 0xff, 0xff]).is_err());
    assert_eq!(announced_len(&[0, 0xff, 0xff, 0xfc]), Ok(Some(FRAME_BYTES_MAX)));
    assert!(announced_len(&[0, 0xff, 0xff, 0xfd]).is_err());
}

#[test]
fn headers_longer_than_the_frame_are_malformed() {
    assert!(decode(&mut [0, 0, 0, 4, 0, 0, 0, 1]).is_err());
    assert!(decode(&mut [0, 0, 0, 4, 1, 0, 0, 0]).is_err());
    assert!(decode(&mut [0, 0, 0, 6, 2, 0, 0, 2, b'{', b'}']).is_err());
    assert!(decode(&mut json_frame("{}", b"")).is_ok());
    assert!(decode(&mut json_frame("", b"")).is_err());
    let mut with_tail = json_frame("{}", b"");
    with_tail.push(0);
    assert!(decode(&mut with_tail).is_err());
}

#[test]
fn a_json_header_is_read() {
    let mut bytes = json_frame(
        "{\"code\":310,\"extFields\":{\"a\":\"g\",\"i\":\"k\\u0001v\\u0002\"},\"flag\":2,\
         \"language\":\"GO\",\"opaque\":-7,\"remark\":\"a\\nb\\\"\",\"version\":317}",
        b"body",
    );
    let frame = decode(&mut bytes).unwrap();
    assert_eq!((frame.kind, frame.code, frame.opaque), (HeaderKind::Json, 310, -7));
    assert_eq!((frame.flag, frame.version, frame.language), (2, 317, Language(9)));
    assert!(frame.is_oneway() && !frame.is_response());
    assert_eq!(frame.remark, Some(&b"a\nb\""[..]));
    assert_eq!(frame.fields.get("a"), Some(&b"g"[..]));
    assert_eq!(frame.fields.get("i"), Some(&b"k\x01v\x02"[..]));
    assert_eq!(frame.body, b"body");
}

#[test]
fn json_headers_are_read_as_leniently_as_java_reads_them() {
    let gap = " ".repeat(400);
    let mut bytes = json_frame(
        &format!(
            "\n{{ code : '11', 'version': null, \"unknown\" : {{\"a\":[1,\"}}\\\"\",'x']}}, flag:1,\
             language:'KLINGON', remark:null, \"opaque\":\"12\", serializeTypeCurrentRPC:\"JSON\",\
             extFields:{{ topic:'T', \"n\":null, b:true, n2 : -12, \"o\":{{\"x\":1}}, \"e\":\"\",\
             \"far\":{gap}\"away\", \"topic\":\"U\",}},}}"
        ),
        b"",
    );
    let frame = decode(&mut bytes).unwrap();
    assert_eq!((frame.code, frame.flag, frame.opaque, frame.version), (11, 1, 12, 0));
    assert_eq!((frame.language, frame.remark), (Language::OTHER, None));
    let known = [("topic", "U"), ("b", "true"), ("n2", "-12"), ("o", "{\"x\":1}"), ("e", "")];
    for (key, value) in known.into_iter().chain([("far", "away")]) {
        assert_eq!(frame.fields.text(key), Some(value), "{key}");
    }
    assert_eq!(frame.fields.get("n"), None);
}

#[test]
fn escapes_are_replaced_in_place() {
    let check = |escaped: &str, expected: &str| {
        let mut bytes = json_frame(&format!("{{\"remark\":\"{escaped}\"}}"), b"");
        assert_eq!(decode(&mut bytes).unwrap().remark_text(), expected, "{escaped}");
    };
    check(r"\u4f60\u597D!", "你好!");
    check(r"x\ud83d\ude00y", "x😀y");
    check(r"\ud83dz", "?z");
    check(r"\ude00", "?");
    check(r"\ud83d\u0041", "?A");
    check(r#"\\\"\/\b\f\n\r\t\'\v\0"#, "\\\"/\u{8}\u{c}\n\r\t'\u{b}\0");
    check("raw 你好", "raw 你好");
    for bad in [r"\u12", r"\u12g4", r"\q", r"\"] {
        assert!(decode(&mut json_frame(&format!("{{\"remark\":\"{bad}\"}}"), b"")).is_err());
    }
}

#[test]
fn broken_json_is_malformed() {
    for bad in [
        "[]",
        "1",
        "{",
        "{\"code\":}",
        "{\"code\"}",
        "{\"code\":1",
        "{\"code\":x}",
        "{\"a\":\"b}",
        "{\"extFields\":[1]}",
        "{\"extFields\":{\"a\":\"b\"",
        "{\"code\":2147483648}",
        "{\"a\":[}",
    ] {
        assert!(decode(&mut json_frame(bad, b"")).is_err(), "{bad}");
    }
    let deep = format!("{{\"x\":{}}}", "[".repeat(5000));
    assert!(decode(&mut json_frame(&deep, b"")).is_err());
    let long_key = format!("{{\"extFields\":{{\"{}\":\"v\"}}}}", "k".repeat(256));
    assert!(decode(&mut json_frame(&long_key, b"")).is_err());
}

#[test]
fn cut_request_codes_are_restored() {
    for code in [200_050, 200_056, 200_070, 200_079, 200_151] {
        let mut bytes = Vec::new();
        write_request(&mut bytes, HeaderKind::Json, code, 1, false, |_| {}, b"");
        assert_eq!(decode(&mut bytes).unwrap().code, code);
        let mut bytes = Vec::new();
        write_response(&mut bytes, HeaderKind::Binary, 1, code, None, |_| {}, b"");
        bytes[16] = 0;
        assert_eq!(decode(&mut bytes).unwrap().code, i32::from(code as i16));
        bytes[20] = 0;
        assert_eq!(decode(&mut bytes).unwrap().code, code);
    }
}

#[test]
fn both_headers_carry_what_was_written() {
    for kind in [HeaderKind::Json, HeaderKind::Binary] {
        let mut bytes = b"before".to_vec();
        write_response(
            &mut bytes,
            kind,
            i32::MIN,
            -1000,
            Some("line\nbreak \"quoted\" 你好"),
            |w| {
                w.str("text", "a\\\u{1}\u{1f}z").str("bytes", b"x").i32("i", i32::MIN);
                w.i64("l", i64::MIN).bool("t", true).bool("f", false).str("empty", "");
            },
            b"tail",
        );
        let frame = decode(&mut bytes[6..]).unwrap();
        assert_eq!((frame.kind, frame.code, frame.opaque), (kind, -1000, i32::MIN));
        assert!(frame.is_response());
        assert_eq!(frame.remark_text(), "line\nbreak \"quoted\" 你好");
        let fields: Vec<_> = frame
            .fields
            .iter()
            .map(|(k, v)| (std::str::from_utf8(k).unwrap(), std::str::from_utf8(v).unwrap()))
            .collect();
        let expected = [
            ("text", "a\\\u{1}\u{1f}z"),
            ("bytes", "x"),
            ("i", "-2147483648"),
            ("l", "-9223372036854775808"),
            ("t", "true"),
            ("f", "false"),
            ("empty", ""),
        ];
        assert_eq!(fields, expected);
        assert_eq!(frame.body, b"tail");
    }
}

#[test]
fn the_json_text_is_the_one_java_writes() {
    let mut bytes = Vec::new();
    let region = |w: &mut FieldWriter<'_>| {
        w.i32("queueId", 1).str("MSG_REGION", "DefaultRegion");
    };
    write_response(&mut bytes, HeaderKind::Json, 48, 0, None, region, b"");
    let expected = "{\"code\":0,\"extFields\":{\"queueId\":\"1\",\"MSG_REGION\":\"DefaultRegion\"},\
                    \"flag\":1,\"language\":\"JAVA\",\"opaque\":48,\
                    \"serializeTypeCurrentRPC\":\"JSON\",\"version\":479}";
    assert_eq!(std::str::from_utf8(&bytes[8..]).unwrap(), expected);
}
