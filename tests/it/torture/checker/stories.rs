//! The states of each reservation, folded from the feed alone.

use std::collections::{BTreeMap, HashMap};

use super::{CONTACT_READ, Event};

/// The state of a reservation from a position on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Pending,
    Confirmed,
    Cancelled,
}

/// The states of each reservation, with the position at which each begins.
#[derive(Debug, Default)]
pub(super) struct Stories<'a>(HashMap<&'a str, Vec<(usize, State)>>);

impl Stories<'_> {
    /// Whether the reservation was in `state` at some position from `earliest` on and before `latest`.
    pub(super) fn was(&self, reservation: &str, state: State, earliest: usize, latest: usize) -> bool {
        let Some(states) = self.0.get(reservation) else { return false };
        let ends = states.iter().skip(1).map(|(from, _)| *from).chain([usize::MAX]);
        let mut spans = states.iter().zip(ends);
        spans.any(|((from, own), to)| *own == state && *from < latest && to > earliest)
    }
}

/// Each reservation begins once, nothing happens to it after its end unless that is undone, and only an end is undone.
pub(super) fn stories<'a>(feed: &'a [Event], faults: &mut Vec<String>) -> Stories<'a> {
    let mut kinds: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut stories = Stories::default();
    for (place, event) in (1..).zip(feed) {
        if !event.json["subject"].as_str().is_some_and(|subject| subject.starts_with("reservation/")) {
            continue;
        }
        // It changes nothing, and may follow the end.
        if event.kind() == CONTACT_READ {
            continue;
        }
        let kinds = kinds.entry(event.reservation()).or_default();
        kinds.push(event.kind());
        let states = stories.0.entry(event.reservation()).or_default();
        let before = states.last().map(|(_, state)| *state);
        match next(before, event) {
            Ok(Some(state)) => states.push((place, state)),
            Ok(None) => {}
            Err(()) => {
                faults.push(format!(
                    "reservation {} has an impossible history: {kinds:?}",
                    event.reservation()
                ));
            }
        }
    }
    stories
}

/// The state after an event, if it changes.
fn next(before: Option<State>, event: &Event) -> Result<Option<State>, ()> {
    use State::{Cancelled, Confirmed, Pending};
    match (event.kind(), before) {
        ("reservation.created", None) => Ok(Some(Pending)),
        ("reservation.confirmed", Some(Pending)) => Ok(Some(Confirmed)),
        ("reservation.cancelled", Some(Pending | Confirmed)) => Ok(Some(Cancelled)),
        ("reservation.undone", Some(Cancelled)) => match event.json["data"]["status"].as_str() {
            Some("confirmed") => Ok(Some(Confirmed)),
            Some("pending") => Ok(Some(Pending)),
            _ => Err(()),
        },
        ("table.assigned", Some(Pending | Confirmed)) | ("table.released", Some(_)) => Ok(None),
        ("reservation.created" | "reservation.confirmed" | "reservation.undone" | "table.assigned", _)
        | (_, None | Some(Cancelled)) => Err(()),
        _ => Ok(None),
    }
}
