//! The kinds of problems.

mod admission;
mod outcome;

use self::admission::ADMISSION;
use self::outcome::OUTCOME;
use super::{Kind, kind};

/// All kinds, by status, then by code.
pub const ALL: &[Kind] = &all();

const fn all() -> [Kind; ADMISSION.len() + OUTCOME.len()] {
    let mut all = [ADMISSION[0]; ADMISSION.len() + OUTCOME.len()];
    let mut n = 0;
    while n < all.len() {
        all[n] = if n < ADMISSION.len() { ADMISSION[n] } else { OUTCOME[n - ADMISSION.len()] };
        n += 1;
    }
    all
}
