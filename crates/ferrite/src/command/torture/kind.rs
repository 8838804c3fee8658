//! What a kind of load has to do in every cycle.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use base::thread::spawn_named;

use super::wire::Wire;

/// A kind of message, with all that was promised of it.
pub trait Kind {
    /// Its name on the command line.
    fn name(&self) -> &'static str;

    /// Makes what it needs of a new broker.
    fn prepare(&mut self, wire: &Wire) -> anyhow::Result<()>;

    /// After a start: compares what the broker serves with what was promised; what is new, or all
    /// of it. Answers how many messages were read.
    fn verify(&mut self, wire: &Wire, is_full: bool) -> anyhow::Result<u64>;

    /// Loads a broker until it dies.
    fn start(&mut self, life: &Life) -> anyhow::Result<()>;

    /// The broker was killed: enters what was promised. Answers how much was acknowledged.
    fn stop(&mut self, life: &Life) -> anyhow::Result<u64>;

    /// The broker lives on: waits until everything promised has come, and checks it.
    fn settle(&mut self, wire: &Wire) -> anyhow::Result<()>;

    /// Counts to tell at the end.
    fn counts(&self) -> Vec<(&'static str, u64)>;
}

/// One life of a broker.
pub struct Life {
    /// Where it listens.
    pub address: String,
    /// When it began to serve, ms since 1970.
    pub began_ms: i64,
    /// When it was killed, ms since 1970; 0 before.
    pub killed_ms: i64,
    is_over: Arc<AtomicBool>,
}

impl Life {
    /// A life that begins now.
    pub fn new(address: &str) -> Life {
        let began_ms = base::clock::wall_ms();
        Life { address: address.to_owned(), began_ms, killed_ms: 0, is_over: Arc::default() }
    }

    /// The broker is dead.
    pub fn end(&mut self) {
        self.killed_ms = base::clock::wall_ms();
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Starts a thread of the load. `step` is called again and again until the broker is dead or
    /// it answers false.
    pub fn load<T: Send + 'static>(
        &self,
        mut load: T,
        step: fn(&mut T, &Wire) -> bool,
    ) -> anyhow::Result<JoinHandle<T>> {
        let (is_over, wire) = (Arc::clone(&self.is_over), Wire::new(&self.address));
        Ok(spawn_named("torture-load", move || {
            while !is_over.load(Ordering::Relaxed) && step(&mut load, &wire) {}
            wire.client.close();
            load
        })?)
    }
}

/// Takes what a thread of the load has found.
///
/// # Errors
/// It panicked.
pub fn join<T>(thread: JoinHandle<T>) -> anyhow::Result<T> {
    thread.join().map_err(|_| anyhow::anyhow!("a thread of the load panicked"))
}

/// Waits a little between two looks at a broker that works.
pub fn pause() {
    super::wait_us(20_000);
}
