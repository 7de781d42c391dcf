//! The rules of a waitlist: which party may join, and which one gets the next offer.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use events::event::{Event, OfferedTable, WaitlistJoined, WaitlistOffered};
use events::values::{ConfidentialDigest, Locale, PartySize, TimeWindow};
use events::{CustomerId, TableId};

use super::entry::{WaitlistEntry, WaitlistState};
use crate::domain::availability::{BookingRules, Occupancy, Seating, SeatingContext, Table, Unavailable};
use crate::domain::contact_proof::ContactProof;
use crate::domain::refusal::Refusal;
use crate::domain::venue::Venue;

/// Maximum number of parties on the waitlist of a venue for one business day.
pub const WAITLIST_PARTIES_MAX: usize = 500;

/// Minimum time to answer an offer, in minutes, unless the venue allows less for every offer.
const ANSWER_MINUTES_MIN: u32 = 10;

/// Minimum time to answer an offer that a host makes to a party at the door, in minutes.
const ANSWER_AT_DOOR_MINUTES_MIN: i64 = 3;

/// A request to join a waitlist. The venue's rules complete it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitlistRequest {
    /// The customer, as the caller names them.
    pub customer_id: CustomerId,
    /// The number of guests.
    pub party_size: PartySize,
    /// Acceptable arrival times.
    pub acceptable: TimeWindow,
    /// The requested area, if any.
    pub area: Option<String>,
    /// The payment channel chosen by the guest, if any.
    pub payment_channel: Option<String>,
    /// The language chosen by the guest, if any.
    pub locale: Option<Locale>,
    /// Digest of the confidential payload: the contact.
    pub contact_digest: ConfidentialDigest,
    /// The wait that staff quoted to the party, in minutes.
    pub quoted_minutes: Option<u32>,
    /// Whether no proof is needed: staff or a key book, or the contact was proved before.
    pub is_vouched_for: bool,
}

impl WaitlistRequest {
    /// The event of joining the waitlist of `venue`.
    #[must_use]
    pub fn joined(self, venue: &Venue) -> WaitlistJoined {
        WaitlistJoined {
            venue_id: venue.id.clone(),
            customer_id: self.customer_id,
            party_size: self.party_size,
            acceptable: self.acceptable,
            area: self.area,
            timezone: venue.timezone.name().to_owned(),
            payment_channel: self.payment_channel,
            locale: self.locale.unwrap_or(venue.locale),
            contact_digest: self.contact_digest,
            contact_proof: venue.contact_proof.filter(|_| !self.is_vouched_for),
            quoted_minutes: self.quoted_minutes,
        }
    }
}

/// The parties that wait for one business day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waiting {
    /// All of them.
    pub parties: usize,
    /// Those with an unproved contact.
    pub unproven: usize,
}

/// The events of a party that joins the waitlist of a venue on which `waiting` parties are waiting for the same business day.
///
/// # Errors
/// Why the party would wait in vain.
pub fn join(
    joined: WaitlistJoined,
    context: &SeatingContext<'_>,
    waiting: Waiting,
    now: DateTime<Utc>,
) -> Result<Vec<Event>, Refusal> {
    let Some(rules) = context.rules else { return Err(Refusal::ManagedByHand) };
    if waiting.parties >= WAITLIST_PARTIES_MAX {
        return Err(Refusal::WaitlistFull { max_parties: WAITLIST_PARTIES_MAX });
    }
    let share = WAITLIST_PARTIES_MAX * usize::from(rules.unproven_share_percent) / 100;
    if joined.contact_proof.is_some() && waiting.unproven >= share {
        return Err(Refusal::UnprovenWaiting);
    }
    let (size, area) = (joined.party_size, joined.area.as_deref());
    if rules.seatings.is_too_large(size, area) {
        return Err(Unavailable::PartyTooLarge.into());
    }
    // A party that an empty restaurant could not seat at any acceptable time will never get an offer.
    let mut why_not = None;
    let first = rules.arrivals(&joined.acceptable, size).find(|arrival| {
        match rules.seat_proposed(&Occupancy::default(), *arrival, size, area) {
            Ok(_) => true,
            Err(why) => {
                why_not.get_or_insert(why);
                false
            }
        }
    });
    let first = first.ok_or(why_not.unwrap_or(Unavailable::Closed))?;
    match rules.notice(&first, now) {
        // Too late to book, but tables may still become free.
        Ok(()) | Err(Unavailable::TooLate) => {
            let asked = ContactProof::begin(joined.contact_proof).ask(now);
            Ok(std::iter::once(joined.into()).chain(asked).collect())
        }
        Err(why) => Err(why.into()),
    }
}

