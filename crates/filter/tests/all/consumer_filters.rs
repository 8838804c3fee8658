//! The life of a consumer's filter.

use filter::bloom::BloomFilter;
use filter::consumer_filters::{ConsumerFilters, Subscription};
use filter::{PropertiesText, SQL92};

const BORN_MS: i64 = 1_700_000_000_000;
const DAY_MS: i64 = 24 * 3600 * 1000;

fn none() -> ConsumerFilters {
    ConsumerFilters::new(BloomFilter::new(20, 32).unwrap())
}

fn orders(expression: &str, version: i64) -> Subscription<'_> {
    Subscription { topic: "Orders", expression, expression_type: SQL92, version }
}

#[test]
fn versions_decide_what_is_registered() {
    let mut filters = none();
    // version, expression, whether it counts, expression and birth afterwards
    for (at, version, text, counts, after, born) in [
        (0, 5, "a > ", false, None, 0),
        (1, 5, "a > 1", true, Some("a > 1"), 1),
        (2, 5, "a > 2", false, Some("a > 1"), 1),
        (3, 4, "a > 3", false, Some("a > 1"), 1),
        (4, 6, "a > 1", true, Some("a > 1"), 1),
        (5, 7, "a > 4", true, Some("a > 4"), 5),
        (6, 8, "a > ", false, None, 0),
        (7, 1, "a > 5", true, Some("a > 5"), 7),
        (8, 9, "", false, Some("a > 5"), 7),
    ] {
        assert_eq!(filters.register("g", &orders(text, version), BORN_MS + at), counts, "{at}");
        let now = filters.get("Orders", "g").map(|f| &f.data);
        assert_eq!(now.map(|data| data.expression.as_str()), after, "{at}");
        assert_eq!(now.map_or(0, |data| data.born_time - BORN_MS), born, "{at}");
    }
    let tags = Subscription { expression_type: "TAG", ..orders("TagA", 10) };
    assert!(!filters.register("g", &tags, BORN_MS));
}

#[test]
fn filters_die_revive_and_are_forgotten() {
    let mut filters = none();
    filters.register_group("g", &[orders("a > 1", 1)], BORN_MS);
    let dead = |filters: &ConsumerFilters| filters.get("Orders", "g").unwrap().data.is_dead();
    assert!(!dead(&filters));
    filters.unregister_group("g", BORN_MS + 10);
    assert!(dead(&filters));
    // The same version revives it, with the birth it had.
    assert!(filters.register("g", &orders("a > 1", 1), BORN_MS + 20));
    assert!(!dead(&filters));
    let bills = Subscription { topic: "Bills", ..orders("b > 1", 1) };
    filters.register_group("g", &[bills], BORN_MS + 30);
    assert!(dead(&filters), "the group left the topic");
    let changes = filters.changes();
    filters.forget(BORN_MS + 29 + DAY_MS, DAY_MS);
    assert_eq!(filters.changes(), changes);
    filters.forget(BORN_MS + 30 + DAY_MS, DAY_MS);
    assert!(filters.get("Orders", "g").is_none() && filters.get("Bills", "g").is_some());
    assert_eq!(filters.changes(), changes + 1);
}

#[test]
fn the_file_brings_them_back_dead() {
    let mut filters = none();
    filters.register("g", &orders("a > 1", 1), BORN_MS);
    let file = filters.to_file();
    let mut loaded = none();
    assert!(loaded.load(file.clone(), BORN_MS + 60_000));
    let data = &loaded.get("Orders", "g").unwrap().data;
    assert!(data.is_dead() && data.dead_time == BORN_MS + 30_000);
    assert!(loaded.register("g", &orders("a > 1", 1), BORN_MS + 70_000), "it revives");
    assert_eq!(loaded.to_file(), file);
    let mut other = ConsumerFilters::new(BloomFilter::new(20, 64).unwrap());
    assert!(!other.load(file, BORN_MS) && other.get("Orders", "g").is_none());
}

#[test]
fn a_map_notes_the_groups_a_message_met() {
    let mut filters = none();
    filters.register("met", &orders("a > 1", 1), BORN_MS);
    filters.register("missed", &orders("a > 7", 1), BORN_MS);
    let message = PropertiesText(b"a\x015\x02");
    assert!(filters.bit_map("Bills", &message).is_none());
    let map = filters.bit_map("Orders", &message).unwrap();
    let may = |group: &str| {
        let data = &filters.get("Orders", group).unwrap().data;
        filters.bloom().may_match(data.bloom_filter_data.as_ref().unwrap(), map.bytes())
    };
    assert!(may("met") && !may("missed"));
}
