//! The decision: how many of the oldest log files go, given what a look at the disk found.

use super::{Looked, Retention};
use base::disk::Space;

/// What else the decision depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reasons {
    pub(super) now_ms: i64,
    /// 0 to 23.
    pub(super) local_hour: i64,
    pub(super) is_by_request: bool,
    /// False for a while after the clock jumped.
    pub(super) ages_are_known: bool,
}

/// How many of the files seen go. Old ones at their hour, by request, or when the disk is rather
/// full; when it is very full, as many of the oldest as bring it below that.
pub(super) fn files_to_remove(
    retention: &Retention,
    reasons: &Reasons,
    looked: &Looked,
    file_bytes: i64,
) -> usize {
    let percent = |space: &Option<Space>| space.map_or(0, |space| space.used_percent());
    let [log, queues, _] = &looked.spaces;
    let fullest = percent(log).max(percent(queues));
    let force_percent = retention.force_percent.min(retention.refuse_percent);
    let is_hour = retention.delete_hours >> reasons.local_hour & 1 == 1;
    let by_age = is_hour
        || reasons.is_by_request
        || fullest > retention.used_percent_max
        || fullest > force_percent;
    let mut too_many_bytes = match log {
        _ if !retention.force_enabled || fullest <= force_percent => 0,
        Some(space) if percent(log) > force_percent => bytes_above(space, force_percent),
        // Only the queues' disk is full: each log file that goes makes queue files go.
        _ => 1,
    };
    let mut count = 0;
    for (_, modified_ms) in &looked.files {
        let is_old = by_age
            && reasons.ages_are_known
            && reasons.now_ms - modified_ms >= retention.reserved_ms;
        if !is_old && too_many_bytes <= 0 {
            break;
        }
        too_many_bytes -= file_bytes;
        count += 1;
    }
    count.min(retention.files_per_round_max)
}

/// Bytes that have to go for the disk to be `percent` full.
fn bytes_above(space: &Space, percent: u8) -> i64 {
    let usable = u128::from(space.used) + u128::from(space.free);
    let allowed = usable * u128::from(percent) / 100;
    i64::try_from(u128::from(space.used).saturating_sub(allowed)).unwrap_or(i64::MAX).max(1)
}
