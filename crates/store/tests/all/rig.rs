//! Small stores and messages: those of the simulation.

pub use sim::store::rig::*;
