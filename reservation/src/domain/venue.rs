//! A restaurant: where it stands in time, its tables, its policy.

use chrono::{DateTime, LocalResult, NaiveDateTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;
use events::event::{OfferedTable, WaitlistOffered};
use events::values::{DepositRule, Locale, NoShowFee, PartySize, Policy};
use events::{TableId, VenueId};

use super::house::House;
use super::reservation::Reservation;

/// A restaurant.
#[derive(Debug, Clone, PartialEq)]
pub struct Venue {
    /// Its name in URLs and files.
    pub id: VenueId,
    /// Its name for people.
    pub name: String,
    /// Its IANA zone: a time without an offset is local time here.
    pub timezone: Tz,
    /// ISO 3166 code: a phone number without a country code is one of this country.
    pub country: String,
    /// The language to write in when the guest does not say.
    pub locale: Locale,
    /// The tables in its rooms.
    pub tables: Vec<Table>,
    /// What it promises; `None`: the book is kept by hand, any time may be asked for and tables are given
    /// by people.
    pub house: Option<House>,
    /// Its rules for deposits and cancellations.
    pub deposit: Option<DepositRule>,
    /// Minutes after which an unpaid hold is cancelled.
    pub auto_cancel_minutes: u32,
    /// A deposit is returned up to this many minutes before the start.
    pub free_cancellation_minutes: u32,
    /// Whether a booking without a deposit is confirmed at once.
    pub auto_confirm: bool,
    /// Minutes after its start at which a party that never came is a no-show by itself.
    pub no_show_grace_minutes: Option<u32>,
    /// What a party owes that never came.
    pub no_show_fee: Option<NoShowFee>,
    /// Minutes that a waiting party has to answer an offer.
    pub offer_minutes: u32,
    /// SHA-256 of its file, hexadecimal: which rules these are.
    pub digest: String,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub id: TableId,
    /// The area it stands in.
    pub area: String,
    /// Guests it seats.
    pub seats: u8,
    /// Guests for whom it is given out at least.
    pub min_party: u8,
}

/// A local time that does not say which instant it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocalTimeError {
    /// The clocks were put forward over it.
    #[error(
        "{local} does not exist in {zone}: the clocks are put forward over it. Choose a time before or after"
    )]
    Gap {
        /// As it came.
        local: NaiveDateTime,
        /// The zone of the venue.
        zone: Tz,
    },
    /// The clocks were put back over it.
    #[error("{local} happens twice in {zone}: write {first} or {second}")]
    Fold {
        /// As it came.
        local: NaiveDateTime,
        /// The zone of the venue.
        zone: Tz,
        /// The first time it is that late.
        first: String,
        /// The second time.
        second: String,
    },
}

impl Venue {
    /// The rules as a booking for `size` takes them along.
    #[must_use]
    pub fn policy_for(&self, size: PartySize) -> Policy {
        Policy {
            deposit_required: self.deposit.is_some_and(|rule| rule.due(size).is_some()),
            deposit: self.deposit,
            auto_cancel_minutes: self.auto_cancel_minutes,
            free_cancellation_minutes: self.free_cancellation_minutes,
            auto_confirm: self.auto_confirm,
            no_show_grace_minutes: self.no_show_grace_minutes,
            no_show_fee: self.no_show_fee,
        }
    }

    /// Why `reservation` does not fit the rules, if it does not, as a stable code. What people have arranged by hand is
    /// theirs; without knowing the rules `before` that can not be told from what is gone.
    #[must_use]
    pub fn strands(&self, reservation: &Reservation, before: Option<&Self>) -> Option<&'static str> {
        let was = |id: &TableId| before.map(|before| before.table(id));
        let seats = reservation.tables.iter().map(|table| {
            let now = self.table(&table.table_id).map_or(table.capacity, |now| now.seats);
            u32::from(now.min(table.capacity))
        });
        let too_few = seats.sum::<u32>() < u32::from(reservation.party_size().get());
        for table in &reservation.tables {
            match (self.table(&table.table_id), was(&table.table_id)) {
                (None, None) => return Some("table_unknown"),
                (None, Some(Some(_))) => return Some("table_gone"),
                (Some(now), None) if too_few && now.seats < table.capacity => return Some("table_smaller"),
                (Some(now), Some(Some(was))) if too_few && now.seats < was.seats => {
                    return Some("table_smaller");
                }
                _ => {}
            }
        }
        let house = self.house.as_ref()?;
        if reservation.tables.is_empty() {
            return Some("no_table");
        }
        (!house.hours.is_open_for(&reservation.window())).then_some("closed")
    }

    /// Whether what was offered to a party that waits is still to be had by these rules.
    #[must_use]
    pub fn keeps(&self, offered: &WaitlistOffered) -> bool {
        let stands =
            |table: &OfferedTable| self.table(&table.table_id).is_some_and(|now| now.seats >= table.capacity);
        let is_open = |house: &House| house.hours.is_open_for(&offered.window);
        self.house.as_ref().is_some_and(is_open) && offered.tables.iter().all(stands)
    }

    /// The table of that name.
    #[must_use]
    pub fn table(&self, id: &TableId) -> Option<&Table> {
        self.tables.iter().find(|table| table.id == *id)
    }
}

/// The instant that a local time without offset means in `zone`.
///
/// # Errors
/// [`LocalTimeError`] when there is no such time, or when there are two.
pub fn instant(zone: Tz, local: NaiveDateTime) -> Result<DateTime<Utc>, LocalTimeError> {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(at) => Ok(at.to_utc()),
        LocalResult::None => Err(LocalTimeError::Gap { local, zone }),
        LocalResult::Ambiguous(first, second) => {
            Err(LocalTimeError::Fold { local, zone, first: first.to_rfc3339(), second: second.to_rfc3339() })
        }
    }
}

/// The instant that a house means when it says that it opens or closes at `local`: the first of two, and the
/// end of a gap where the clocks are put forward over it. Never runs backwards: a later local time is never
/// an earlier instant.
#[must_use]
pub fn resolve(zone: Tz, local: NaiveDateTime) -> DateTime<Utc> {
    // The longest gap in use is a day, where an island moved across the date line.
    let minutes = (0..=24 * 60).map(|minutes| local + TimeDelta::minutes(minutes));
    let found = minutes.map(|local| zone.from_local_datetime(&local)).find_map(|found| found.earliest());
    found.map_or_else(|| local.and_utc(), |at| at.to_utc())
}
