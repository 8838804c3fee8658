//! Java's answers, recorded by `interop/sql.sh --golden`. Rows F47 and F49 to F55.

use filter::bloom::BloomFilter;
use filter::consumer_filter::ConsumerFilterFile;

use crate::case::{Case, agree};

#[test]
fn expressions_give_what_java_gives() {
    let mut different = Vec::new();
    let lines = include_str!("../../../../golden/filter/sql.tsv").lines();
    let mut count = 0;
    for line in lines {
        let (java, rest) = line.split_once('\t').unwrap();
        let ours = Case::read(rest).answer();
        count += 1;
        if !agree(java, &ours) {
            different.push(format!("java {java}, ours {ours}: {rest}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
    assert!(count > 500, "{count} cases");
}

#[test]
fn bits_are_those_of_java() {
    for line in include_str!("../../../../golden/filter/bloom.tsv").lines() {
        let parts: Vec<&str> = line.split('\t').collect();
        let number = |at: usize| parts[at].parse::<u32>().unwrap();
        let filter = BloomFilter::new(number(0), number(1)).unwrap();
        assert_eq!((filter.bit_count(), filter.hash_count()), (number(2), number(3)), "{line}");
        // A text without the sign is none of ours, but shows the hash.
        let Some((group, topic)) = parts[4].split_once('#') else { continue };
        let data = filter.data(group, topic);
        let positions: Vec<u32> = parts[5].split(',').map(|p| p.parse().unwrap()).collect();
        assert_eq!((data.bit_num, &data.bit_pos), (number(2), &positions), "{line}");
        let mut map = filter.empty_map();
        assert!(!filter.may_match(&data, map.bytes()));
        filter.note(&data, &mut map);
        assert!(filter.may_match(&data, map.bytes()));
        if !parts[6].is_empty() {
            let hex: String = map.bytes().iter().map(|b| format!("{b:02x}")).collect();
            assert_eq!(hex, parts[6], "{line}");
        }
    }
}

#[test]
fn a_map_or_bits_of_another_filter_say_nothing() {
    let (ours, other) = (BloomFilter::new(20, 32).unwrap(), BloomFilter::new(20, 64).unwrap());
    let data = ours.data("group", "topic");
    assert!(ours.may_match(&data, other.empty_map().bytes()));
    assert!(ours.may_match(&other.data("group", "topic"), ours.empty_map().bytes()));
    assert!(BloomFilter::new(0, 32).is_none() && BloomFilter::new(100, 32).is_none());
    assert!(BloomFilter::new(20, 0).is_none() && BloomFilter::new(1, u32::MAX).is_none());
}

#[test]
fn the_state_file_is_that_of_java() {
    let java = include_str!("../../../../golden/filter/consumerFilter.json");
    let file: ConsumerFilterFile = serde_json::from_str(java).unwrap();
    let orders = &file.filter_data_by_topic["Orders"].group_filter_data;
    assert!(!orders["GID_a"].is_dead() && orders["GID_b"].is_dead() && orders["GID_b"].dead);
    assert!(!orders["GID_a"].is_in_live(1_700_000_000_000));
    assert!(orders["GID_a"].is_in_live(1_700_000_000_001));
    // The manager of this sample has the filter for 64 groups.
    let bloom = BloomFilter::new(20, 64).unwrap();
    for topic in file.filter_data_by_topic.values() {
        for data in topic.group_filter_data.values() {
            let bits = bloom.data(&data.consumer_group, &data.topic);
            assert_eq!(data.bloom_filter_data.as_ref(), Some(&bits));
        }
    }
    // The same members in the same order; maps have none.
    let topics: serde_json::Value = serde_json::from_str(java).unwrap();
    let ours = serde_json::to_string(orders).unwrap();
    assert_eq!(ours, topics["filterDataByTopic"]["Orders"]["groupFilterData"].to_string());
    assert_eq!(serde_json::to_value(&file).unwrap(), topics);
}
