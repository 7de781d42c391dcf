//! The position of the log of the reservation service that this gateway has seen, so that a guest who has booked through one
//! instance sees the booking at another one.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// The header with a position: in a request, the instance waits until it has reached it.
pub(crate) const MEJA_POSITION: HeaderName = HeaderName::from_static("meja-position");

/// The highest position of all responses; zero before the first one.
#[derive(Debug, Default)]
pub struct SeenPosition(AtomicU64);

impl SeenPosition {
    /// The value for the next request, if there is one.
    pub(crate) fn value(&self) -> Option<HeaderValue> {
        let position = self.0.load(Ordering::Relaxed);
        (position > 0).then(|| position.into())
    }

    /// Notes the position of a response.
    ///
    /// An instance that did not reach the position of the request names its own, which then counts: the log may have been
    /// replaced by an older copy, and every later request would wait in vain.
    pub(crate) fn note(&self, headers: &HeaderMap, is_unavailable: bool) {
        let position = headers.get(MEJA_POSITION).and_then(|value| value.to_str().ok()?.parse().ok());
        match position {
            Some(position) if is_unavailable => self.0.store(position, Ordering::Relaxed),
            Some(position) => drop(self.0.fetch_max(position, Ordering::Relaxed)),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_position_counts_until_an_instance_cannot_reach_it() {
        let at = |position: u64| HeaderMap::from_iter([(MEJA_POSITION, position.into())]);
        let seen = SeenPosition::default();
        assert_eq!(seen.value(), None);
        for (position, is_unavailable, expected) in
            [(7, false, 7), (5, false, 7), (3, true, 3), (4, false, 4)]
        {
            seen.note(&at(position), is_unavailable);
            assert_eq!(seen.value(), Some(expected.into()));
        }
        seen.note(&HeaderMap::new(), true);
        seen.note(&HeaderMap::from_iter([(MEJA_POSITION, HeaderValue::from_static("x"))]), true);
        assert_eq!(seen.value(), Some(4.into()));
    }
}
