//! Random histories on a simulated disk, and the checker that says whether a promise was broken.
//! Used by this crate's program and by the store's own tests.

pub mod store;
