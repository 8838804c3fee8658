//! Trace messages: what producers and consumers with tracing tell of a message. Records end with
//! 0x02, their fields with 0x01.

/// Who tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A producer, after sending.
    Published,
    /// A consumer, after consuming.
    Consumed,
}

/// One record of a trace message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Who tells.
    pub kind: Kind,
    /// The message it is about.
    pub message_id: String,
    /// The group of the producer or consumer; `null` when it does not say.
    pub group: String,
    /// When, ms since 1970; 0 when it does not say.
    pub at_ms: i64,
    /// How long it took, ms.
    pub cost_ms: i64,
    /// Whether it succeeded.
    pub success: bool,
}

/// The records of a trace message's body that can be read.
pub fn read(body: &str) -> Vec<Trace> {
    body.split('\u{2}').filter_map(record).collect()
}

fn record(text: &str) -> Option<Trace> {
    let fields: Vec<&str> = text.split('\u{1}').collect();
    let field = |at: usize| fields.get(at).copied();
    match field(0)? {
        // Type, time, region, group, topic, id, tags, keys, store, length, cost, kind,
        // then the broker's id of the message before the result, except from old clients.
        "Pub" => Some(Trace {
            kind: Kind::Published,
            message_id: field(5)?.to_owned(),
            group: field(3)?.to_owned(),
            at_ms: field(1)?.parse().ok()?,
            cost_ms: field(10)?.parse().ok()?,
            success: field(if fields.len() == 13 { 12 } else { 13 }) == Some("true"),
        }),
        // Type, request, id, cost, result, keys, code, and since 4.8 time and group.
        "SubAfter" => Some(Trace {
            kind: Kind::Consumed,
            message_id: field(2)?.to_owned(),
            group: field(8).unwrap_or("null").to_owned(),
            at_ms: field(7).and_then(|at| at.parse().ok()).unwrap_or(0),
            cost_ms: field(3)?.parse().ok()?,
            success: field(4) == Some("true"),
        }),
        _ => None,
    }
}

/// What a producer tells after sending one message.
pub struct Published<'a> {
    /// When it was sent, ms since 1970.
    pub at_ms: i64,
    /// Group of the producer.
    pub group: &'a str,
    /// Where it went.
    pub topic: &'a str,
    /// Its id.
    pub message_id: &'a str,
    /// Its tag, empty if none.
    pub tag: &'a str,
    /// Its keys, empty if none.
    pub keys: &'a str,
    /// The broker that has it.
    pub store_host: &'a str,
    /// Bytes of its body.
    pub body_len: usize,
    /// How long it took, ms.
    pub cost_ms: i64,
    /// The broker's id of it.
    pub offset_message_id: &'a str,
}

/// Region that brokers belong to unless told otherwise.
const REGION: &str = "DefaultRegion";
/// Number of the kind of a message that is neither half, timed nor ordered.
const NORMAL_MESSAGE: &str = "0";

impl Published<'_> {
    /// The body of the trace message.
    pub fn body(&self) -> String {
        let (at, len, cost) =
            (self.at_ms.to_string(), self.body_len.to_string(), self.cost_ms.to_string());
        let fields = [
            "Pub",
            &at,
            REGION,
            self.group,
            self.topic,
            self.message_id,
            self.tag,
            self.keys,
            self.store_host,
            &len,
            &cost,
            NORMAL_MESSAGE,
            self.offset_message_id,
            "true",
        ];
        format!("{}\u{2}", fields.join("\u{1}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_producers_and_consumers_are_read() {
        let published = Published {
            at_ms: 5,
            group: "P",
            topic: "T",
            message_id: "ID",
            tag: "A",
            keys: "",
            store_host: "127.0.0.1:10911",
            body_len: 3,
            cost_ms: 7,
            offset_message_id: "OID",
        };
        let consumed = "SubAfter\u{1}r\u{1}ID\u{1}9\u{1}false\u{1}k\u{1}0\u{1}11\u{1}G\u{2}";
        let before = "SubBefore\u{1}1\u{1}null\u{1}G\u{1}r\u{1}ID\u{1}0\u{1}k\u{2}";
        let old = "SubAfter\u{1}r\u{1}ID\u{1}9\u{1}true\u{1}k\u{2}Pub\u{1}torn";
        let found = read(&format!("{}{before}{consumed}{old}", published.body()));
        let said: Vec<_> =
            found.iter().map(|t| (t.kind, &*t.group, t.at_ms, t.cost_ms, t.success)).collect();
        let expected = [
            (Kind::Published, "P", 5, 7, true),
            (Kind::Consumed, "G", 11, 9, false),
            (Kind::Consumed, "null", 0, 9, true),
        ];
        assert_eq!(said, expected);
        assert!(found.iter().all(|t| t.message_id == "ID"));
    }
}
