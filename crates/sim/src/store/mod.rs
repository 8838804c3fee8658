//! The store under crashes: a history is several lives of one store on one simulated disk. Each
//! life does random work and ends by a clean stop, a kill, a power cut, in the middle of a call or
//! of a recovery, with calls that fail and a device that is full. After each end, and at many
//! points in between, what the disk may then hold is a *state*: a store is started on it and
//! compared with the [`model`].
//!
//! Reading order: `rig` (small stores), `model` (what must be there), `check` (what is there),
//! `world` (one history), `ending` (how lives end), `tally`.

pub mod check;
mod ending;
pub mod model;
pub mod mutant;
pub mod rig;
mod tally;
mod world;

use mutant::Mutant;
pub use tally::Tally;
use world::World;

/// A broken promise.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The history's seed; it repeats.
    pub seed: u64,
    /// What was found.
    pub what: String,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "seed {}: {}", self.seed, self.what)
    }
}

/// Runs the history of a seed and adds what it did to `tally`. `mutant`: what is broken.
///
/// # Errors
/// A promise was broken, or the store panicked.
pub fn history(seed: u64, mutant: Option<Mutant>, tally: &mut Tally) -> Result<(), Failure> {
    let run = || World::new(seed, mutant).run(tally);
    let what = match std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)) {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(what)) => what,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            format!("panic: {}", text.unwrap_or("without a word"))
        }
    };
    Err(Failure { seed, what })
}

/// Runs histories from `seed` on until at least `states` states were checked.
///
/// # Errors
/// The first broken promise.
pub fn histories(seed: u64, states: u64, tally: &mut Tally) -> Result<(), Failure> {
    let until = tally.states + states;
    for seed in seed.. {
        if tally.states >= until {
            break;
        }
        history(seed, None, tally)?;
    }
    Ok(())
}
