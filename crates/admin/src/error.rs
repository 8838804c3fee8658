//! Why a command did not do what it was asked to.

use std::fmt;

use protocol::fastjson::BadJson;

/// What went wrong.
#[derive(Debug)]
pub enum Error {
    /// The command line is not right; says what to write instead.
    Usage(String),
    /// A server did not answer, or refused.
    Server(client::Error),
    /// What is asked for is not there, or something on this machine does not work.
    Failed(String),
    /// A feature is not here; names it.
    Needs(&'static str),
    /// Nobody reads the output any more.
    Closed,
}

impl Error {
    /// Something else went wrong; `why` is a sentence that names it.
    pub fn failed(why: impl Into<String>) -> Error {
        Error::Failed(why.into())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Usage(why) | Error::Failed(why) => f.write_str(why),
            // Java's words, which scripts look for.
            Error::Server(client::Error::Refused { code, remark }) => {
                write!(f, "CODE: {code}  DESC: {remark}")?;
                match *code == protocol::response_code::REQUEST_CODE_NOT_SUPPORTED {
                    true => f.write_str("; the server does not have this feature"),
                    false => Ok(()),
                }
            }
            Error::Server(client::Error::NoTopic(topic)) => {
                let code = protocol::response_code::TOPIC_NOT_EXIST;
                write!(
                    f,
                    "CODE: {code}  DESC: No topic route info in name server for the topic: {topic}"
                )
            }
            Error::Server(e) => write!(f, "{e}"),
            Error::Needs(what) => write!(f, "not here: it needs {what}"),
            Error::Closed => f.write_str("the output was closed"),
        }
    }
}

impl std::error::Error for Error {}

impl From<client::Error> for Error {
    fn from(e: client::Error) -> Error {
        Error::Server(e)
    }
}

impl From<BadJson> for Error {
    fn from(e: BadJson) -> Error {
        Error::Server(e.into())
    }
}

impl From<std::io::Error> for Error {
    fn from(e: std::io::Error) -> Error {
        Error::Failed(e.to_string())
    }
}
