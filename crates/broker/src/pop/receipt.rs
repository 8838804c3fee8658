//! Receipts: the texts by which clients name popped messages, and the names of the topics that
//! popped messages return to.
//!
//! A receipt has eight fields separated by spaces: queue offset where the pop began, time of the
//! pop, invisible time, revive queue, kind of topic, broker, queue id, queue offset. Some clients
//! append the commit log offset as a ninth.

use model::names::RETRY_PREFIX;

/// The revive queue that stands in receipts of messages popped in order.
pub const ORDERED: i32 = 999;

/// Whether messages stand in the topic that was asked for, or in one they returned to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopicKind {
    /// The topic itself.
    Normal,
    /// `%RETRY%group_topic`.
    RetryV1,
    /// `%RETRY%group+topic`.
    RetryV2,
}

impl TopicKind {
    /// The kind of a topic by its name.
    pub fn of(topic: &str) -> TopicKind {
        match topic.strip_prefix(RETRY_PREFIX) {
            None => TopicKind::Normal,
            Some(rest) if rest.contains('+') => TopicKind::RetryV2,
            Some(_) => TopicKind::RetryV1,
        }
    }

    /// The character that stands for it.
    pub fn letter(self) -> &'static str {
        match self {
            TopicKind::Normal => "0",
            TopicKind::RetryV1 => "1",
            TopicKind::RetryV2 => "2",
        }
    }

    /// The kind a character stands for.
    pub fn from_letter(letter: &str) -> Option<TopicKind> {
        [TopicKind::Normal, TopicKind::RetryV1, TopicKind::RetryV2]
            .into_iter()
            .find(|kind| kind.letter() == letter)
    }

    /// Where the messages of `topic` stand for `group`.
    pub fn topic(self, topic: &str, group: &str) -> String {
        match self {
            TopicKind::Normal => topic.to_owned(),
            TopicKind::RetryV1 => format!("{RETRY_PREFIX}{group}_{topic}"),
            TopicKind::RetryV2 => format!("{RETRY_PREFIX}{group}+{topic}"),
        }
    }
}

/// The topic that was asked for, given one of either kind.
pub fn normal_topic<'a>(topic: &'a str, group: &str) -> &'a str {
    let own = topic.strip_prefix(RETRY_PREFIX).and_then(|rest| rest.strip_prefix(group));
    own.and_then(|rest| rest.strip_prefix(['+', '_'])).unwrap_or(topic)
}

/// What a receipt says, as far as the broker needs it. Times in ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Queue offset where the pop began.
    pub start_offset: i64,
    /// When it was.
    pub pop_time: i64,
    /// How long the message is hidden.
    pub invisible_ms: i64,
    /// The queue of the revive topic, or [`ORDERED`].
    pub revive_queue: i32,
}

impl Receipt {
    /// Reads a receipt.
    ///
    /// # Errors
    /// The field that is missing or no number.
    pub fn parse(text: &str) -> Result<Receipt, String> {
        let mut fields = text.split(' ');
        let mut number = |what: &str| {
            let field = fields.next().and_then(|field| field.parse::<i64>().ok());
            field.ok_or_else(|| format!("the receipt '{text}' has no {what}"))
        };
        Ok(Receipt {
            start_offset: number("start offset")?,
            pop_time: number("pop time")?,
            invisible_ms: number("invisible time")?,
            revive_queue: number("revive queue")?
                .try_into()
                .map_err(|_| format!("the receipt '{text}' has an illegal revive queue"))?,
        })
    }

    /// The whole text for one message.
    pub fn text(
        &self,
        kind: TopicKind,
        broker_name: &str,
        queue_id: i32,
        queue_offset: i64,
    ) -> String {
        let Receipt { start_offset, pop_time, invisible_ms, revive_queue } = self;
        let kind = kind.letter();
        format!(
            "{start_offset} {pop_time} {invisible_ms} {revive_queue} {kind} {broker_name} \
             {queue_id} {queue_offset}"
        )
    }
}

/// Appends `kind queue value` to a list of such, as replies to a pop have them.
pub fn append_info(out: &mut String, kind: TopicKind, queue: impl std::fmt::Display) {
    if !out.is_empty() {
        out.push(';');
    }
    out.push_str(kind.letter());
    push(out, format_args!(" {queue} "));
}

/// Appends formatted text.
pub fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    std::fmt::Write::write_fmt(out, text).expect("a String takes everything");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by Java's `ExtraInfoUtil` 5.3.3.
    const JAVA: [(&str, &str); 3] = [
        ("t", "7 1700000000000 60000 4 0 b 3 9"),
        ("%RETRY%g_t", "7 1700000000000 60000 4 1 b 3 9"),
        ("%RETRY%g+t", "7 1700000000000 60000 4 2 b 3 9"),
    ];

    #[test]
    fn receipts_are_those_of_java() {
        let receipt = Receipt {
            start_offset: 7,
            pop_time: 1_700_000_000_000,
            invisible_ms: 60_000,
            revive_queue: 4,
        };
        for (topic, text) in JAVA {
            assert_eq!(receipt.text(TopicKind::of(topic), "b", 3, 9), text);
            assert_eq!(Receipt::parse(text), Ok(receipt));
            assert_eq!(Receipt::parse(&format!("{text} 1234")), Ok(receipt));
            let kind = TopicKind::from_letter(text.split(' ').nth(4).expect("a kind"));
            assert_eq!(kind.expect("known").topic("t", "g"), topic);
            assert_eq!(normal_topic(topic, "g"), "t");
        }
        for bad in ["", "7", "7 1 2", "7 1 2 x", "7 1 2 99999999999", "a b c d"] {
            assert!(Receipt::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn lists_in_replies_are_those_of_java() {
        let mut out = String::new();
        append_info(&mut out, TopicKind::Normal, 3);
        out.push_str("7,9");
        append_info(&mut out, TopicKind::RetryV1, 0);
        out.push('1');
        assert_eq!(out, "0 3 7,9;1 0 1");
    }
}
