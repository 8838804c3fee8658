//! How transactions went, by the topic their messages are for.

use base::metrics::Histogram;
use hashbrown::HashMap;

/// Java's buckets of the time from a half message to its commit, s.
pub const FINISH_BOUNDS: [u64; 6] = [5, 60, 600, 3_600, 43_200, 86_400];

/// A topic's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TopicPlace(u32);

/// Transactions of one topic since the start.
#[derive(Debug, Default)]
pub struct TopicFigures {
    /// Half messages that nobody has decided yet, those from before the start included.
    pub half: i64,
    /// Commits.
    pub committed: u64,
    /// Rollbacks.
    pub rolled_back: u64,
    /// From a half message's birth to its commit, s.
    pub finish_s: Histogram<6>,
}

/// Transactions by topic. Grows with the topics that have any.
#[derive(Debug, Default)]
pub struct Figures {
    places: HashMap<Box<str>, TopicPlace>,
    topics: Vec<TopicFigures>,
}

impl Figures {
    /// The place of a topic; made at first sight. What names no topic counts under an empty name.
    pub(super) fn place(&mut self, topic: Option<&[u8]>) -> TopicPlace {
        let topic = String::from_utf8_lossy(topic.unwrap_or_default());
        if let Some(place) = self.places.get(&*topic) {
            return *place;
        }
        let place = TopicPlace(self.topics.len() as u32);
        self.topics.push(TopicFigures::default());
        self.places.insert(topic.into(), place);
        place
    }

    pub(super) fn at(&mut self, place: TopicPlace) -> &mut TopicFigures {
        &mut self.topics[place.0 as usize]
    }

    /// Topics and their figures.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &TopicFigures)> {
        self.places.iter().map(|(topic, place)| (&**topic, &self.topics[place.0 as usize]))
    }
}
