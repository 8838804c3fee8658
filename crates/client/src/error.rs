//! What can go wrong, with what the caller should do about it.

use std::fmt;

use protocol::fastjson::BadJson;
use protocol::response_code;
use remoting::CallError;

/// Why something did not work.
#[derive(Debug)]
pub enum Error {
    /// No name server answered; holds what the last one's connection said. Check the address.
    NoNameServer(String),
    /// The name server knows no such topic. Create it, or wait until its broker has registered.
    NoTopic(String),
    /// The topic has no queue that can be used this way, or its broker is gone. Try later.
    NoQueue(String),
    /// A name or size the broker would refuse. Change the message.
    Invalid(String),
    /// A server refused.
    Refused {
        /// Its response code.
        code: i32,
        /// What it said.
        remark: String,
    },
    /// No answer: the request may or may not have been served. Try again, and expect duplicates.
    NoAnswer(CallError),
    /// An answer that cannot be read.
    BadAnswer(String),
    /// The producer or consumer has been stopped.
    Stopped,
    /// The operating system gave no thread.
    Thread(std::io::Error),
}

impl Error {
    /// Whether another broker, or the same one later, may well take the message.
    pub fn is_passing(&self) -> bool {
        use response_code as code;
        match self {
            Error::NoAnswer(_) => true,
            Error::Refused { code, .. } => matches!(
                *code,
                code::TOPIC_NOT_EXIST
                    | code::SERVICE_NOT_AVAILABLE
                    | code::SYSTEM_ERROR
                    | code::SYSTEM_BUSY
                    | code::NO_PERMISSION
                    | code::FLOW_CONTROL
                    | code::GO_AWAY
            ),
            _ => false,
        }
    }

    /// Whether the broker has too much to do: it has stored nothing and may take the message in a
    /// moment.
    pub fn is_busy(&self) -> bool {
        use response_code as code;
        matches!(self, Error::Refused { code: code::SYSTEM_BUSY | code::FLOW_CONTROL, .. })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NoNameServer(why) => write!(f, "no name server answers: {why}"),
            Error::NoTopic(topic) => write!(f, "no name server knows the topic {topic}"),
            Error::NoQueue(topic) => write!(f, "the topic {topic} has no usable queue"),
            Error::Invalid(why) | Error::BadAnswer(why) => f.write_str(why),
            Error::Refused { code, remark } => write!(f, "refused with code {code}: {remark}"),
            Error::NoAnswer(e) => write!(f, "{e}"),
            Error::Stopped => f.write_str("already stopped"),
            Error::Thread(e) => write!(f, "no thread: {e}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<CallError> for Error {
    fn from(e: CallError) -> Error {
        match e {
            CallError::Refused { code, remark } => Error::Refused { code, remark },
            CallError::Malformed(why) => Error::BadAnswer(why),
            e @ (CallError::Io(_) | CallError::Timeout) => Error::NoAnswer(e),
        }
    }
}

impl From<std::io::Error> for Error {
    fn from(e: std::io::Error) -> Error {
        Error::NoAnswer(CallError::Io(e))
    }
}

impl From<BadJson> for Error {
    fn from(e: BadJson) -> Error {
        Error::BadAnswer(e.to_string())
    }
}
