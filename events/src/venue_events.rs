//! Patterns for the events of the venues.

/// A pattern that matches every event about a venue itself: its rules, its closures, and the requests that it refused.
/// A `match` that ignores these events uses it, and still names every event.
#[macro_export]
macro_rules! venue_events {
    () => {
        $crate::Event::VenueChanged(_)
            | $crate::Event::VenueRulesChanged(_)
            | $crate::Event::VenueClosed(_)
            | $crate::Event::CancellationsOrdered(_)
            | $crate::Event::ClosureLifted(_)
            | $crate::Event::RequestsRefused(_)
    };
}
