//! Which groups pop a topic and which pull it (`messageRequestMode.json`), and which queues each
//! client of a group is to take when the broker decides.

use protocol::body::assignment::{
    MessageRequestMode, MessageRequestModeSerializeWrapper, SetMessageRequestModeRequestBody,
};

/// The table behind `config/messageRequestMode.json`.
#[derive(Debug, Default)]
pub struct RequestModes {
    table: MessageRequestModeSerializeWrapper,
    changes: u64,
}

impl RequestModes {
    /// Sets how a group gets messages of a topic.
    pub fn set(&mut self, topic: &str, group: &str, mode: SetMessageRequestModeRequestBody) {
        let topics = &mut self.table.message_request_mode_map;
        topics.entry(topic.to_owned()).or_default().insert(group.to_owned(), mode);
        self.changes += 1;
    }

    /// What was set, with how many clients share queues when they pop.
    pub fn get(&self, topic: &str, group: &str) -> Option<(MessageRequestMode, i32)> {
        let mode = self.table.message_request_mode_map.get(topic)?.get(group)?;
        Some((mode.mode, mode.pop_share_queue_num))
    }

    /// All of it.
    pub fn file(&self) -> &MessageRequestModeSerializeWrapper {
        &self.table
    }

    /// Takes over the state file.
    pub fn load(&mut self, table: MessageRequestModeSerializeWrapper) {
        self.table = table;
    }

    /// How many changes there were since the start.
    pub fn changes(&self) -> u64 {
        self.changes
    }
}

/// How queues are divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// Neighbours to the same client.
    Averagely,
    /// In turn.
    ByCircle,
}

impl Strategy {
    /// The strategy of that name.
    pub fn from_name(name: &str) -> Option<Strategy> {
        match name {
            "AVG" => Some(Strategy::Averagely),
            "AVG_BY_CIRCLE" => Some(Strategy::ByCircle),
            _ => None,
        }
    }
}

/// The places of the queues that client `index` of `clients` takes. `clients` is not 0.
pub fn allocate(strategy: Strategy, index: usize, clients: usize, queues: usize) -> Vec<usize> {
    match strategy {
        Strategy::ByCircle => (index..queues).step_by(clients).collect(),
        Strategy::Averagely => {
            let (each, extra) = (queues / clients, queues % clients);
            let count = if queues <= clients { 1 } else { each + usize::from(index < extra) };
            let start = if index < extra { index * count } else { index * count + extra };
            (start..start.saturating_add(count).min(queues)).collect()
        }
    }
}

/// As [`allocate`] for clients that pop: each also takes what the `share` clients behind it take.
/// `None` when everybody takes from all queues.
pub fn allocate_pop(
    strategy: Strategy,
    index: usize,
    clients: usize,
    queues: usize,
    share: i32,
) -> Option<Vec<usize>> {
    let share = usize::try_from(share).ok().filter(|share| *share > 0 && share + 1 < clients)?;
    if clients > queues {
        return Some(vec![index % queues.max(1)]);
    }
    let own = (0..=share).map(|n| (index + n) % clients);
    Some(own.flat_map(|index| allocate(strategy, index, clients, queues)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_are_divided_as_java_does() {
        let all = |strategy, clients, queues| {
            (0..clients).map(|i| allocate(strategy, i, clients, queues)).collect::<Vec<_>>()
        };
        assert_eq!(all(Strategy::Averagely, 3, 8), [vec![0, 1, 2], vec![3, 4, 5], vec![6, 7]]);
        assert_eq!(all(Strategy::Averagely, 3, 2), [vec![0], vec![1], vec![]]);
        assert_eq!(all(Strategy::ByCircle, 3, 8), [vec![0, 3, 6], vec![1, 4, 7], vec![2, 5]]);
        assert_eq!(allocate_pop(Strategy::Averagely, 0, 3, 8, 2), None);
        assert_eq!(allocate_pop(Strategy::Averagely, 0, 3, 8, -1), None);
        let two = allocate_pop(Strategy::Averagely, 2, 3, 8, 1);
        assert_eq!(two, Some(vec![6, 7, 0, 1, 2]));
        assert_eq!(allocate_pop(Strategy::ByCircle, 4, 5, 2, 1), Some(vec![0]));
    }
}
