//! The table of half messages.

use super::*;

#[test]
fn what_ended_is_forgotten_up_to_the_first_undecided() {
    let mut table = Transactions::default();
    let topic = table.figures.place(Some(b"T"));
    for offset in 0..4 {
        table.prepared(offset, offset * 100, 0, topic);
    }
    let half = |table: &Transactions| table.figures.iter().map(|(_, f)| f.half).sum::<i64>();
    assert_eq!(half(&table), 4);
    table.ended(1, 1);
    assert!(!table.advance());
    table.ended(0, 0);
    assert!(table.advance());
    assert_eq!((table.base, table.undecided()), (2, 2));
    table.mark_done(0);
    assert_eq!(half(&table), 2, "each is counted out once");
    assert_eq!(table.state(1), (1, State::Done));
    assert_eq!(table.state(2), (2, State::Undecided));
    assert_eq!(table.state(99), (99, State::Done));
}

#[test]
fn a_half_message_put_again_is_found_by_its_first_offset() {
    let mut table = Transactions::default();
    let topic = table.figures.place(None);
    table.prepared(0, 0, 0, topic);
    table.ended(0, 0);
    table.prepared(1, 100, 0, topic);
    table.moved.insert(0, 1);
    table.advance();
    assert_eq!(table.state(0), (1, State::Undecided));
    table.ended(1, 0);
    assert_eq!(table.state(0), (0, State::Done));
}

#[test]
fn done_messages_are_needed_while_they_name_an_undecided_one() {
    let mut table = Transactions::default();
    let topic = table.figures.place(None);
    for offset in 0..3 {
        table.prepared(offset, 0, 0, topic);
    }
    table.dones.extend([(0, 1), (1, 2)]);
    for offset in [0, 1] {
        table.mark_done(offset);
    }
    assert!(table.advance());
    assert_eq!((table.base, table.done_base), (2, 1));
}

// B67.
#[test]
fn immunity_is_in_seconds_and_minus_one_means_the_default() {
    let text = |value: &str| format!("{IMMUNITY}\x01{value}\x02").into_bytes();
    assert_eq!(immunity_ms(&text("7"), 6000), 7000);
    assert_eq!(immunity_ms(&text("-1"), 6000), 6000);
    assert_eq!(immunity_ms(&text("x"), 6000), 6000);
    assert_eq!(immunity_ms(b"", 6000), 6000);
    assert_eq!(named_offsets(b"1,2,,x,3,").collect::<Vec<_>>(), [1, 2, 3]);
}
