//! Short descriptions of events, for people.

mod access;
mod en;
mod id;

use events::event::Event;
use events::values::Locale;

use super::local;

/// A short description of an event. Times are local times of the venue. Events of credentials, which guests and hosts do
/// not read, are described in English.
pub fn note(event: &Event, timezone: &str, locale: Locale) -> String {
    let at = |time| local(time, timezone);
    match locale {
        Locale::En => en::note(event, &at),
        Locale::Id => id::note(event, &at),
    }
}
