//! Java's texts of times and numbers.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The first `max` characters.
pub fn front(text: &str, max: usize) -> &str {
    text.char_indices().nth(max).map_or(text, |(at, _)| &text[..at])
}

/// `2026-11-21 09:49:25,224` in the machine's time zone.
pub fn time_with_ms(ms: i64) -> String {
    format_time(ms, "%Y-%m-%d %H:%M:%S,%3f")
}

/// `2026-11-21 09:49:25` in the machine's time zone.
pub fn time(ms: i64) -> String {
    format_time(ms, "%Y-%m-%d %H:%M:%S")
}

/// `20261121094925` in the machine's time zone.
pub fn time_as_number(ms: i64) -> String {
    format_time(ms, "%Y%m%d%H%M%S")
}

/// `20261121094925224` in the machine's time zone.
pub fn time_as_number_with_ms(ms: i64) -> String {
    format_time(ms, "%Y%m%d%H%M%S%3f")
}

/// Milliseconds since 1970 of `yyyy-MM-dd#HH:mm:ss:SSS` in the machine's time zone.
pub fn parse_time(text: &str) -> Option<i64> {
    let (rest, ms) = text.rsplit_once(':')?;
    let at = jiff::civil::DateTime::strptime("%Y-%m-%d#%H:%M:%S", rest).ok()?;
    let at = at.to_zoned(TimeZone::system()).ok()?.timestamp().as_millisecond();
    Some(at + ms.parse::<i64>().ok().filter(|ms| (0..1000).contains(ms))?)
}

fn format_time(ms: i64, format: &str) -> String {
    match Timestamp::from_millisecond(ms) {
        Ok(at) => at.to_zoned(TimeZone::system()).strftime(format).to_string(),
        // Beyond the year 9999: nothing a message carries.
        Err(_) => ms.to_string(),
    }
}

/// A floating point number as Java prints it by itself: `0.0`, `1.5`, `1.0E7`.
pub fn double(number: f64) -> String {
    let size = number.abs();
    if number == 0.0 || (1e-3..1e7).contains(&size) || !number.is_finite() {
        return match number {
            n if n.is_nan() => "NaN".to_owned(),
            n if n.is_infinite() => if n > 0.0 { "Infinity" } else { "-Infinity" }.to_owned(),
            n => format!("{n:?}"),
        };
    }
    let text = format!("{number:E}");
    match text.split_once('E') {
        Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.0E{exponent}"),
        _ => text,
    }
}

/// The order in which Java's `HashMap` and `HashSet` hand out texts that were put in in this order.
pub fn in_hash_order<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut texts: Vec<T> = texts.into_iter().collect();
    let buckets = (texts.len() * 4 / 3 + 1).next_power_of_two().max(16) as u32;
    texts.sort_by_key(|text| {
        let hash = base::hash::java_hash(text.as_ref().as_bytes()) as u32;
        (hash ^ (hash >> 16)) & (buckets - 1)
    });
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_as_java_writes_them() {
        let cases = [(0.0, "0.0"), (4.5, "4.5"), (1e7, "1.0E7"), (1.25e-4, "1.25E-4")];
        for (number, text) in cases {
            assert_eq!(double(number), text);
        }
        let at = parse_time("2026-01-02#03:04:05:678").expect("a time");
        assert_eq!(time_with_ms(at), "2026-01-02 03:04:05,678");
        assert_eq!(parse_time("2026-01-02"), None);
        assert_eq!(front("broker", 4), "brok");
        assert_eq!(in_hash_order(["ip1", "ip2"]), ["ip2", "ip1"]);
    }
}
