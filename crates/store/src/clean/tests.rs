//! Tests of the decision.

use super::plan::{Reasons, files_to_remove};
use super::{Cleaner, DiskUsage, Looked, Retention};
use base::disk::Space;

const HOUR_MS: i64 = 3_600_000;
const NOW_MS: i64 = 1_732_190_400_000;

fn full(percent: u64) -> Option<Space> {
    Some(Space { total: 1000, used: percent * 10, free: 1000 - percent * 10 })
}

/// Files written so many hours ago, on disks of 1,000 bytes, ten bytes a file.
fn removed(retention: &Retention, reasons: &Reasons, percents: (u64, u64), hours: &[i64]) -> usize {
    let files = hours.iter().map(|hours| (0, NOW_MS - hours * HOUR_MS)).collect();
    let spaces = [full(percents.0), full(percents.1), None];
    let looked = Looked { spaces, files, has_room: true, now_ms: NOW_MS };
    files_to_remove(retention, reasons, &looked, 10)
}

#[test]
fn files_go_for_their_age_or_for_room() {
    let usual =
        Reasons { now_ms: NOW_MS, local_hour: 12, is_by_request: false, ages_are_known: true };
    let at_four = Reasons { local_hour: 4, ..usual };
    let asked = Reasons { is_by_request: true, ..usual };
    let jumped = Reasons { ages_are_known: false, ..at_four };
    let retention = Retention::default();
    let kind = Retention { force_enabled: false, ..Retention::default() };
    let files = [100, 80, 72, 71, 1];
    for (what, expected, retention, reasons, percents) in [
        ("neither the hour nor a full disk", 0, &retention, usual, (10, 10)),
        ("the hour (G18)", 3, &retention, at_four, (10, 10)),
        ("by request", 3, &retention, asked, (10, 10)),
        ("the hour after a clock jump", 0, &retention, jumped, (10, 10)),
        ("rather full", 3, &retention, usual, (76, 10)),
        ("just not", 0, &retention, usual, (75, 75)),
        ("the queues' disk rather full", 3, &retention, usual, (10, 80)),
        ("very full: four files are above 85 percent", 4, &retention, usual, (89, 10)),
        ("even after a clock jump", 4, &retention, jumped, (89, 10)),
        ("the queues' disk very full", 3, &retention, usual, (10, 89)),
        ("forced removal switched off", 3, &kind, usual, (95, 10)),
    ] {
        assert_eq!(removed(retention, &reasons, percents, &files), expected, "{what}");
    }
    assert_eq!(removed(&retention, &usual, (100, 10), &[1; 50]), 10, "ten at most at once");
    assert_eq!(removed(&retention, &usual, (10, 89), &[1; 50]), 1, "one at a time for queues");
}

#[test]
fn bounds_are_javas() {
    let wild = Retention {
        used_percent_max: 99,
        force_percent: 99,
        refuse_percent: 99,
        ..Retention::default()
    };
    let wild = wild.within_bounds();
    assert_eq!((wild.used_percent_max, wild.force_percent, wild.refuse_percent), (95, 85, 90));
}

#[test]
fn a_full_disk_has_room_again_only_below_the_lower_ratio() {
    let mut cleaner = Cleaner::new(Retention::default());
    for (percent, is_full) in [(90, false), (91, true), (90, true), (86, true), (85, false)] {
        cleaner.usage = DiskUsage { log_percent: percent, ..DiskUsage::default() };
        cleaner.note_fullness(true);
        assert_eq!(cleaner.refuses_puts(), is_full, "{percent}");
    }
}
