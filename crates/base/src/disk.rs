//! Files and folders behind a trait, so that crashes can be simulated.
