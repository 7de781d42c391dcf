//! Reservations and waitlist entries as the reservation service represents them: the members that the notifier uses.

use chrono::{DateTime, FixedOffset, Utc};
use chrono_tz::Tz;
use events::ReservationId;
use events::values::{Currency, Locale, Money};
use serde::Deserialize;

/// A visit, booked or offered.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Visit {
    /// The id of the reservation or of the waitlist entry.
    #[serde(rename = "reservation_id")]
    pub id: String,
    /// The arrival, with the offset of the venue.
    pub start_time: DateTime<FixedOffset>,
    /// The end of the visit.
    pub end_time: DateTime<FixedOffset>,
    /// The number of guests.
    pub party_size: u8,
    /// The name of the venue.
    pub venue_name: String,
    /// The IANA time zone of the venue.
    pub timezone: String,
    /// The language of the guest.
    pub locale: String,
    /// The area of the table, if it is known.
    pub table_area: Option<String>,
    /// Increases with every change.
    pub version: u64,
}

impl Visit {
    /// The language of the guest; the default language if this version does not know it.
    #[must_use]
    pub fn locale(&self) -> Locale {
        locale(&self.locale)
    }

    /// The time zone of the venue; UTC if this version does not know it.
    #[must_use]
    pub fn zone(&self) -> Tz {
        zone(&self.timezone)
    }
}

fn locale(tag: &str) -> Locale {
    Locale::from_tag(tag).unwrap_or_default()
}

fn zone(name: &str) -> Tz {
    name.parse().unwrap_or(Tz::UTC)
}

/// A reservation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Reservation {
    /// The visit.
    #[serde(flatten)]
    pub visit: Visit,
    /// The status.
    pub status: ReservationStatus,
    /// The deposit.
    pub deposit: Charge,
    /// The no-show fee, if there is one.
    #[serde(default)]
    pub no_show_fee: Option<Charge>,
    /// The cancellation, if it was cancelled.
    pub cancellation: Option<Cancellation>,
}

/// The status of a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReservationStatus {
    /// It waits for its deposit or for the restaurant.
    Pending,
    /// The restaurant expects the party.
    Confirmed,
    /// The party has arrived.
    CheckedIn,
    /// The party has left.
    Completed,
    /// It was cancelled.
    Cancelled,
    /// The party did not come.
    NoShow,
    /// A status of a later version of the reservation service.
    #[serde(other)]
    Unknown,
}

/// A deposit or a no-show fee.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Charge {
    /// The status.
    pub status: ChargeStatus,
    /// The deadline for paying.
    pub expires_at: Option<DateTime<Utc>>,
    /// The amount in minor units.
    #[serde(default)]
    pub amount_minor: Option<i64>,
    /// ISO 4217.
    #[serde(default)]
    pub currency: Option<String>,
}

impl Charge {
    /// Whether the guest has to pay it.
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.status == ChargeStatus::Due
    }

    /// The amount, if there is one in a known currency.
    #[must_use]
    pub fn amount(&self) -> Option<Money> {
        let currency = Currency::from_code(self.currency.as_deref()?)?;
        Some(Money { amount_minor: self.amount_minor?, currency })
    }
}

/// The status of a deposit or of a no-show fee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChargeStatus {
    /// There is none.
    NotRequired,
    /// The guest has to pay it.
    Due,
    /// The restaurant waived it.
    Waived,
    /// The guest paid it.
    Paid,
    /// A part of it was refunded.
    PartlyRefunded,
    /// All of it was refunded.
    Refunded,
    /// A status of a later version of the reservation service.
    #[serde(other)]
    Unknown,
}

/// A cancellation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Cancellation {
    /// The kind of actor that cancelled.
    pub cancelled_by: CancelledBy,
    /// The reason as a stable code.
    pub reason_code: String,
}

/// The kind of actor that cancelled a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelledBy {
    /// The guest.
    Guest,
    /// A member of the restaurant's staff.
    Staff,
    /// The system, because a deadline passed.
    System,
    /// A kind of a later version of the reservation service.
    #[serde(other)]
    Unknown,
}

/// A waitlist entry.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct WaitlistEntry {
    /// Its id.
    pub waitlist_id: String,
    /// The status.
    pub status: WaitlistStatus,
    /// The number of guests.
    pub party_size: u8,
    /// The name of the venue.
    pub venue_name: String,
    /// The IANA time zone of the venue.
    pub timezone: String,
    /// The language of the guest.
    pub locale: String,
    /// Increases with every change.
    pub version: u64,
    /// The offer, if there is one.
    pub offer: Option<Offer>,
    /// The reservation created by accepting an offer.
    pub reservation_id: Option<ReservationId>,
}

