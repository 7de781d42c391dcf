//! What a decision has looked at, which is what guards its append.

use events::values::TimeWindow;
use events::{Query, TableId, Tag, VenueId};

use crate::domain::{Command, House, Reservation};
use crate::record::{CommandKey, day_tags, table_tags};

/// What was read to decide, which is what guards the append.
pub(super) fn guard(tags: impl IntoIterator<Item = Tag>, key: Option<&CommandKey>) -> Query {
    Query::any_tag(tags.into_iter().chain(key.map(|key| Tag::command(&key.key))))
}

/// What `command` may take and must therefore have looked at: tables, or in a house whole days.
pub(super) fn wanted(reservation: &Reservation, command: &Command, house: Option<&House>) -> Vec<Tag> {
    let venue = &reservation.booking.venue_id;
    let tags = |table: &TableId, window| table_tags(venue, table, window).collect::<Vec<_>>();
    match (command, house) {
        (Command::AssignTable(choice), _) => tags(&choice.table_id, &reservation.window()),
        (Command::Reschedule { window }, None) => {
            reservation.tables.iter().flat_map(|t| tags(&t.table_id, window)).collect()
        }
        (Command::Reschedule { window }, Some(_)) => book_tags(venue, window),
        (Command::ChangePartySize { .. }, Some(_)) => book_tags(venue, &reservation.window()),
        _ => Vec::new(),
    }
}

/// What a house decides by: its rules, and what it has given away on those days.
pub(super) fn book_tags(venue: &VenueId, window: &TimeWindow) -> Vec<Tag> {
    std::iter::once(Tag::rules(venue)).chain(day_tags(venue, window)).collect()
}
