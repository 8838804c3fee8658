//! Finding out, at the start, what the files hold.

use crate::error::StoreError;
use crate::store::Store;

impl Store {
    /// Takes over what is on disk. So far only an empty store can be opened.
    pub(crate) fn recover(&mut self, _is_clean: bool, _now_ms: i64) -> Result<(), StoreError> {
        if self.log.segments.first().is_some() {
            let path = self.log.segments.dir().clone();
            return Err(StoreError::Layout { path, why: "has data; cannot recover it yet".into() });
        }
        self.log.set_end(0);
        self.open_index_writer()
    }
}
