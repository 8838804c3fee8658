//! End to end: drives the built `ferrite`.

mod quickstart;
