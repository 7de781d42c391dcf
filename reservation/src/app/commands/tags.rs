//! The consistency tags of decisions: what a decision reads, and what therefore guards its append.

use chrono::{DateTime, Utc};
use events::values::TimeWindow;
use events::{TableId, Tag, VenueId};

use crate::app::event_builder::{day_tags, table_tags};
use crate::domain::availability::BookingRules;
use crate::domain::{Command, Reservation};

/// The tags of what `command` may take: tables, or at a venue with booking rules whole days.
pub(super) fn command_tags(
    reservation: &Reservation,
    command: &Command,
    rules: Option<&BookingRules>,
    now: DateTime<Utc>,
) -> Vec<Tag> {
    let venue = &reservation.booking.venue_id;
    let of_table =
        |table: &TableId, window: &TimeWindow| table_tags(venue, table, window).collect::<Vec<_>>();
    match (command, rules) {
        // A table that is given on purpose stays given, so that the closures must be known.
        (Command::AssignTable(choice), _) => {
            let tables = of_table(&choice.table_id, &reservation.window());
            std::iter::once(Tag::rules(venue)).chain(tables).collect()
        }
        (Command::Reschedule { window, .. }, None) => {
            let tables = reservation.tables.iter().flat_map(|table| of_table(&table.table_id, window));
            booking_tags(venue, None, window).into_iter().chain(tables).collect()
        }
        (Command::Reschedule { window, .. }, Some(_)) => booking_tags(venue, rules, window),
        (Command::CheckIn(_), Some(_)) => {
            let seated_from = reservation.seated_from(command.occurred(now));
            let tags = seated_from.map_or_else(Vec::new, |window| booking_tags(venue, rules, &window));
            // Another party can sit down at the table today.
            let today = Some(Tag::day(venue, now.date_naive())).filter(|today| !tags.contains(today));
            tags.into_iter().chain(today).collect()
        }
        (Command::ChangePartySize(change), _) => {
            booking_tags(venue, rules, &reservation.window_for(change.size, rules))
        }
        (Command::Undo(undo), _) => {
            let had = reservation.left_tables.iter().map(|table| (&table.table_id, table.window));
            let chosen = undo.table.iter().map(|table| (&table.table_id, undo.window(reservation)));
            let tables = had.chain(chosen).map(|(table, window)| (table, undo.needed(window, now)));
            let tables = tables.flat_map(|(table, needed)| of_table(table, &needed));
            // A check-in of another party is an event of today.
            [Tag::rules(venue), Tag::day(venue, now.date_naive())].into_iter().chain(tables).collect()
        }
        _ => Vec::new(),
    }
}

/// The tags of what a booking for `window` depends on: the rules, and at a venue with booking rules everything
/// sold on the touched days, including the arrivals in the same slot.
pub(super) fn booking_tags(venue: &VenueId, rules: Option<&BookingRules>, window: &TimeWindow) -> Vec<Tag> {
    let days = rules.into_iter().flat_map(|rules| {
        let slot = TimeWindow::starting(window.start, rules.hours.slot_minutes);
        let read = TimeWindow { start: window.start, end: window.end.max(slot.end) };
        day_tags(venue, &read).collect::<Vec<_>>()
    });
    std::iter::once(Tag::rules(venue)).chain(days).collect()
}
