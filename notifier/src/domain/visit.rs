//! Reservations and waitlist entries as the reservation service represents them.

use chrono::{DateTime, Utc};
use events::ReservationId;
use serde::{Deserialize, Serialize};

/// The used members of a reservation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Reservation {
    /// Its id.
    pub reservation_id: String,
    /// The status.
    pub status: String,
    /// The arrival, with the offset of the venue.
    pub start_time: DateTime<chrono::FixedOffset>,
    /// The end of the visit.
    pub end_time: DateTime<chrono::FixedOffset>,
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
    /// The deposit.
    pub deposit: Deposit,
    /// The no-show fee, if one is due.
    #[serde(default, rename = "no_show_fee")]
    pub fee: Option<Deposit>,
    /// The cancellation, if it was cancelled.
    pub cancellation: Option<Cancellation>,
}

/// The used members of a waitlist entry.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct WaitlistEntry {
    /// Its id.
    pub waitlist_id: String,
    /// The status.
    pub status: String,
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

/// An offer to a waiting party.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Offer {
    /// The arrival, with the offset of the venue.
    pub start_time: DateTime<chrono::FixedOffset>,
    /// The end of the visit.
    pub end_time: DateTime<chrono::FixedOffset>,
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

/// A visit for a message: booked or offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// The id of the reservation or of the waitlist entry.
    pub id: String,
    /// The status.
    pub status: String,
    /// The arrival, with the offset of the venue.
    pub start_time: DateTime<chrono::FixedOffset>,
    /// The end of the visit.
    pub end_time: DateTime<chrono::FixedOffset>,
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
    /// The deadline for paying or answering.
    pub act_by: Option<DateTime<Utc>>,
    /// Whether a deposit is due.
    pub deposit_due: bool,
    /// Whether the no-show fee is due.
    pub fee_due: bool,
    /// The cancellation, if it was cancelled.
    pub cancellation: Option<Cancellation>,
}

impl From<Reservation> for Visit {
    fn from(reservation: Reservation) -> Self {
        Self {
            id: reservation.reservation_id,
            status: reservation.status,
            start_time: reservation.start_time,
            end_time: reservation.end_time,
            party_size: reservation.party_size,
            venue_name: reservation.venue_name,
            timezone: reservation.timezone,
            locale: reservation.locale,
            table_area: reservation.table_area,
            version: reservation.version,
            act_by: reservation.fee.as_ref().unwrap_or(&reservation.deposit).expires_at,
            deposit_due: reservation.deposit.status == "due",
            fee_due: reservation.fee.is_some_and(|fee| fee.status == "due"),
            cancellation: reservation.cancellation,
        }
    }
}

impl WaitlistEntry {
    /// The offered visit, if there is an offer.
    #[must_use]
    pub fn visit(self) -> Option<Visit> {
        let offer = self.offer?;
        Some(Visit {
            id: self.waitlist_id,
            status: self.status,
            start_time: offer.start_time,
            end_time: offer.end_time,
            party_size: self.party_size,
            venue_name: self.venue_name,
            timezone: self.timezone,
            locale: self.locale,
            table_area: offer.tables.into_iter().next().map(|table| table.area),
            version: self.version,
            act_by: Some(offer.expires_at),
            deposit_due: false,
            fee_due: false,
            cancellation: None,
        })
    }
}

/// The deposit of a reservation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Deposit {
    /// due, paid, waived and so on.
    pub status: String,
    /// The deadline for paying.
    pub expires_at: Option<DateTime<Utc>>,
    /// The amount in minor units.
    #[serde(default)]
    pub amount_minor: Option<i64>,
    /// ISO 4217.
    #[serde(default)]
    pub currency: Option<String>,
}

/// A cancellation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Cancellation {
    /// guest, staff or system.
    pub cancelled_by: String,
    /// The reason as a stable code.
    pub reason_code: String,
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
