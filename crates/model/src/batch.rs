//! The body of a batch send: messages one behind the other, each as
//! total size 4, magic 4 (0), body CRC 4 (0), flag 4, body length 4 and body, properties length 2
//! and properties. All big endian. The broker makes one record of each.

/// One message of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchMessage<'a> {
    /// The sender's flag.
    pub flag: i32,
    /// The body.
    pub body: &'a [u8],
    /// The properties text.
    pub properties: &'a [u8],
}

/// The bytes are not a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadBatch;

impl std::fmt::Display for BadBatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the body of the batch is malformed")
    }
}

impl std::error::Error for BadBatch {}

/// Bytes before the body of a message.
const HEAD_LEN: usize = 20;

/// Reads the messages of a batch body; ends after the first error.
pub fn messages(body: &[u8]) -> Messages<'_> {
    Messages { rest: body }
}

/// See [`messages`].
#[derive(Debug, Clone)]
pub struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<BatchMessage<'a>, BadBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        match split(self.rest) {
            Some((message, rest)) => {
                self.rest = rest;
                Some(Ok(message))
            }
            None => {
                self.rest = &[];
                Some(Err(BadBatch))
            }
        }
    }
}

fn split(bytes: &[u8]) -> Option<(BatchMessage<'_>, &[u8])> {
    let head: &[u8; HEAD_LEN] = bytes.first_chunk()?;
    let word = |at: usize| [head[at], head[at + 1], head[at + 2], head[at + 3]];
    let flag = i32::from_be_bytes(word(12));
    let body_len = usize::try_from(i32::from_be_bytes(word(16))).ok()?;
    let rest = &bytes[HEAD_LEN..];
    let body = rest.get(..body_len)?;
    let rest = &rest[body_len..];
    let properties_len = i16::from_be_bytes(*rest.first_chunk()?);
    let properties_len = usize::try_from(properties_len).ok()?;
    let properties = rest.get(2..2 + properties_len)?;
    Some((BatchMessage { flag, body, properties }, &rest[2 + properties_len..]))
}

/// Appends one message in a batch's layout.
///
/// # Errors
/// Properties longer than 32,767 bytes.
pub fn write(out: &mut Vec<u8>, message: &BatchMessage<'_>) -> Result<(), BadBatch> {
    let properties_len = i16::try_from(message.properties.len()).map_err(|_| BadBatch)?;
    let total = HEAD_LEN + message.body.len() + 2 + message.properties.len();
    out.extend_from_slice(&(total as u32).to_be_bytes());
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(&message.flag.to_be_bytes());
    out.extend_from_slice(&(message.body.len() as u32).to_be_bytes());
    out.extend_from_slice(message.body);
    out.extend_from_slice(&properties_len.to_be_bytes());
    out.extend_from_slice(message.properties);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let expected = [
            BatchMessage { flag: 1, body: b"one", properties: b"a\x01b\x02" },
            BatchMessage { flag: -1, body: b"", properties: b"" },
        ];
        let mut bytes = Vec::new();
        for message in &expected {
            write(&mut bytes, message).unwrap();
        }
        let read: Result<Vec<_>, _> = messages(&bytes).collect();
        assert_eq!(read.unwrap(), expected);
        for len in 1..bytes.len() {
            // Cut anywhere but between messages, the batch is refused.
            let is_whole = len == HEAD_LEN + 3 + 2 + 4;
            let read: Result<Vec<_>, _> = messages(&bytes[..len]).collect();
            assert_eq!(read.is_ok(), is_whole, "{len}");
        }
    }

    #[test]
    fn negative_lengths_are_refused() {
        let mut bytes = Vec::new();
        write(&mut bytes, &BatchMessage { flag: 0, body: b"x", properties: b"" }).unwrap();
        bytes[16] = 0xff;
        assert!(messages(&bytes).any(|m| m.is_err()));
    }
}
