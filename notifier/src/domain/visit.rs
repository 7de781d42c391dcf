//! Reservations and waitlist entries, as messages to guests need them.

use chrono::{DateTime, FixedOffset, Utc};
use chrono_tz::Tz;
use contract::reservation::attendance::AttendanceView;
use contract::reservation::contact::ContactProofView;
use contract::reservation::venues::ProfileView;
use contract::reservation::view::{CancellationView, DepositView, ReservationView};
use contract::reservation::waitlist::WaitlistView;
use contract::reservation::words::{AffectedReason, LeftReason, ReservationStatus, WaitlistStatus};
use events::values::{Locale, Medium, Purpose};
use events::{PaymentId, VenueId};

use crate::domain::effect::Template;

/// A visit, booked or offered.
#[derive(Debug, Clone, PartialEq)]
pub struct Visit {
    /// The id of the reservation or of the waitlist entry.
    pub id: String,
    /// The short code of the reservation; the id of a waitlist entry.
    pub code: String,
    /// The arrival, with the offset of the venue.
    pub start_time: DateTime<FixedOffset>,
    /// The end of the visit.
    pub end_time: DateTime<FixedOffset>,
    /// The number of guests.
    pub party_size: u8,
    /// The name of the venue.
    pub venue_name: String,
    /// The address and the contact of the venue.
    pub venue_profile: ProfileView,
    /// Until when the guest can cancel and gets the deposit back, if there is one.
    pub free_until: Option<DateTime<FixedOffset>>,
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
    /// The venue; `None` in samples.
    pub venue_id: Option<VenueId>,
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
    /// What the guest was asked last, and the answer.
    pub attendance: Option<Box<AttendanceView>>,
    /// Whether the restaurant or the table is closed at the time of the visit, or the venue was removed. Nothing is due then.
    pub is_called_off: bool,
    /// The proof of contact that is missing.
    pub contact_proof: Option<Box<ContactProofView>>,
}

impl From<ReservationView> for Reservation {
    fn from(view: ReservationView) -> Self {
        Self {
            venue_id: Some(view.venue_id),
            visit: Visit {
                id: view.reservation_id.to_string(),
                code: view.code.to_string(),
                start_time: view.start_time.0,
                end_time: view.end_time.0,
                party_size: view.party_size.get(),
                venue_name: view.venue_name,
                venue_profile: view.venue_profile,
                free_until: view.deposit.required.then_some(view.free_cancellation_until.0),
                timezone: view.timezone,
                locale: view.locale.locale(),
                table_area: view.table_area,
                version: view.version,
            },
            status: view.status,
            deposit: view.deposit,
            no_show_fee: view.no_show_fee,
            cancellation: view.cancellation,
            attendance: view.attendance.map(Box::new),
            is_called_off: view.closure_id.is_some()
                || matches!(view.affected_by_rules, Some(AffectedReason::Closed | AffectedReason::VenueGone)),
            contact_proof: view.contact_proof.map(Box::new),
        }
    }
}

/// Whether the guest was asked something and has not answered yet.
fn is_asked(attendance: Option<&AttendanceView>) -> bool {
    attendance.is_some_and(|attendance| attendance.answer.is_none())
}

impl Reservation {
    /// Whether the guest was asked something and has not answered yet.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        is_asked(self.attendance.as_deref())
    }

    /// Until when the guest can prove the contact, if a booking waits for that.
    #[must_use]
    pub fn proof_awaited_until(&self) -> Option<DateTime<Utc>> {
        let proof = self.contact_proof.as_ref().filter(|_| self.status == ReservationStatus::Pending);
        proof.and_then(|proof| proof.expires_at)
    }

    /// Whether the guest has something to pay for `purpose`.
    #[must_use]
    pub fn owes(&self, purpose: Purpose) -> bool {
        match purpose {
            Purpose::Deposit => {
                self.status == ReservationStatus::Pending && self.deposit.is_due() && !self.is_called_off
            }
            Purpose::NoShowFee => self.no_show_fee.as_ref().is_some_and(DepositView::is_due),
        }
    }
}

impl Reservation {
    /// Whether the guest has to pay `payment_id` for `purpose`. A payment that was requested anew is not owed any more.
    #[must_use]
    pub fn owes_payment(&self, purpose: Purpose, payment_id: PaymentId) -> bool {
        let charge = match purpose {
            Purpose::Deposit => Some(&self.deposit),
            Purpose::NoShowFee => self.no_show_fee.as_ref(),
        };
        // A reservation service of an earlier version does not name the payment.
        let requested = charge.and_then(|charge| charge.payment_id);
        self.owes(purpose) && requested.is_none_or(|requested| requested == payment_id)
    }
}

