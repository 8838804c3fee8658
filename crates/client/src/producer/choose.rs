//! Which queue a message goes to.

use protocol::body::MessageQueue;

/// The queue whose turn it is, of another broker than `avoid` if there is one.
pub(super) fn queue<'a>(
    queues: &'a [MessageQueue],
    turn: usize,
    avoid: Option<&str>,
) -> Option<&'a MessageQueue> {
    let count = queues.len();
    let in_turn = (0..count).map(|step| &queues[(turn.wrapping_add(step)) % count]);
    let mut wanted = in_turn.filter(|queue| Some(queue.broker_name.as_str()) != avoid);
    wanted.next().or_else(|| queues.get(turn.checked_rem(count)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::tests::route;

    #[test]
    fn queues_take_turns_and_the_failed_broker_is_avoided() {
        let route = route(&[("a", true, 6, 2), ("b", true, 6, 1)]);
        let name = |turn, avoid| {
            let queue = queue(&route.write_queues, turn, avoid).unwrap();
            format!("{}{}", queue.broker_name, queue.queue_id)
        };
        let names: Vec<_> = (0..4).map(|turn| name(turn, None)).collect();
        assert_eq!(names, ["a0", "a1", "b0", "a0"]);
        assert!((0..4).all(|turn| name(turn, Some("a")) == "b0"));
        assert_eq!(name(2, Some("b")), "a0");
        assert!(queue(&route.write_queues, usize::MAX, None).is_some());
    }

    #[test]
    fn the_only_broker_is_tried_again_and_no_queue_is_none() {
        let route = route(&[("a", true, 6, 2)]);
        assert_eq!(queue(&route.write_queues, 1, Some("a")).unwrap().queue_id, 1);
        assert_eq!(queue(&[], 1, None), None);
    }
}
