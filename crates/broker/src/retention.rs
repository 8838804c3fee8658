//! How long messages are kept: from the configuration's keys to the store's settings.

use base::config_keys::ConfigValue;
use store::Retention;

use crate::broker::Broker;
use crate::config::BrokerConfig;

const HOUR_MS: i64 = 3_600_000;

/// Hours of the day as in `deleteWhen`: `04`, or several as `04;16`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayHours {
    text: String,
    /// Bit n: the hour from n o'clock.
    bits: u32,
}

impl ConfigValue for DayHours {
    const KIND: &'static str = "hours from 0 to 23, separated by ;";

    fn read(text: &str) -> Option<DayHours> {
        let hour = |part: &str| part.parse::<u32>().ok().filter(|hour| *hour < 24);
        let bits = text.split(';').try_fold(0, |bits, part| Some(bits | 1 << hour(part)?))?;
        Some(DayHours { text: text.to_owned(), bits })
    }

    fn text(&self) -> String {
        self.text.clone()
    }
}

impl DayHours {
    /// Java's default, the hour from 04:00.
    pub fn four() -> DayHours {
        DayHours { text: "04".to_owned(), bits: 1 << 4 }
    }
}

/// The store's settings.
pub fn settings(config: &BrokerConfig) -> Retention {
    let percent = |value: i32| value.clamp(0, 100) as u8;
    let ms = |value: i32| i64::from(value.max(0));
    Retention {
        reserved_ms: config.file_reserved_hours.saturating_mul(HOUR_MS),
        delete_hours: config.delete_when.bits,
        used_percent_max: percent(config.disk_used_percent_max),
        force_percent: percent(config.disk_force_percent),
        refuse_percent: percent(config.disk_refuse_percent),
        force_enabled: config.clean_forcibly,
        interval_ms: ms(config.clean_interval_ms),
        log_pause_ms: ms(config.delete_log_pause_ms),
        queue_pause_ms: ms(config.delete_queue_pause_ms),
        retry_ms: ms(config.delete_retry_ms),
        files_per_round_max: config.delete_files_max.max(1) as usize,
    }
}

/// The configuration changed.
pub fn apply(broker: &mut Broker) {
    broker.store.set_retention(settings(&broker.config));
    broker.signals.work.ask();
}

/// Local time minus UTC in ms, at `now_ms`.
pub fn utc_offset_ms(now_ms: i64) -> i64 {
    let now = jiff::Timestamp::from_millisecond(now_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    i64::from(jiff::tz::TimeZone::system().to_offset(now).seconds()) * 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_checked_when_they_are_set() {
        for (text, bits) in [("04", 1 << 4), ("4;16", 1 << 4 | 1 << 16), ("00;23", 1 | 1 << 23)] {
            let hours = DayHours::read(text).expect("hours");
            assert_eq!((hours.bits, hours.text()), (bits, text.to_owned()));
        }
        for bad in ["", "24", "4,16", "4;", "four", "-1"] {
            assert_eq!(DayHours::read(bad), None, "{bad}");
        }
        assert_eq!(DayHours::read("04"), Some(DayHours::four()));
    }

    #[test]
    fn the_defaults_of_both_tables_agree() {
        assert_eq!(settings(&BrokerConfig::default()), Retention::default());
    }

    #[test]
    fn local_time_is_within_a_day_of_utc() {
        assert!(utc_offset_ms(1_732_190_400_000).abs() < 24 * HOUR_MS);
    }
}
