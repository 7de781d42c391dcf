//! What the reservation service tells of a visit: one that is booked, one that is waited for.

use chrono::{DateTime, Utc};
use events::ReservationId;
use serde::{Deserialize, Serialize};

/// What the notifier needs to know of a reservation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Reservation {
    /// Which one.
    pub reservation_id: String,
    /// How far it is.
    pub status: String,
    /// When the party comes, with the offset of the venue.
    pub start_time: DateTime<chrono::FixedOffset>,
    /// When the table is free again.
    pub end_time: DateTime<chrono::FixedOffset>,
    /// How many come.
    pub party_size: u8,
    /// Where.
    pub venue_name: String,
    /// The IANA zone there.
    pub timezone: String,
    /// The language of the guest.
    pub locale: String,
    /// Where the party sits, if that is known.
    pub table_area: Option<String>,
    /// Rises with every change.
    pub version: u64,
    /// The deposit.
    pub deposit: Deposit,
    /// The fee for not having come, if there is one to pay.
    #[serde(default, rename = "no_show_fee")]
    pub fee: Option<Deposit>,
    /// Why it was called off.
    pub cancellation: Option<Cancellation>,
}

/// What the notifier needs to know of a party that waits.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct WaitlistEntry {
    /// Which one.
    pub waitlist_id: String,
    /// How far it is.
    pub status: String,
    /// How many would come.
    pub party_size: u8,
    /// Where.
    pub venue_name: String,
    /// The IANA zone there.
    pub timezone: String,
    /// The language of the guest.
    pub locale: String,
    /// Rises with every change.
    pub version: u64,
    /// What is held for it.
    pub offer: Option<Offer>,
    /// What came of an offer that it took.
    pub reservation_id: Option<ReservationId>,
}

/// What is held for a party that waits.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Offer {
    /// When the party would come, with the offset of the venue.
    pub start_time: DateTime<chrono::FixedOffset>,
    /// When the table would be free again.
    pub end_time: DateTime<chrono::FixedOffset>,
    /// When it goes to the next party.
    pub expires_at: DateTime<Utc>,
    /// The tables.
    pub tables: Vec<OfferedTable>,
}

/// A table that is held.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct OfferedTable {
    /// The area it stands in.
    pub area: String,
}

/// A visit as a message tells of it: one that is booked, or one that is offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// The reservation, or the party that waits.
    pub id: String,
    /// How far it is.
    pub status: String,
    /// When the party comes, with the offset of the venue.
    pub start_time: DateTime<chrono::FixedOffset>,
    /// When the table is free again.
    pub end_time: DateTime<chrono::FixedOffset>,
    /// How many come.
    pub party_size: u8,
    /// Where.
    pub venue_name: String,
    /// The IANA zone there.
    pub timezone: String,
    /// The language of the guest.
    pub locale: String,
    /// Where the party sits, if that is known.
    pub table_area: Option<String>,
    /// Rises with every change.
    pub version: u64,
    /// Until when the guest must pay or answer.
    pub act_by: Option<DateTime<Utc>>,
    /// Whether a deposit is to be paid.
    pub deposit_due: bool,
    /// Whether the fee for not having come is to be paid.
    pub fee_due: bool,
    /// Why it was called off.
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
    /// The visit that is offered, if one is.
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
    /// When an unpaid hold is cancelled.
    pub expires_at: Option<DateTime<Utc>>,
    /// How much it is, in minor units.
    #[serde(default)]
    pub amount_minor: Option<i64>,
    /// ISO 4217.
    #[serde(default)]
    pub currency: Option<String>,
}

/// Why a reservation was called off.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Cancellation {
    /// guest, staff or system.
    pub cancelled_by: String,
    /// Why, as a stable code.
    pub reason_code: String,
}

/// How to reach the guest.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Contact {
    /// The guest's name.
    pub name: String,
    /// E.164.
    pub phone: String,
    /// E-mail address.
    pub email: String,
}
