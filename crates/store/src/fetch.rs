//! Reading that would have to wait for the device, made elsewhere: [`Store::without_waiting`] ends
//! with [`StoreError::Cold`] and says what is missing, somebody fetches that ([`Fetch::run`]),
//! tells the store ([`Store::fetched`]), and the question is asked again.
//!
//! Nothing is ever wrong when something is fetched twice, not at all, or has gone again: who needs
//! it asks again, and in the end waits.

use crate::cold::{ColdPlace, ColdRead};
use crate::consume_queue::{QueueLook, QueueLooked};
use crate::error::StoreError;
use crate::index::KeyWalk;
use crate::store::Store;
use std::fmt;

/// What a question needs and memory does not have.
pub struct Fetch(Needed);

enum Needed {
    /// Parts of files; there is one at least.
    Bytes(Vec<ColdRead>),
    /// What the files of queues hold; there is one at least.
    Queues(Vec<QueueLook>),
    /// Keys of a slot of an index file.
    Keys(KeyWalk),
}

/// What came of a fetch, for [`Store::fetched`].
pub struct Fetched {
    /// Which bytes.
    pub place: ColdPlace,
    /// What stands there, if that is wanted; else memory to be used again.
    bytes: Vec<u8>,
    looked: Vec<QueueLooked>,
}

impl Fetch {
    /// Which bytes; of several parts the first.
    pub fn place(&self) -> ColdPlace {
        match &self.0 {
            Needed::Bytes(parts) => parts[0].place,
            Needed::Queues(looks) => ColdPlace::Bounds(looks[0].queue()),
            Needed::Keys(walk) => walk.place(),
        }
    }

    /// Fetches it. Blocks, on any thread. `bytes` is memory to be used again. An error is of no
    /// account: who needs the bytes meets it again.
    pub fn run(self, mut bytes: Vec<u8>) -> Fetched {
        let place = self.place();
        let mut looked = Vec::new();
        match self.0 {
            Needed::Bytes(parts) => {
                // The device works on all of them at once.
                parts.iter().for_each(ColdRead::announce);
                for part in &parts {
                    bytes = part.run(bytes);
                }
                if parts.len() > 1 {
                    // Single messages: they are in the page cache.
                    bytes.clear();
                }
            }
            Needed::Queues(looks) => looked.extend(looks.into_iter().flat_map(QueueLook::run)),
            Needed::Keys(walk) => walk.run(),
        }
        Fetched { place, bytes, looked }
    }

    /// Adds what another question needs, if that is of the same kind; else the other one will ask
    /// again.
    pub fn and(&mut self, other: Fetch) {
        match (&mut self.0, other.0) {
            (Needed::Bytes(parts), Needed::Bytes(more)) => parts.extend(more),
            (Needed::Queues(looks), Needed::Queues(more)) => looks.extend(more),
            _ => {}
        }
    }
}

impl fmt::Debug for Fetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.place())
    }
}

impl From<ColdRead> for Fetch {
    fn from(read: ColdRead) -> Fetch {
        Fetch(Needed::Bytes(vec![read]))
    }
}

impl From<QueueLook> for Fetch {
    fn from(look: QueueLook) -> Fetch {
        Fetch(Needed::Queues(vec![look]))
    }
}

impl From<KeyWalk> for Fetch {
    fn from(walk: KeyWalk) -> Fetch {
        Fetch(Needed::Keys(walk))
    }
}

impl From<Fetch> for StoreError {
    fn from(fetch: Fetch) -> StoreError {
        StoreError::Cold(Box::new(fetch))
    }
}

/// Collects what the parts of a question lack, so that all of it is fetched at once.
#[derive(Debug, Default)]
pub struct Missing(Option<Box<Fetch>>);

impl Missing {
    /// A part's answer; `None` if it must be asked again.
    ///
    /// # Errors
    /// The device failed.
    pub fn part<T>(&mut self, answer: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
        match answer {
            Ok(found) => Ok(Some(found)),
            Err(StoreError::Cold(fetch)) => {
                match &mut self.0 {
                    Some(missing) => missing.and(*fetch),
                    None => self.0 = Some(fetch),
                }
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// What all parts lack, if anything.
    pub fn all(self) -> Option<Box<Fetch>> {
        self.0
    }

    /// Whether no part lacks anything.
    pub fn is_nothing(&self) -> bool {
        self.0.is_none()
    }

    /// All parts were asked.
    ///
    /// # Errors
    /// [`StoreError::Cold`]: some of them must be asked again.
    pub fn end(self) -> Result<(), StoreError> {
        self.all().map_or(Ok(()), |fetch| Err(StoreError::Cold(fetch)))
    }
}

/// Reads wait again when this goes, even in a panic, if they did before.
struct NotWaiting<'a> {
    store: &'a mut Store,
    waited: bool,
}

impl Drop for NotWaiting<'_> {
    fn drop(&mut self) {
        self.store.set_waits(self.waited);
    }
}

impl Store {
    /// Asks something without waiting for the device. (Only to open a file that is not open may
    /// wait, for its entry in the folder.)
    ///
    /// # Errors
    /// [`StoreError::Cold`]: something is not in memory. Else what `ask` says.
    pub fn without_waiting<T>(
        &mut self,
        ask: impl FnOnce(&mut Store) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let waited = self.set_waits(false);
        let not_waiting = NotWaiting { store: self, waited };
        ask(not_waiting.store)
    }

    /// What is missing of the message at a commit log offset: `None` when it is in memory, as far
    /// as its head tells, or when there is none.
    pub fn missing_message(&mut self, commit_log_offset: i64) -> Option<Box<Fetch>> {
        match self.without_waiting(|store| store.store_time_of(commit_log_offset)) {
            Err(StoreError::Cold(fetch)) => Some(fetch),
            _ => None,
        }
    }

    /// Whether reads wait for the device, as they do at first; else they end with
    /// [`StoreError::Cold`]. Messages must not be put before they do again. Answers what was so
    /// before.
    pub fn set_waits(&mut self, waits: bool) -> bool {
        self.queues.waits = waits;
        self.index.waits = waits;
        std::mem::replace(&mut self.log.waits, waits)
    }

    /// Takes over what was fetched. Answers memory for the next fetch.
    pub fn fetched(&mut self, fetched: Fetched) -> Vec<u8> {
        for looked in &fetched.looked {
            self.queues.looked(looked);
        }
        self.keep_cold(fetched.place, fetched.bytes)
    }
}