/// The first party on the waitlist that can be seated, and its offer. The offer expires after
/// `offer_minutes`, and at the latest when the offered time starts.
#[must_use]
pub fn next_offer<'a>(
    entries: impl Iterator<Item = &'a WaitlistEntry>,
    context: &SeatingContext<'_>,
    offer_minutes: u32,
    now: DateTime<Utc>,
) -> Option<(&'a WaitlistEntry, WaitlistOffered)> {
    let rules = context.rules?;
    let minutes = |minutes: u32| TimeDelta::minutes(i64::from(minutes));
    let earliest = now + minutes(offer_minutes.min(ANSWER_MINUTES_MIN));
    // Many entries request the same, so each time is evaluated once per party size.
    let mut arrivals: HashMap<(TimeWindow, PartySize), Vec<TimeWindow>> = HashMap::new();
    let mut seatings: HashMap<(TimeWindow, PartySize, Option<&str>), Option<&Seating>> = HashMap::new();
    let waiting = entries.filter(|entry| entry.state == WaitlistState::Waiting && !entry.is_unproven());
    waiting.into_iter().find_map(|entry| {
        let WaitlistJoined { acceptable, party_size, area, .. } = &entry.joined;
        let (size, area) = (*party_size, area.as_deref());
        let windows = arrivals.entry((*acceptable, size)).or_insert_with(|| {
            rules.arrivals(acceptable, size).filter(|window| window.start >= earliest).collect()
        });
        let (window, seating) = windows.iter().find_map(|window| {
            let seating = seatings
                .entry((*window, size, area))
                .or_insert_with(|| rules.seat_proposed(context.occupancy, *window, size, area).ok());
            Some((*window, (*seating)?))
        })?;
        Some((entry, offered(&seating.tables, window, now + minutes(offer_minutes))?))
    })
}

/// The offer that a host makes to a party out of its turn: `table`, or the tables that the venue would choose, from the first
/// arrival on at which they are free. It can leave less time to answer than an offer of [`next_offer`], because the host knows
/// whether the party is there.
///
/// # Errors
/// Why the party cannot have them.
pub fn offer_to(
    entry: &WaitlistEntry,
    table: Option<&TableId>,
    context: &SeatingContext<'_>,
    offer_minutes: u32,
    now: DateTime<Utc>,
) -> Result<WaitlistOffered, Refusal> {
    match &entry.state {
        WaitlistState::Waiting => {}
        WaitlistState::Offered(_) => return Err(Refusal::AlreadyOffered),
        WaitlistState::Accepted(id) => return Err(Refusal::OfferAccepted(*id)),
        WaitlistState::Left { .. } => return Err(Refusal::LeftWaitlist),
    }
    if entry.is_unproven() {
        return Err(Refusal::ContactUnproved);
    }
    let Some(rules) = context.rules else { return Err(Refusal::ManagedByHand) };
    let WaitlistJoined { acceptable, party_size, area, .. } = &entry.joined;
    let ends = now + TimeDelta::minutes(i64::from(offer_minutes));
    let mut why_not = None;
    let earliest = now + TimeDelta::minutes(ANSWER_AT_DOOR_MINUTES_MIN);
    for window in rules.arrivals(acceptable, *party_size).filter(|window| window.start >= earliest) {
        let tables = match table {
            Some(id) => {
                chosen(rules, context.occupancy, id, window, *party_size, now).map(std::slice::from_ref)
            }
            None => rules
                .seat_proposed(context.occupancy, window, *party_size, area.as_deref())
                .map(|seating| &*seating.tables)
                .map_err(Refusal::from),
        };
        match tables {
            Ok(tables) => {
                if let Some(offered) = offered(tables, window, ends) {
                    return Ok(offered);
                }
            }
            Err(why) => drop(why_not.get_or_insert(why)),
        }
    }
    Err(why_not.unwrap_or(Unavailable::Closed.into()))
}

/// The table `id`, if it is large enough and free for `window`. The host may give a small party a large table.
fn chosen<'a>(
    rules: &'a BookingRules,
    occupancy: &Occupancy,
    id: &TableId,
    window: TimeWindow,
    size: PartySize,
    now: DateTime<Utc>,
) -> Result<&'a Table, Refusal> {
    let table = rules.tables.iter().find(|table| table.id == *id);
    let table = table.ok_or_else(|| Refusal::TableGone(id.clone()))?;
    if table.seats < size.get() {
        return Err(Refusal::TableTooSmall { seats: table.seats.into(), party_size: size });
    }
    if !rules.hours.open_for(&window).iter().any(|sitting| sitting.uses(table)) {
        return Err(Unavailable::Closed.into());
    }
    // A party that stays longer than planned may still sit there.
    match occupancy.is_free_at_the_door(id, &window, now) {
        true => Ok(table),
        false => Err(Refusal::TableTaken(id.clone())),
    }
}

fn offered(tables: &[Table], window: TimeWindow, ends: DateTime<Utc>) -> Option<WaitlistOffered> {
    let offer = |table: &Table| OfferedTable {
        table_id: table.id.clone(),
        capacity: table.seats,
        area: table.area.clone(),
    };
    let tables: Vec<_> = tables.iter().map(offer).collect();
    let (table_id, expires_at) = (tables.first()?.table_id.clone(), ends.min(window.start));
    Some(WaitlistOffered { table_id, tables, window, expires_at })
}
