//! The checker sees: each mutant is caught. Those inside the store need `--features mutants`.

use sim::store::mutant::Mutant;
use sim::store::{Tally, history};

fn is_caught(mutant: Mutant) -> bool {
    let mut tally = Tally::default();
    (1..10_000).any(|seed| history(seed, Some(mutant), &mut tally).is_err())
}

#[test]
fn what_is_broken_around_the_store_is_caught() {
    for mutant in &Mutant::ALL[..5] {
        assert!(is_caught(*mutant), "{mutant:?} is not seen");
    }
}

#[cfg(feature = "mutants")]
#[test]
fn what_is_broken_inside_the_store_is_caught() {
    for mutant in &Mutant::ALL[5..] {
        assert!(is_caught(*mutant), "{mutant:?} is not seen");
    }
}

#[test]
fn a_history_repeats() {
    let run = |seed| {
        let mut tally = Tally::default();
        history(seed, None, &mut tally).expect("nothing is broken");
        format!("{tally}")
    };
    assert_eq!(run(3), run(3));
}
