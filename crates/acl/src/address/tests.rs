//! Patterns against what Java's own classes said about them.

use super::*;

#[test]
fn patterns_mean_what_they_mean_in_java() {
    let golden = include_str!("../../../../golden/acl/addresses.tsv");
    let mut lines = golden.lines();
    let addresses: Vec<IpAddr> =
        lines.next().unwrap().split('\t').skip(1).map(|address| address.parse().unwrap()).collect();
    let mut compared = 0;
    for line in lines {
        let (text, results) = line.split_once('\t').unwrap();
        let pattern = AddressPattern::parse(text);
        if results == "refused" {
            assert!(pattern.is_err(), "{text}: {pattern:?}");
            continue;
        }
        // Java takes these and then fails at every request.
        if results.starts_with('!') {
            continue;
        }
        let pattern = pattern.unwrap_or_else(|e| panic!("{e}"));
        for (address, expected) in addresses.iter().zip(results.split('\t')) {
            assert_eq!(pattern.matches(*address), expected == "1", "{text} and {address}");
            compared += 1;
        }
    }
    assert!(compared > 600, "{compared}");
}

#[test]
fn mapped_addresses_count_as_ipv4() {
    let pattern = AddressPattern::parse("10.1.2.*").unwrap();
    assert!(pattern.matches("::ffff:10.1.2.3".parse().unwrap()));
    assert!(!pattern.matches("::ffff:10.1.3.3".parse().unwrap()));
}

#[test]
fn what_could_never_let_anybody_through_is_refused() {
    for text in ["*.1.2.3", "::*", "10.1.2.3-9-12", "1.2.3.4/24", "{1,2}", "10.1.2.{}", "localhost"]
    {
        assert!(AddressPattern::parse(text).is_err(), "{text}");
    }
    assert_eq!(AddressPattern::parse("  ").unwrap(), AddressPattern::Nobody);
}