/// The status of a waitlist entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum WaitlistStatus {
    /// The party waits for a table.
    Waiting,
    /// A table is held for the party.
    Offered,
    /// The party accepted an offer.
    Accepted,
    /// The party no longer waits.
    Left,
    /// A status of a later version of the reservation service.
    #[serde(other)]
    Unknown,
}

/// An offer to a waiting party.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Offer {
    /// The arrival, with the offset of the venue.
    pub start_time: DateTime<FixedOffset>,
    /// The end of the visit.
    pub end_time: DateTime<FixedOffset>,
    /// When it expires.
    pub expires_at: DateTime<Utc>,
    /// The tables.
    pub tables: Vec<OfferedTable>,
}

/// An offered table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct OfferedTable {
    /// The area.
    pub area: String,
}

impl WaitlistEntry {
    /// The language of the guest; the default language if this version does not know it.
    #[must_use]
    pub fn locale(&self) -> Locale {
        locale(&self.locale)
    }

    /// The time zone of the venue; UTC if this version does not know it.
    #[must_use]
    pub fn zone(&self) -> Tz {
        zone(&self.timezone)
    }

    /// The offered visit, if there is an offer.
    #[must_use]
    pub fn into_offered(self) -> Option<Occasion> {
        let offer = self.offer?;
        let visit = Visit {
            id: self.waitlist_id,
            start_time: offer.start_time,
            end_time: offer.end_time,
            party_size: self.party_size,
            venue_name: self.venue_name,
            timezone: self.timezone,
            locale: self.locale,
            table_area: offer.tables.into_iter().next().map(|table| table.area),
            version: self.version,
        };
        Some(Occasion::Offered { visit, status: self.status, expires_at: offer.expires_at })
    }
}

/// What a message is about, in its current state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Occasion {
    /// A reservation.
    Booked(Reservation),
    /// A table that is offered to a waiting party.
    Offered {
        /// The visit.
        visit: Visit,
        /// The status of the waitlist entry.
        status: WaitlistStatus,
        /// When the offer expires.
        expires_at: DateTime<Utc>,
    },
}

impl Occasion {
    /// The visit.
    #[must_use]
    pub fn visit(&self) -> &Visit {
        match self {
            Self::Booked(reservation) => &reservation.visit,
            Self::Offered { visit, .. } => visit,
        }
    }

    /// The deadline for paying or answering.
    #[must_use]
    pub fn act_by(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Booked(reservation) => {
                reservation.no_show_fee.as_ref().unwrap_or(&reservation.deposit).expires_at
            }
            Self::Offered { expires_at, .. } => Some(*expires_at),
        }
    }

    /// Whether the restaurant expects the party.
    #[must_use]
    pub fn is_confirmed(&self) -> bool {
        matches!(self, Self::Booked(reservation) if reservation.status == ReservationStatus::Confirmed)
    }

    /// The cancellation, if it was cancelled.
    #[must_use]
    pub fn cancellation(&self) -> Option<&Cancellation> {
        match self {
            Self::Booked(reservation) => reservation.cancellation.as_ref(),
            Self::Offered { .. } => None,
        }
    }
}

/// The contact of the guest.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Contact {
    /// The guest's name.
    pub name: String,
    /// E.164.
    pub phone: String,
    /// E-mail address.
    pub email: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_of_a_later_version_is_unknown_and_not_an_error() {
        let status = |word: &str| serde_json::from_value::<ReservationStatus>(word.into()).unwrap();
        assert_eq!(status("CHECKED_IN"), ReservationStatus::CheckedIn);
        assert_eq!(status("TELEPORTED"), ReservationStatus::Unknown);
        let status = |word: &str| serde_json::from_value::<ChargeStatus>(word.into()).unwrap();
        assert_eq!(status("partly_refunded"), ChargeStatus::PartlyRefunded);
        assert_eq!(status("forgiven"), ChargeStatus::Unknown);
        let status = |word: &str| serde_json::from_value::<WaitlistStatus>(word.into()).unwrap();
        assert_eq!(status("OFFERED"), WaitlistStatus::Offered);
        assert_eq!(status("ASLEEP"), WaitlistStatus::Unknown);
        let actor = |word: &str| serde_json::from_value::<CancelledBy>(word.into()).unwrap();
        assert_eq!(actor("system"), CancelledBy::System);
        assert_eq!(actor("robot"), CancelledBy::Unknown);
    }
}
