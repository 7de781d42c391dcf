//! Reservations and waitlist entries, as messages to guests need them.

use chrono::{DateTime, FixedOffset, Utc};
use chrono_tz::Tz;
use contract::reservation::view::{CancellationView, DepositView, ReservationView};
use contract::reservation::waitlist::WaitlistView;
use contract::reservation::words::{ReservationStatus, WaitlistStatus};
use events::values::Locale;

/// A visit, booked or offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// The id of the reservation or of the waitlist entry.
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
    pub locale: Locale,
    /// The area of the table, if it is known.
    pub table_area: Option<String>,
    /// Increases with every change.
    pub version: u64,
}

impl Visit {
    /// The time zone of the venue; UTC if this version does not know it.
    #[must_use]
    pub fn zone(&self) -> Tz {
        zone(&self.timezone)
    }
}

/// The time zone with this name; UTC if this version does not know it.
#[must_use]
pub fn zone(name: &str) -> Tz {
    name.parse().unwrap_or(Tz::UTC)
}

/// A reservation.
#[derive(Debug, Clone, PartialEq)]
pub struct Reservation {
    /// The visit.
    pub visit: Visit,
    /// The status.
    pub status: ReservationStatus,
    /// The deposit.
    pub deposit: DepositView,
    /// The no-show fee, if there is one.
    pub no_show_fee: Option<DepositView>,
    /// The cancellation, if it was cancelled.
    pub cancellation: Option<CancellationView>,
}

impl From<ReservationView> for Reservation {
    fn from(view: ReservationView) -> Self {
        Self {
            visit: Visit {
                id: view.reservation_id.to_string(),
                start_time: view.start_time.0,
                end_time: view.end_time.0,
                party_size: view.party_size.get(),
                venue_name: view.venue_name,
                timezone: view.timezone,
                locale: view.locale.locale(),
                table_area: view.table_area,
                version: view.version,
            },
            status: view.status,
            deposit: view.deposit,
            no_show_fee: view.no_show_fee,
            cancellation: view.cancellation,
        }
    }
}

/// The visit that is offered to a waiting party, if there is an offer.
#[must_use]
pub fn offered(entry: WaitlistView) -> Option<Occasion> {
    let offer = entry.offer?;
    let visit = Visit {
        id: entry.waitlist_id.to_string(),
        start_time: offer.start_time.0,
        end_time: offer.end_time.0,
        party_size: entry.party_size.get(),
        venue_name: entry.venue_name,
        timezone: entry.timezone,
        locale: entry.locale.locale(),
        table_area: offer.tables.into_iter().next().map(|table| table.area),
        version: entry.version,
    };
    Some(Occasion::Offered { visit, status: entry.status, expires_at: offer.expires_at })
}

/// What a message is about, in its current state.
#[derive(Debug, Clone, PartialEq)]
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
    pub fn cancellation(&self) -> Option<&CancellationView> {
        match self {
            Self::Booked(reservation) => reservation.cancellation.as_ref(),
            Self::Offered { .. } => None,
        }
    }
}
