//! Java's `String.hashCode`, which tags, index keys and several names are filed under on disk.

/// Powers of 31 for four characters at a time.
const P1: i32 = 31;
const P2: i32 = 31 * 31;
const P3: i32 = 31 * 31 * 31;
const P4: i32 = 31 * 31 * 31 * 31;

/// `String.hashCode` of the UTF-8 text `bytes` (bytes that are not UTF-8 count as U+FFFD).
pub fn java_hash(bytes: &[u8]) -> i32 {
    java_hash_from(0, bytes)
}

/// Continues a hash: `java_hash_from(java_hash(a), b) == java_hash(a ++ b)`.
pub fn java_hash_from(start: i32, bytes: &[u8]) -> i32 {
    if !bytes.is_ascii() {
        return utf16_hash(start, bytes);
    }
    // Four characters per step shorten the chain of multiplications by four.
    let mut hash = start;
    let mut chunks = bytes.chunks_exact(4);
    for c in &mut chunks {
        let part = i32::from(c[0])
            .wrapping_mul(P3)
            .wrapping_add(i32::from(c[1]).wrapping_mul(P2))
            .wrapping_add(i32::from(c[2]).wrapping_mul(P1))
            .wrapping_add(i32::from(c[3]));
        hash = hash.wrapping_mul(P4).wrapping_add(part);
    }
    for &c in chunks.remainder() {
        hash = hash.wrapping_mul(P1).wrapping_add(i32::from(c));
    }
    hash
}

fn utf16_hash(start: i32, bytes: &[u8]) -> i32 {
    let text = String::from_utf8_lossy(bytes);
    text.encode_utf16()
        .fold(start, |hash, unit| hash.wrapping_mul(P1).wrapping_add(i32::from(unit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_what_java_says() {
        // Values printed by Java 17.
        for (text, expected) in [
            ("", 0),
            ("a", 97),
            ("TagA", 2_598_919),
            ("hello world", 1_794_106_052),
            ("TopicTest#key-1", 204_089_217),
            ("标签", 857_175),
        ] {
            assert_eq!(java_hash(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn continuing_is_the_same_as_hashing_the_whole() {
        let text = b"TopicTest#AC1100011F9018B4AAC21A5DB2F00000";
        for cut in 0..text.len() {
            let (a, b) = text.split_at(cut);
            assert_eq!(java_hash_from(java_hash(a), b), java_hash(text));
        }
    }
}
