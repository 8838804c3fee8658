//! What is under way on one connection: each request holds a slot, and its opaque names the slot.
//!
//! Used by `producer`. An opaque carries a generation too, so that a second answer to one request
//! is recognised instead of being taken for the answer to the slot's next request. Opaques always
//! have ten decimal digits: a JSON header can then be patched without moving its bytes.

use std::num::Wrapping;

/// Opaques start here.
const OPAQUE_BASE: i32 = 1_000_000_000;
/// Generations per slot before they repeat; keeps opaques below 2^31.
const GENERATIONS: u16 = 16_000;
/// Most requests under way on one connection.
pub const DEPTH_MAX: usize = 1 << 16;

/// A request under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// When it was or should have been sent, ns of the monotonic clock.
    pub intended_ns: u64,
    /// Number of its first message.
    pub first_message: u64,
}

#[derive(Clone, Copy)]
struct Slot {
    generation: u16,
    request: Option<Request>,
}

/// The requests under way on one connection, at most [`DEPTH_MAX`].
#[derive(Default)]
pub struct Slots {
    slots: Vec<Slot>,
    free: Vec<u16>,
    taken: usize,
}

impl Slots {
    /// Notes a request and returns its opaque; `None` when [`DEPTH_MAX`] are under way.
    pub fn take(&mut self, request: Request) -> Option<i32> {
        let at = match self.free.pop() {
            Some(at) => at,
            None if self.slots.len() < DEPTH_MAX => {
                self.slots.push(Slot { generation: 0, request: None });
                (self.slots.len() - 1) as u16
            }
            None => return None,
        };
        let slot = &mut self.slots[usize::from(at)];
        slot.generation = (Wrapping(slot.generation) + Wrapping(1)).0 % GENERATIONS;
        slot.request = Some(request);
        self.taken += 1;
        Some(OPAQUE_BASE + (i32::from(slot.generation) << 16 | i32::from(at)))
    }

    /// The request an answer belongs to; `None` when it belongs to none, or to one that has been
    /// answered already.
    pub fn finish(&mut self, opaque: i32) -> Option<Request> {
        let offset = opaque.checked_sub(OPAQUE_BASE).filter(|offset| *offset >= 0)?;
        let at = (offset & 0xffff) as u16;
        let slot = self.slots.get_mut(usize::from(at))?;
        if i32::from(slot.generation) != offset >> 16 {
            return None;
        }
        let request = slot.request.take()?;
        self.free.push(at);
        self.taken -= 1;
        Some(request)
    }

    /// How many requests are under way.
    pub fn len(&self) -> usize {
        self.taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: Request = Request { intended_ns: 7, first_message: 9 };

    #[test]
    fn an_answer_finds_its_request_once() {
        let mut slots = Slots::default();
        let opaque = slots.take(REQUEST).unwrap();
        assert_eq!(slots.len(), 1);
        assert_eq!(slots.finish(opaque), Some(REQUEST));
        assert_eq!(slots.finish(opaque), None);
        let next = slots.take(REQUEST).unwrap();
        assert_ne!(next, opaque);
        assert_eq!(slots.finish(opaque), None, "an old answer must not end a new request");
        assert_eq!(slots.len(), 1);
    }

    #[test]
    fn opaques_keep_ten_digits_through_all_generations() {
        let mut slots = Slots::default();
        for _ in 0..40_000 {
            let opaque = slots.take(REQUEST).unwrap();
            assert_eq!(opaque.to_string().len(), 10);
            assert_eq!(slots.finish(opaque), Some(REQUEST));
        }
    }

    #[test]
    fn strangers_and_overflow_are_refused() {
        let mut slots = Slots::default();
        for opaque in [i32::MIN, -1, 0, 999_999_999, 1_000_000_000, i32::MAX] {
            assert_eq!(slots.finish(opaque), None);
        }
        let opaques: Vec<_> = (0..DEPTH_MAX).map(|_| slots.take(REQUEST).unwrap()).collect();
        assert_eq!(slots.take(REQUEST), None);
        assert!(opaques.into_iter().all(|opaque| slots.finish(opaque).is_some()));
        assert_eq!(slots.len(), 0);
    }
}
