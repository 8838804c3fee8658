//! Queues of a topic on other brokers, as the name servers tell them: whoever divides a topic's
//! queues among the clients of a group must know them all.
//!
//! The loop asks here and never waits: `broker-member` looks topics up, and requests that wait for
//! that are answered at the end of a batch.

use hashbrown::HashMap;
use protocol::body::assignment::QueryAssignmentRequestBody;
use remoting::ReplyHandle;

/// What is older is looked up again, ms.
const FRESH_MS: i64 = 30_000;
/// What could not be looked up is tried again after this long, ms.
const RETRY_MS: i64 = 5_000;
/// Topics remembered at most.
const KNOWN_MAX: usize = 10_000;
/// Requests that wait at most.
const WAITING_MAX: usize = 4_096;

/// A broker and how many queues it has to read.
pub type PeerQueues = (String, i32);

#[derive(Debug)]
struct Known {
    due_ms: i64,
    brokers: Vec<PeerQueues>,
}

/// A request that waits for its topic to be looked up.
#[derive(Debug)]
pub struct Waiting {
    /// How to answer.
    pub to: ReplyHandle,
    /// The question.
    pub question: QueryAssignmentRequestBody,
}

/// See the file's description.
#[derive(Debug, Default)]
pub struct Peers {
    known: HashMap<String, Known>,
    /// Topics to look up.
    wanted: Vec<String>,
    waiting: Vec<Waiting>,
}

impl Peers {
    /// The other brokers of a topic; `None` when they are not known yet. What is not fresh is to
    /// be looked up: then [`Peers::is_wanting`].
    pub fn of(&mut self, topic: &str, now_ms: i64) -> Option<&[PeerQueues]> {
        let known = self.known.get_mut(topic);
        if known.as_ref().is_none_or(|known| known.due_ms <= now_ms)
            && !self.wanted.iter().any(|wanted| wanted == topic)
        {
            self.wanted.push(topic.to_owned());
        }
        known.map(|known| &known.brokers[..])
    }

    /// Whether topics are to be looked up.
    pub fn is_wanting(&self) -> bool {
        !self.wanted.is_empty()
    }

    /// Takes the topics to look up.
    pub fn take_wanted(&mut self) -> Vec<String> {
        std::mem::take(&mut self.wanted)
    }

    /// What was found of a topic; `None` when no name server could say.
    pub fn note(&mut self, topic: String, found: Option<Vec<PeerQueues>>, now_ms: i64) {
        if self.known.len() >= KNOWN_MAX && !self.known.contains_key(&topic) {
            self.known.clear();
        }
        let due_ms = now_ms + if found.is_some() { FRESH_MS } else { RETRY_MS };
        let known = self.known.entry(topic).or_insert(Known { due_ms, brokers: Vec::new() });
        known.due_ms = due_ms;
        // What was known before is better than nothing.
        known.brokers = found.unwrap_or_else(|| std::mem::take(&mut known.brokers));
    }

    /// Lets a request wait; hands it back when too many do.
    pub fn park(&mut self, waiting: Waiting) -> Option<Waiting> {
        if self.waiting.len() >= WAITING_MAX {
            return Some(waiting);
        }
        self.waiting.push(waiting);
        None
    }

    /// Takes the requests whose topics are looked up by now.
    pub fn take_ready(&mut self) -> Vec<Waiting> {
        let Peers { known, waiting, .. } = self;
        let is_known = |one: &mut Waiting| {
            one.question.topic.as_deref().is_none_or(|topic| known.contains_key(topic))
        };
        waiting.extract_if(.., is_known).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_looked_up_once_and_again_when_it_is_old() {
        let mut peers = Peers::default();
        assert!(peers.of("t", 0).is_none() && peers.of("t", 0).is_none());
        assert_eq!(peers.take_wanted(), ["t"]);
        let two = vec![("b".to_owned(), 4)];
        peers.note("t".to_owned(), Some(two.clone()), 0);
        assert_eq!(peers.of("t", FRESH_MS - 1), Some(&two[..]));
        assert!(!peers.is_wanting());
        assert_eq!(peers.of("t", FRESH_MS), Some(&two[..]));
        assert_eq!(peers.take_wanted(), ["t"]);
        peers.note("t".to_owned(), None, FRESH_MS);
        assert_eq!(peers.of("t", FRESH_MS), Some(&two[..]), "no answer takes nothing away");
        assert!(!peers.is_wanting() && peers.of("t", FRESH_MS + RETRY_MS).is_some());
        assert!(peers.is_wanting());
    }
}
