//! What a decision has looked at, which is what guards its append.

use chrono::{DateTime, Utc};
use events::values::TimeWindow;
use events::{Query, TableId, Tag, VenueId};

use crate::domain::{Command, House, Reservation};
use crate::record::{CommandKey, day_tags, table_tags};

/// What was read to decide, which is what guards the append.
pub(super) fn guard(tags: impl IntoIterator<Item = Tag>, key: Option<&CommandKey>) -> Query {
    Query::any_tag(tags.into_iter().chain(key.map(|key| Tag::command(&key.key))))
}

/// What `command` may take and must therefore have looked at: tables, or in a house whole days.
pub(super) fn taken(
    reservation: &Reservation,
    command: &Command,
    house: Option<&House>,
    now: DateTime<Utc>,
) -> Vec<Tag> {
    let venue = &reservation.booking.venue_id;
    let tags = |table: &TableId, window| table_tags(venue, table, window).collect::<Vec<_>>();
    match (command, house) {
        (Command::AssignTable(choice), _) => tags(&choice.table_id, &reservation.window()),
        (Command::Reschedule { window, .. }, None) => {
            let tables = reservation.tables.iter().flat_map(|t| tags(&t.table_id, window));
            booked(venue, None, window).into_iter().chain(tables).collect()
        }
        (Command::Reschedule { window, .. }, Some(_)) => booked(venue, house, window),
        (Command::CheckIn, Some(_)) => {
            reservation.seated_from(now).map_or_else(Vec::new, |from| booked(venue, house, &from))
        }
        (Command::ChangePartySize { .. }, _) => booked(venue, house, &reservation.window()),
        _ => Vec::new(),
    }
}

/// What a booking for `window` is decided by: the rules, and in a house what it has given away on those days and
/// who arrives in the same slot.
pub(super) fn booked(venue: &VenueId, house: Option<&House>, window: &TimeWindow) -> Vec<Tag> {
    let days = house.into_iter().flat_map(|house| {
        let slot = TimeWindow::starting(window.start, house.hours.slot_minutes);
        let looked_at = TimeWindow { start: window.start, end: window.end.max(slot.end) };
        day_tags(venue, &looked_at).collect::<Vec<_>>()
    });
    std::iter::once(Tag::rules(venue)).chain(days).collect()
}
