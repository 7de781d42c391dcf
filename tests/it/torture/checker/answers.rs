//! Whether requests without events were answered correctly: with a refusal, or because nothing had to change.

use std::collections::HashMap;

use super::stories::{State, Stories};
use super::{Act, Event, Op, Outcome, Run, Taken, overlap};

/// The positions between which a request was decided: after everything that was acknowledged before it was sent,
/// and before everything that was requested after its response.
pub(super) struct Between {
    /// The times of responses, each with the last position known by then.
    known: Vec<(u64, usize)>,
    /// The times of requests, each with the first position that can only come after it.
    later: Vec<(u64, usize)>,
}

impl Between {
    pub(super) fn of(ops: &[Op], runs: &HashMap<usize, Run>) -> Self {
        let mut known: Vec<_> = runs.iter().filter_map(|(n, run)| Some((ops[*n].answered?, run.1))).collect();
        let mut later: Vec<_> = runs.iter().map(|(n, run)| (ops[*n].invoked, run.0)).collect();
        known.sort_unstable();
        later.sort_unstable();
        let mut highest = 0;
        for (_, position) in &mut known {
            highest = highest.max(*position);
            *position = highest;
        }
        let mut lowest = usize::MAX;
        for (_, position) in later.iter_mut().rev() {
            lowest = lowest.min(*position);
            *position = lowest;
        }
        Self { known, later }
    }

    /// The last position that certainly existed, and the first one that certainly did not.
    fn positions(&self, invoked: u64, answered: u64) -> (usize, usize) {
        let known = self.known.partition_point(|(at, _)| *at < invoked);
        let later = self.later.partition_point(|(at, _)| *at <= answered);
        let earliest = known.checked_sub(1).map_or(0, |i| self.known[i].1);
        (earliest, self.later.get(later).map_or(usize::MAX, |(_, position)| *position))
    }
}

/// What the feed says about the time between a request and its response.
pub(super) struct Known<'a> {
    pub(super) between: Between,
    pub(super) stories: Stories<'a>,
    pub(super) tables: Vec<Taken>,
}

impl Act {
    fn reservation(&self) -> &str {
        match self {
            Self::Book => "",
            Self::Confirm { reservation }
            | Self::Assign { reservation, .. }
            | Self::Cancel { reservation }
            | Self::Undo { reservation } => reservation,
        }
    }
}

/// An acknowledged request without events had nothing to change at that time.
pub(super) fn nothing_to_do(
    ops: &[Op],
    runs: &HashMap<usize, Run>,
    known: &Known<'_>,
    faults: &mut Vec<String>,
) {
    for (n, op) in ops.iter().enumerate() {
        let (Outcome::Acked, Some(answered), None) = (&op.outcome, op.answered, runs.get(&n)) else {
            continue;
        };
        let (earliest, latest) = known.between.positions(op.invoked, answered);
        let was = |state| known.stories.was(op.act.reservation(), state, earliest, latest);
        let so = match &op.act {
            Act::Book => false,
            Act::Confirm { .. } => was(State::Confirmed),
            Act::Cancel { .. } => was(State::Cancelled),
            Act::Undo { .. } => was(State::Pending) || was(State::Confirmed),
            Act::Assign { reservation, table } => known.tables.iter().any(|taken| {
                taken.reservation == *reservation
                    && taken.table == *table
                    && taken.from < latest
                    && taken.to > earliest
            }),
        };
        if !so {
            faults.push(format!("{:?} of client {} was acknowledged but has no effect", op.act, op.client));
        }
    }
}

/// Every refusal has its reason at some point between the request and the response.
pub(super) fn refusals(ops: &[Op], known: &Known<'_>, feed: &[Event], faults: &mut Vec<String>) {
    let created = feed.iter().filter(|event| event.kind() == "reservation.created");
    let windows: HashMap<&str, (String, String)> = created
        .map(|event| {
            let edge =
                |name: &str| event.json["data"]["window"][name].as_str().unwrap_or_default().to_owned();
            (event.reservation(), (edge("start"), edge("end")))
        })
        .collect();
    for op in ops {
        let (Outcome::Refused(code), Some(answered)) = (&op.outcome, op.answered) else { continue };
        let (earliest, latest) = known.between.positions(op.invoked, answered);
        let reservation = op.act.reservation();
        let is_taken = |table: &str| {
            windows.get(reservation).is_some_and(|window| {
                known.tables.iter().any(|taken| {
                    taken.table == table
                        && taken.reservation != reservation
                        && overlap(&taken.window, window)
                        && taken.from < latest
                        && taken.to > earliest
                })
            })
        };
        let justified = match (code.as_str(), &op.act) {
            ("table_taken", Act::Assign { table, .. }) => is_taken(table),
            // The party gets back the table that it left last.
            ("table_taken", Act::Undo { .. }) => {
                let mut left = known.tables.iter().filter(|taken| taken.reservation == reservation);
                left.rfind(|taken| taken.to <= latest).is_some_and(|taken| is_taken(&taken.table))
            }
            ("reservation_cancelled", Act::Assign { .. } | Act::Confirm { .. }) => {
                known.stories.was(reservation, State::Cancelled, earliest, latest)
            }
            _ => false,
        };
        if !justified {
            faults.push(format!("{:?} of client {} was refused without reason: {code}", op.act, op.client));
        }
    }
}
