//! Patterns for the events of the venues.

/// A pattern that matches every event of a venue itself: of its rules, its closures, and what it refused.
/// With it a `match` that such events do not concern still names every event.
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
