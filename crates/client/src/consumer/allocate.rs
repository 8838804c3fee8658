//! Who of a group consumes which queues: each member works it out alone, so all must sort and
//! divide alike.

use protocol::body::MessageQueue;

/// The queues of `member`: sorted queues are cut into runs as equal as possible, the first ones
/// longer by one, and dealt to the sorted members. None for who is not a member.
pub fn average(queues: &[MessageQueue], members: &[String], member: &str) -> Vec<MessageQueue> {
    let Some(at) = members.iter().position(|m| m == member) else { return Vec::new() };
    let (share, longer) = (queues.len() / members.len(), queues.len() % members.len());
    let start = at * share + at.min(longer);
    let len = share + usize::from(at < longer);
    queues[start..start + len].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_queue_has_one_owner_and_shares_differ_by_one_at_most() {
        for (queues, members) in [(0, 1), (1, 3), (4, 1), (4, 2), (4, 3), (10, 4), (3, 3), (7, 2)] {
            let queue = |queue_id| MessageQueue { queue_id, ..MessageQueue::default() };
            let queues: Vec<_> = (0..queues).map(queue).collect();
            let members: Vec<_> = (0..members).map(|m| format!("m{m}")).collect();
            let shares: Vec<_> = members.iter().map(|m| average(&queues, &members, m)).collect();
            assert_eq!(shares.concat(), queues);
            let lens: Vec<_> = shares.iter().map(Vec::len).collect();
            assert!(lens.is_sorted_by(|a, b| a >= b) && lens[0] - lens[lens.len() - 1] <= 1);
            assert!(average(&queues, &members, "stranger").is_empty());
        }
    }

    #[test]
    fn shares_are_javas() {
        let queue = |queue_id| MessageQueue { queue_id, ..MessageQueue::default() };
        let queues: Vec<_> = (0..8).map(queue).collect();
        let members = ["a", "b", "c"].map(str::to_owned);
        let ids = |member| -> Vec<_> {
            average(&queues, &members, member).iter().map(|q| q.queue_id).collect()
        };
        assert_eq!((ids("a"), ids("b"), ids("c")), (vec![0, 1, 2], vec![3, 4, 5], vec![6, 7]));
    }
}
