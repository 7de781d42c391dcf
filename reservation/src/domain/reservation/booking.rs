//! Bookings: how a reservation begins.

use chrono::{DateTime, TimeDelta, Utc};
use events::event::{
    Event, PaymentRequested, ReservationCheckedIn, ReservationConfirmed, ReservationCreated,
};
use events::imports::ImportedStatus;
use events::values::{ConfidentialDigest, Locale, PartySize, Purpose, TimeWindow};
use events::{CustomerId, PaymentId, TableId, VenueId};

use crate::domain::availability::{Overrule, SeatingContext, SeatingRequest, Table};
use crate::domain::contact_proof::ContactProof;
use crate::domain::refusal::Refusal;
use crate::domain::venue::Venue;

/// The reason code of what another system decided.
pub const IMPORTED: &str = "imported";

/// A request to book or to be seated. The venue's rules complete it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookingRequest {
    /// The venue.
    pub venue_id: VenueId,
    /// Whether the party is at the door: no deposit, no fee, no payment.
    pub walk_in: bool,
    /// The customer, as the caller names them.
    pub customer_id: CustomerId,
    /// The number of guests.
    pub party_size: PartySize,
    /// The arrival.
    pub start: DateTime<Utc>,
    /// The length of the stay in minutes, if the caller chooses it.
    pub minutes: Option<u32>,
    /// The requested area, if any.
    pub area: Option<String>,
    /// The payment channel chosen by the guest, if any.
    pub payment_channel: Option<String>,
    /// The language chosen by the guest, if any.
    pub locale: Option<Locale>,
    /// Digest of the confidential payload: contact and special requests.
    pub contact_digest: ConfidentialDigest,
    /// Whether staff overrule rules of the venue.
    pub overrule: Option<Overrule>,
    /// Whether no proof is needed: staff or a key book, or the contact was proved before.
    pub is_vouched_for: bool,
}

impl BookingRequest {
    /// The time of the visit by the rules of `venue`.
    #[must_use]
    pub fn window(&self, venue: &Venue) -> TimeWindow {
        let minutes = self.minutes.unwrap_or_else(|| venue.stay_minutes(self.party_size));
        TimeWindow::starting(self.start, minutes)
    }

    /// The event of the booking by the rules of `venue`.
    #[must_use]
    pub fn booking(&self, venue: &Venue) -> ReservationCreated {
        let policy = match self.walk_in {
            true => venue.walk_in_policy(self.party_size),
            false => venue.policy_for(self.party_size),
        };
        ReservationCreated {
            venue_id: venue.id.clone(),
            customer_id: self.customer_id.clone(),
            party_size: self.party_size,
            window: self.window(venue),
            timezone: venue.timezone.name().to_owned(),
            locale: self.locale.unwrap_or(venue.locale),
            policy,
            area: self.area.clone(),
            payment_channel: self.payment_channel.clone(),
            contact_digest: self.contact_digest.clone(),
            walk_in: self.walk_in,
            source: None,
            imported: None,
            contact_proof: venue.contact_proof.filter(|_| !self.is_vouched_for),
        }
    }
}

/// Books tables for a party. A deposit is requested if the policy has one, otherwise a proof of an
/// unproved contact.
///
/// # Errors
/// Why the restaurant cannot seat the party at that time.
pub fn book(
    created: ReservationCreated,
    overrule: Option<&Overrule>,
    context: &SeatingContext<'_>,
    payment_id: PaymentId,
    now: DateTime<Utc>,
) -> Result<Vec<Event>, Refusal> {
    let window = created.window;
    let assigned: Vec<Event> = match context.rules {
        None => Vec::new(),
        Some(rules) => {
            let request = SeatingRequest::new(window, created.party_size, created.area.as_deref());
            let (seating, overruled) = rules.seat_or_overrule(overrule, context.occupancy, &request, now)?;
            let is_unproven = created.contact_proof.is_some();
            if is_unproven && !rules.may_stay_unproven(context.occupancy, seating.seats, &request) {
                return Err(Refusal::UnprovenShare);
            }
            overruled.into_iter().chain(context.assign(seating, window)).collect()
        }
    };
    Ok(booking_events(created, assigned, payment_id, now))
}

/// Records a booking that was made in another system. A party that is expected gets `tables`, or any that suit it if none
/// are named. Of the rules only free tables and closures count, because the restaurant has accepted the party; if its tables
/// are not free, it has none, and staff have to find one.
#[must_use]
pub fn import(created: ReservationCreated, tables: &[TableId], context: &SeatingContext<'_>) -> Vec<Event> {
    let window = created.window;
    let is_expected =
        created.imported.as_deref().is_some_and(|imported| imported.status == ImportedStatus::Confirmed);
    let assigned: Vec<Event> = match context.rules.filter(|_| is_expected) {
        None => Vec::new(),
        Some(rules) if tables.is_empty() => {
            let request = SeatingRequest::new(window, created.party_size, created.area.as_deref());
            let overrule = Overrule { reason_code: IMPORTED.to_owned() };
            let seating = rules.tables_for_or_overrule(Some(&overrule), context.occupancy, &request);
            seating.map(|(seating, _)| context.assign(seating, window).collect()).unwrap_or_default()
        }
        Some(rules) => {
            let known = tables.iter().map(|id| rules.tables.iter().find(|table| table.id == *id));
            let is_free = |table: &&Table| context.occupancy.is_free(&table.id, &window, None);
            let free: Option<Vec<_>> = known.map(|table| table.filter(is_free).cloned()).collect();
            free.map(|tables| context.assign_tables(&tables, window).collect()).unwrap_or_default()
        }
    };
    std::iter::once(created.into()).chain(assigned).collect()
}

/// The events of a booking with the table assignments `assigned`, and the rules that were overruled before them.
pub(in crate::domain) fn booking_events(
    created: ReservationCreated,
    assigned: Vec<Event>,
    payment_id: PaymentId,
    now: DateTime<Utc>,
) -> Vec<Event> {
    let window = created.window;
    let deposit = created.policy.deposit_due(created.party_size).map(|amount| PaymentRequested {
        payment_id,
        amount,
        channel: created.payment_channel.clone(),
        replaces: None,
        expires_at: now + TimeDelta::minutes(i64::from(created.policy.auto_cancel_minutes)),
        purpose: Purpose::Deposit,
    });
    let confirmed =
        created.policy.auto_confirm.then_some(ReservationConfirmed { window, deposit_waived: false });
    let asked = || ContactProof::begin(created.contact_proof).ask(now);
    let follows = deposit.map(Event::from).or_else(asked).or(confirmed.map(Event::from));
    std::iter::once(created.into()).chain(assigned).chain(follows).collect()
}

/// Seats a party that arrives without a booking, at the start of its window.
///
/// # Errors
/// Why the party cannot be seated.
pub fn walk_in(
    created: ReservationCreated,
    overrule: Option<&Overrule>,
    context: &SeatingContext<'_>,
) -> Result<Vec<Event>, Refusal> {
    let Some(rules) = context.rules else { return Err(Refusal::ManagedByHand) };
    let window = created.window;
    let request = SeatingRequest::new(window, created.party_size, created.area.as_deref());
    let (seating, overruled) = rules.seat_now_or_overrule(overrule, context.occupancy, &request)?;
    let assigned = context.assign(seating, window);
    let seated = std::iter::once(Event::from(ReservationCheckedIn::default()));
    Ok(std::iter::once(created.into()).chain(overruled).chain(assigned).chain(seated).collect())
}
