//! What tests share: a simulated disk and seeded random numbers. See ARCHITECTURE.md.

pub mod disk;
pub mod random;
