//! Releases as the header's `version` numbers them: the position of a name in Java's list.
//!
//! The list is regular except in the 3.0.0 betas, so it is computed instead of kept.

/// What this server says it is. Clients and tools switch behaviour on it.
pub const OWN_VERSION: i32 = V5_3_3;

/// First release whose brokers always register with a structured body.
pub const V3_0_11: i32 = 37;
/// First release whose clients take the header's word on reconsume times.
pub const V3_4_9: i32 = 121;
/// First release whose brokers filter by SQL.
pub const V4_1_0_SNAPSHOT: i32 = 232;
/// Last release whose clients leave `_UNIQUE_KEY_QUERY` out of what they sign.
pub const V4_9_3: i32 = 399;
/// First release whose clients understand strict JSON in routes.
pub const V4_9_4: i32 = 401;
/// First release whose brokers send static topic mappings when they register.
pub const V5_0_0: i32 = 413;
/// Newer clients than this understand GO_AWAY.
pub const V5_3_1: i32 = 475;
/// The release this server is compatible with.
pub const V5_3_3: i32 = 479;

/// Number of the name that stands for everything newer than the list.
const HIGHER: i32 = 612;

const OLDEST: [&str; 16] = [
    "V3_0_0_SNAPSHOT",
    "V3_0_0_ALPHA1",
    "V3_0_0_BETA1",
    "V3_0_0_BETA2",
    "V3_0_0_BETA3",
    "V3_0_0_BETA4",
    "V3_0_0_BETA5",
    "V3_0_0_BETA6_SNAPSHOT",
    "V3_0_0_BETA6",
    "V3_0_0_BETA7_SNAPSHOT",
    "V3_0_0_BETA7",
    "V3_0_0_BETA8_SNAPSHOT",
    "V3_0_0_BETA8",
    "V3_0_0_BETA9_SNAPSHOT",
    "V3_0_0_BETA9",
    "V3_0_0_FINAL",
];

/// Runs of releases: number of the first snapshot, major, minor, first and last patch. Every
/// release is preceded by its snapshot.
const RUNS: &[(i32, i32, i32, i32, i32)] = &[
    (16, 3, 0, 1, 15),
    (46, 3, 1, 0, 9),
    (66, 3, 2, 0, 9),
    (86, 3, 3, 1, 9),
    (104, 3, 4, 1, 9),
    (122, 3, 5, 1, 9),
    (140, 3, 6, 1, 9),
    (158, 3, 7, 1, 9),
    (176, 3, 8, 1, 9),
    (194, 3, 9, 1, 9),
];

/// From here on each minor release has ten patches.
const REGULAR: i32 = 212;

/// The name of a release as `mqadmin` prints it, `V5_3_3` for 479.
pub fn version_name(version: i32) -> String {
    if version < 0 {
        return OLDEST[0].to_owned();
    }
    if version >= HIGHER {
        return "HIGHER_VERSION".to_owned();
    }
    if let Some(name) = OLDEST.get(version as usize) {
        return (*name).to_owned();
    }
    let (major, minor, patch, snapshot) = split(version);
    let suffix = if snapshot { "_SNAPSHOT" } else { "" };
    format!("V{major}_{minor}_{patch}{suffix}")
}

fn split(version: i32) -> (i32, i32, i32, bool) {
    if version >= REGULAR {
        let release = (version - REGULAR) / 2;
        return (4 + release / 100, release / 10 % 10, release % 10, version % 2 == 0);
    }
    let run = RUNS.iter().rev().find(|run| run.0 <= version).expect("16 is the first of the runs");
    (run.1, run.2, run.3 + (version - run.0) / 2, version % 2 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_release_list() {
        let known = [
            (0, "V3_0_0_SNAPSHOT"),
            (14, "V3_0_0_BETA9"),
            (15, "V3_0_0_FINAL"),
            (16, "V3_0_1_SNAPSHOT"),
            (V3_0_11, "V3_0_11"),
            (45, "V3_0_15"),
            (46, "V3_1_0_SNAPSHOT"),
            (85, "V3_2_9"),
            (86, "V3_3_1_SNAPSHOT"),
            (103, "V3_3_9"),
            (V3_4_9, "V3_4_9"),
            (211, "V3_9_9"),
            (212, "V4_0_0_SNAPSHOT"),
            (V4_1_0_SNAPSHOT, "V4_1_0_SNAPSHOT"),
            (293, "V4_4_0"),
            (V4_9_4, "V4_9_4"),
            (407, "V4_9_7"),
            (411, "V4_9_9"),
            (V5_0_0, "V5_0_0"),
            (OWN_VERSION, "V5_3_3"),
            (611, "V5_9_9"),
            (612, "HIGHER_VERSION"),
            (i32::MAX, "HIGHER_VERSION"),
            (-1, "V3_0_0_SNAPSHOT"),
        ];
        for (number, name) in known {
            assert_eq!(version_name(number), name);
        }
    }
}
