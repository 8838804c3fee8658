//! Which numbered messages were acknowledged and which were delivered: proves exactly-once.
//!
//! Used by `consumer` and `engine` when messages are consumed while they are sent. One bit each,
//! so a hundred million messages need 25 MB.

/// A growing set of numbers.
#[derive(Default)]
struct Bits(Vec<u64>);

impl Bits {
    /// Adds a number; false when it was there already.
    fn insert(&mut self, number: u64) -> bool {
        let word = (number / 64) as usize;
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        let bit = 1 << (number % 64);
        let fresh = self.0[word] & bit == 0;
        self.0[word] |= bit;
        fresh
    }
}

/// Acknowledged and delivered messages by number.
#[derive(Default)]
pub struct Ledger {
    acknowledged: Bits,
    delivered: Bits,
    repeated: u64,
}

impl Ledger {
    /// The broker has acknowledged messages `first .. first + count`.
    pub fn acknowledge(&mut self, first: u64, count: u64) {
        for number in first..first + count {
            self.acknowledged.insert(number);
        }
    }

    /// A message was delivered, out of `sent` that were sent; false when its number is not of
    /// this run.
    pub fn deliver(&mut self, number: u64, sent: u64) -> bool {
        if number >= sent {
            return false;
        }
        if !self.delivered.insert(number) {
            self.repeated += 1;
        }
        true
    }

    /// Messages delivered more than once, counting each extra delivery.
    pub fn repeated(&self) -> u64 {
        self.repeated
    }

    /// Messages acknowledged and not yet delivered.
    pub fn missing(&self) -> u64 {
        let delivered = self.delivered.0.iter().copied().chain(std::iter::repeat(0));
        let pairs = self.acknowledged.0.iter().zip(delivered);
        pairs
            .map(|(acknowledged, delivered)| u64::from((acknowledged & !delivered).count_ones()))
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_and_repeated_messages_are_counted() {
        let mut ledger = Ledger::default();
        ledger.acknowledge(0, 130);
        for number in 0..129 {
            assert!(ledger.deliver(number, 200));
        }
        assert_eq!((ledger.missing(), ledger.repeated()), (1, 0));
        assert!(ledger.deliver(5, 200));
        assert_eq!(ledger.repeated(), 1);
        // Delivered without having been acknowledged, as after a timeout: neither of both.
        assert!(ledger.deliver(150, 200));
        assert_eq!((ledger.missing(), ledger.repeated()), (1, 1));
    }

    #[test]
    fn numbers_of_other_runs_are_refused() {
        assert!(!Ledger::default().deliver(10, 10));
        assert!(!Ledger::default().deliver(u64::MAX, 10));
    }
}
