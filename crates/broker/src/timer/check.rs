//! `config/timercheck`: how far the delivery of timer messages is, in Java's layout.
//!
//! ```text
//!  0   8 watermark, ms        24   8 base again (Java: the master's)   48   8 version: counter
//!  8   8 position in Java's   32   8 version: state
//!        timer log            40   8 version: time
//! 16   8 base
//! ```
//! 4096 bytes in all. The reply to who asks for it is the first 56.

use model::topic::DataVersion;

const FILE_LEN: usize = 4_096;
const USED_LEN: usize = 56;

/// Progress of the timer messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimerCheck {
    /// Everything filed up to this time, ms, was delivered.
    pub watermark_ms: i64,
    /// No lower queue offset of the timer topic waits.
    pub base: i64,
    /// What Java last said of its timer log; kept as it is.
    pub log_position: i64,
    /// Its version.
    pub version: DataVersion,
}

impl TimerCheck {
    /// The used bytes.
    pub fn encode(&self) -> Vec<u8> {
        let DataVersion { state_version, timestamp, counter } = self.version;
        let fields = [self.watermark_ms, self.log_position, self.base, self.base];
        let fields = fields.into_iter().chain([state_version, timestamp, counter]);
        fields.flat_map(i64::to_be_bytes).collect()
    }

    /// The whole file.
    pub fn encode_file(&self) -> Vec<u8> {
        let mut bytes = self.encode();
        bytes.resize(FILE_LEN, 0);
        bytes
    }

    /// Reads a file; `None` when it is too short.
    pub fn decode(bytes: &[u8]) -> Option<TimerCheck> {
        let mut fields = bytes.get(..USED_LEN)?.as_chunks::<8>().0.iter();
        let mut next = || fields.next().map(|field| i64::from_be_bytes(*field));
        let (watermark_ms, log_position) = (next()?, next()?);
        // Java begins with the lower one.
        let base = next()?.min(next()?);
        let (state_version, timestamp, counter) = (next()?, next()?, next()?);
        let version = DataVersion { state_version, timestamp, counter };
        Some(TimerCheck {
            watermark_ms: watermark_ms.max(0),
            base: base.max(0),
            log_position,
            version,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_javas() {
        let version = DataVersion { state_version: 4, timestamp: 5, counter: 6 };
        let check = TimerCheck { watermark_ms: 1, base: 3, log_position: 2, version };
        let file = check.encode_file();
        let fields: Vec<i64> =
            file.as_chunks::<8>().0[..8].iter().map(|f| i64::from_be_bytes(*f)).collect();
        assert_eq!((fields, file.len()), (vec![1, 2, 3, 3, 4, 5, 6, 0], 4_096));
        assert_eq!(TimerCheck::decode(&file), Some(check));
        assert_eq!(TimerCheck::decode(&file[..55]), None);
    }
}
