//! The kinds of problems.

mod admission;
mod machine;
mod outcome;

use self::admission::ADMISSION;
use self::machine::MACHINE;
use self::outcome::OUTCOME;
use super::{Kind, kind};

/// All kinds, by status, then by code.
pub const ALL: &[Kind] = &all();

const PARTS: [&[Kind]; 3] = [ADMISSION, OUTCOME, MACHINE];

const fn all() -> [Kind; ADMISSION.len() + OUTCOME.len() + MACHINE.len()] {
    let mut all = [ADMISSION[0]; ADMISSION.len() + OUTCOME.len() + MACHINE.len()];
    let (mut n, mut part) = (0, 0);
    while part < PARTS.len() {
        let mut place = 0;
        while place < PARTS[part].len() {
            all[n] = PARTS[part][place];
            (n, place) = (n + 1, place + 1);
        }
        part += 1;
    }
    all
}
