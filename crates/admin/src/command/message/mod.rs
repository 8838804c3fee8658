//! Messages: looking them up, printing, sending. One row per command; what it does is in the file
//! of its noun.

mod consume;
mod dump;
mod find;
pub mod print;
mod send;
pub mod text;
pub mod trace;
mod traced;
mod track;

use super::{Action, Command, OptionRow, flag, value};

const BEGIN: OptionRow =
    value("b", "beginTimestamp ", "Begin timestamp[currentTimeMillis|yyyy-MM-dd#HH:mm:ss:SSS]");
const END: OptionRow =
    value("e", "endTimestamp ", "End timestamp[currentTimeMillis|yyyy-MM-dd#HH:mm:ss:SSS]");
const CHARSET: OptionRow = value("c", "charsetName ", "CharsetName(eg: UTF-8,GBK)");
const EXPRESSION: OptionRow =
    value("s", "subExpression ", "Subscribe Expression(eg: TagA || TagB)");

/// The commands of this pack.
pub const ROWS: &[Command] = &[
    Command {
        name: "queryMsgById",
        alias: None,
        pack: "message",
        since: "4.4",
        summary: "Query Message by Id.",
        options: &[
            value("t", "topic", "topic name"),
            value("i", "msgId", "Message Id").required(),
            value("g", "consumerGroup", "consumer group name"),
            value("d", "clientId", "The consumer's client id"),
            value("s", "sendMessage", "resend message"),
            value("u", "unitName", "unit name"),
            value("f", "bodyFormat", "print message body by the specified format"),
            value(
                "c",
                "cluster",
                "Cluster name or lmq parent topic, lmq is used to find the route.",
            ),
        ],
        asks: None,
        action: Action::Run(find::by_id),
    },
    Command {
        name: "queryMsgByKey",
        alias: None,
        pack: "message",
        since: "4.4",
        summary: "Query Message by Key.",
        options: &[
            value("t", "topic", "Topic name").required(),
            value("k", "msgKey", "Message Key").required(),
            value("b", "beginTimestamp", "Begin timestamp(ms). default:0, eg:1676730526212"),
            value(
                "e",
                "endTimestamp",
                "End timestamp(ms). default:Long.MAX_VALUE, eg:1676730526212",
            ),
            value(
                "m",
                "maxNum",
                "The maximum number of messages returned by the query, default:64",
            ),
            value(
                "c",
                "cluster",
                "Cluster name or lmq parent topic, lmq is used to find the route.",
            ),
        ],
        asks: None,
        action: Action::Run(find::by_key),
    },
    Command {
        name: "queryMsgByUniqueKey",
        alias: None,
        pack: "message",
        since: "4.4",
        summary: "Query Message by Unique key.",
        options: &[
            value("i", "msgId", "Message Id").required(),
            value("g", "consumerGroup", "consumer group name"),
            value("d", "clientId", "The consumer's client id"),
            value("t", "topic", "The topic of msg").required(),
            flag("a", "showAll", "Print all message, the limit is 32"),
            value(
                "c",
                "cluster",
                "Cluster name or lmq parent topic, lmq is used to find the route.",
            ),
        ],
        asks: None,
        action: Action::Run(find::by_unique),
    },
    Command {
        name: "queryMsgByOffset",
        alias: None,
        pack: "message",
        since: "4.4",
        summary: "Query Message by offset.",
        options: &[
            value("t", "topic", "topic name").required(),
            value("b", "brokerName", "Broker Name").required(),
            value("i", "queueId", "Queue Id").required(),
            value("o", "offset", "Queue Offset").required(),
            value("f", "bodyFormat", "print message body by the specified format"),
        ],
        asks: None,
        action: Action::Run(find::by_offset),
    },
    Command {
        name: "queryMsgTraceById",
        alias: None,
        pack: "message",
        since: "4.8.0",
        summary: "Query a message trace.",
        options: &[
            value("i", "msgId", "Message Id").required(),
            value("t", "traceTopic", "The name value of message trace topic"),
            value("b", "beginTimestamp", "Begin timestamp(ms). default:0, eg:1676730526212"),
            value(
                "e",
                "endTimestamp",
                "End timestamp(ms). default:Long.MAX_VALUE, eg:1676730526212",
            ),
            value(
                "c",
                "maxNum",
                "The maximum number of messages returned by the query, default:64",
            ),
        ],
        asks: None,
        action: Action::Run(traced::show),
    },
    Command {
        name: "printMsg",
        alias: None,
        pack: "message",
        since: "4.4",
        summary: "Print Message Detail.",
        options: &[
            value("t", "topic", "topic name").required(),
            CHARSET,
            EXPRESSION,
            BEGIN,
            END,
            value("d", "printBody ", "print body"),
            value("l", "lmqParentTopic", "Lmq parent topic, lmq is used to find the route."),
        ],
        asks: None,
        action: Action::Run(print::topic),
    },
    Command {
        name: "printMsgByQueue",
        alias: None,
        pack: "message",
        since: "4.4",
        summary: "Print Message Detail by queueId.",
        options: &[
            value("t", "topic", "topic name").required(),
            value("a", "brokerName ", "broker name").required(),
            value("i", "queueId ", "queue id").required(),
            CHARSET,
            EXPRESSION,
            BEGIN,
            END,
            value("p", "print msg", "print msg. eg: true | false(default)"),
            value("d", "printBody ", "print body. eg: true | false(default)"),
            value("f", "calculate", "calculate by tag. eg: true | false(default)"),
        ],
        asks: None,
        action: Action::Run(print::one_queue),
    },
    Command {
        name: "checkMsgSendRT",
        alias: None,
        pack: "message",
        since: "4.4",
        summary: "Check message send response time.",
        options: &[
            value("t", "topic", "topic name").required(),
            value("a", "amount", "message amount | default 100"),
            value("s", "size", "message size | default 128 Byte"),
        ],
        asks: None,
        action: Action::Run(send::check_times),
    },
    Command {
        name: "sendMessage",
        alias: None,
        pack: "message",
        since: "4.4",
        summary: "Send a message.",
        options: &[
            value("t", "topic", "Topic name").required(),
            value("p", "body", "UTF-8 string format of the message body").required(),
            value("k", "key", "Message keys"),
            value("c", "tags", "Message tags"),
            value("b", "broker", "Send message to target broker"),
            value("i", "qid", "Send message to target queue"),
            value("m", "msgTraceEnable", "Message Trace Enable, Default: false"),
        ],
        asks: None,
        action: Action::Run(send::run),
    },
    Command {
        name: "consumeMessage",
        alias: None,
        pack: "message",
        since: "4.4",
        summary: "Consume message.",
        options: &[
            value("t", "topic", "Topic name").required(),
            value("b", "brokerName", "Broker name"),
            value("i", "queueId", "Queue Id"),
            value("o", "offset", "Queue offset"),
            value("g", "consumerGroup", "Consumer group name"),
            OptionRow { short: "s", ..BEGIN },
            END,
            value("c", "MessageNumber", "Number of message to be consumed"),
        ],
        asks: None,
        action: Action::Run(consume::run),
    },
    Command {
        name: "dumpCompactionLog",
        alias: None,
        pack: "message",
        since: "5.1.0",
        summary: "Parse compaction log to message.",
        options: &[value("f", "file", "to dump file name")],
        asks: None,
        action: Action::Run(dump::run),
    },
];