/// The offered visit, or the requested one: while the party waits, and after the offer has expired. `None` after it has left the
/// waitlist.
#[must_use]
pub fn offered(entry: WaitlistView) -> Option<Occasion> {
    let is_waiting = entry.status == WaitlistStatus::Waiting;
    let is_over = entry.left_because == Some(LeftReason::OfferExpired);
    let is_called = is_waiting && is_asked(entry.attendance.as_ref());
    let proof = entry.contact_proof.filter(|_| is_waiting);
    let prove_by = proof.and_then(|proof| proof.expires_at);
    let (start, end, area, expires_at) = match entry.offer {
        Some(offer) => {
            let area = offer.tables.into_iter().next().map(|table| table.area);
            (offer.start_time.0, offer.end_time.0, area, Some(offer.expires_at))
        }
        None if is_over || is_waiting => (entry.earliest_time.0, entry.latest_time.0, entry.area, None),
        None => return None,
    };
    let visit = Visit {
        id: entry.waitlist_id.to_string(),
        code: entry.waitlist_id.to_string(),
        start_time: start,
        end_time: end,
        party_size: entry.party_size.get(),
        venue_name: entry.venue_name,
        venue_profile: entry.venue_profile,
        free_until: None,
        timezone: entry.timezone,
        locale: entry.locale.locale(),
        table_area: area,
        version: entry.version,
    };
    Some(match (expires_at, prove_by) {
        (Some(expires_at), _) => Occasion::Offered { visit, status: entry.status, expires_at },
        (None, _) if is_called => Occasion::Ready { visit },
        (None, Some(expires_at)) => Occasion::Unproven { visit, expires_at },
        (None, None) if is_waiting => Occasion::Waiting { visit },
        (None, None) => Occasion::OfferOver { visit },
    })
}

/// What a message is about, in its current state.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "an occasion lives as long as one message is written")]
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
    /// A waiting party that has to prove its contact.
    Unproven {
        /// The visit that the party waits for.
        visit: Visit,
        /// When it leaves the waitlist without a proof.
        expires_at: DateTime<Utc>,
    },
    /// A waiting party that has nothing to do.
    Waiting {
        /// The visit that the party waits for.
        visit: Visit,
    },
    /// A waiting party that was told that its table is ready, and has not answered.
    Ready {
        /// The visit that the party waits for.
        visit: Visit,
    },
    /// A table that was offered to a waiting party, which did not answer in time.
    OfferOver {
        /// The visit that the party waited for.
        visit: Visit,
    },
}

impl Occasion {
    /// The visit.
    #[must_use]
    pub fn visit(&self) -> &Visit {
        match self {
            Self::Booked(reservation) => &reservation.visit,
            Self::Offered { visit, .. }
            | Self::Unproven { visit, .. }
            | Self::Waiting { visit }
            | Self::Ready { visit }
            | Self::OfferOver { visit } => visit,
        }
    }

    /// The same without the limit for a free cancellation if it has passed at `now`.
    #[must_use]
    pub fn without_passed_limit(mut self, now: DateTime<Utc>) -> Self {
        let (Self::Booked(Reservation { visit, .. })
        | Self::Offered { visit, .. }
        | Self::Unproven { visit, .. }
        | Self::Waiting { visit }
        | Self::Ready { visit }
        | Self::OfferOver { visit }) = &mut self;
        visit.free_until = visit.free_until.filter(|limit| now <= *limit);
        self
    }

    /// The deadline for paying, answering or proving the contact.
    #[must_use]
    pub fn act_by(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Booked(reservation) => {
                let charge = reservation.no_show_fee.as_ref().unwrap_or(&reservation.deposit);
                reservation.proof_awaited_until().or(charge.expires_at)
            }
            Self::Offered { expires_at, .. } | Self::Unproven { expires_at, .. } => Some(*expires_at),
            Self::Waiting { .. } | Self::Ready { .. } | Self::OfferOver { .. } => None,
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
            Self::Offered { .. }
            | Self::Unproven { .. }
            | Self::Waiting { .. }
            | Self::Ready { .. }
            | Self::OfferOver { .. } => None,
        }
    }

    /// Whether a message may go to the guest. An unproved contact may belong to a stranger, who gets the request to prove it, and
    /// mails about a deposit.
    #[must_use]
    pub fn may_be_told(&self, template: Template, medium: Medium) -> bool {
        let Self::Booked(Reservation { contact_proof: Some(proof), .. }) = self else { return true };
        let is_allowed = match template {
            Template::ProveContact | Template::DepositDue | Template::PaidLate | Template::Refunded => true,
            Template::Cancelled => proof.expires_at.is_none(),
            _ => false,
        };
        is_allowed && medium == Medium::Mail
    }
}
