//! Frames of fixed figures.

use super::*;
use crate::command::top::sample::{BrokerState, Sample};

fn broker(name: &str, id: i64, state: Result<BrokerState, String>) -> Broker {
    let address = format!("127.0.0.1:{}", 10911 + id);
    Broker { cluster: "c".to_owned(), name: name.to_owned(), id, address, state }
}

fn state(in_tps: f64) -> BrokerState {
    BrokerState {
        version: "V5_3_3".to_owned(),
        in_tps,
        out_tps: 2.25,
        disk: 0.8,
        page_cache_ms: 3,
        in_today: 1_234_567,
    }
}

fn sample(at_ms: i64, in_tps: f64, lag: i64) -> Sample {
    let queue = |id, lag| Queue {
        group: "G".to_owned(),
        topic: "Orders\u{1b}[2J".to_owned(),
        broker: "broker-a".to_owned(),
        id,
        lag,
        last_ms: at_ms - 3_905_000,
    };
    let group = |name: &str, lag, members| Group {
        name: name.to_owned(),
        members,
        lag,
        in_flight: 1,
        tps: 12.5,
    };
    Sample {
        at_ms,
        failure: None,
        brokers: vec![
            broker("broker-a", 0, Ok(state(in_tps))),
            broker("broker-a", 1, Err("Connection refused".to_owned())),
        ],
        groups: vec![group("G", lag, Some(0)), group("Idle", 0, Some(2))],
        queues: vec![queue(3, lag - 1), queue(0, 1)],
    }
}

fn history() -> History {
    let mut history = History::default();
    history.add(sample(1_795_254_000_000, 10.0, 10));
    history.add(sample(1_795_254_002_000, 20.5, 12_345));
    history
}

#[test]
fn a_frame_of_fixed_figures() {
    let text = plain(&draw(&history(), "127.0.0.1:9876", 120, usize::MAX));
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("FerriteMQ top  127.0.0.1:9876  1 of 2 brokers, 2 groups"));
    assert_eq!(
        lines[1].split_whitespace().collect::<Vec<_>>().join(" "),
        "in 20.5/s ▄█ out 2.2/s ██ lag 12,345 ▁█"
    );
    let expected = "\
BROKER          ADDRESS          VERSION        IN/s      OUT/s      TODAY   DISK   CACHE ms  IN
broker-a (0)    127.0.0.1:10911  V5_3_3         20.5        2.2  1,234,567    80%          3  ▄█
broker-a (1)    127.0.0.1:10912  Connection refused

GROUP                     MEMBERS          LAG    IN FLIGHT        OUT/s  LAG OVER TIME
G                               0       12,345            1         12.5  ▁█
Idle                            2            0            1         12.5  ▁▁
";
    assert_eq!(lines[3..10].join("\n") + "\n", expected);
    let queue: Vec<_> = lines[12].split_whitespace().collect();
    assert_eq!(queue, ["G", "Orders?[2J", "broker-a", "3", "12,344", "1h", "05m"]);
}

#[test]
fn a_frame_fits_its_screen() {
    let history = history();
    for height in 0..40 {
        let lines = draw(&history, "n", 80, height);
        assert!(lines.len() <= height, "{} of {height}", lines.len());
    }
    let lines = draw(&history, "127.0.0.1:9876", 100, 30);
    for line in plain(&lines).lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
}

#[test]
fn nothing_is_shown_as_nothing() {
    let mut history = History::default();
    history.add(Sample { failure: Some("no name server answers".to_owned()), ..Sample::default() });
    let text = plain(&draw(&history, "n", 80, 24));
    assert!(text.contains("0 of 0 brokers") && text.contains("no name server answers"), "{text}");
    assert!(text.contains("no group is behind"), "{text}");
}

#[test]
fn figures_are_short() {
    assert_eq!((whole(0), whole(-1_234)), ("0".to_owned(), "-1,234".to_owned()));
    assert_eq!((rate(0.25), rate(99.0), rate(1234.6)).2, "1,235");
    let ages = [0, 61_000, 3_905_000, 90_000_000].map(age);
    assert_eq!(ages, ["0s", "1m 01s", "1h 05m", "1d 01h"]);
    assert_eq!(cut("broker", 4), "bro…");
}
