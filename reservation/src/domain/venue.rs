//! A restaurant: its time zone, tables and policy.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use events::event::{OfferedTable, ProofMethod, WaitlistOffered};
use events::values::{DepositRule, Locale, NoShowFee, PartySize, Policy, TimeWindow};
use events::{TableId, VenueId};

use super::availability::{BookingRules, Closures, Table, areas_of, calendar_day};

/// The length of a stay at a venue without booking rules, in minutes.
const STAY_MINUTES_DEFAULT: u32 = 90;

/// A restaurant.
#[derive(Debug, Clone, PartialEq)]
pub struct Venue {
    /// The id, used in URLs and file names.
    pub id: VenueId,
    /// The name shown to people.
    pub name: String,
    /// The IANA time zone. A time without an offset is local time of the venue.
    pub timezone: Tz,
    /// ISO 3166 country code. A phone number without a country code belongs to this country.
    pub country: String,
    /// The language of messages if the guest chooses none.
    pub locale: Locale,
    /// The address, the contact and the colour of the restaurant.
    pub profile: Profile,
    /// The tables.
    pub tables: Vec<Table>,
    /// The booking rules; `None` if the venue is managed by hand: any time can be requested, and staff assign
    /// the tables.
    pub rules: Option<BookingRules>,
    /// The deposit rule, if any.
    pub deposit: Option<DepositRule>,
    /// Minutes after which an unpaid hold is cancelled.
    pub auto_cancel_minutes: u32,
    /// The deposit is refunded up to this many minutes before the start.
    pub free_cancellation_minutes: u32,
    /// Whether a booking without a deposit is confirmed immediately.
    pub auto_confirm: bool,
    /// Minutes after the start at which a party that has not arrived becomes a no-show automatically.
    pub no_show_grace_minutes: Option<u32>,
    /// The fee that a party owes if it never arrives.
    pub no_show_fee: Option<NoShowFee>,
    /// Whether a party that becomes smaller in time gets back the part of its deposit that no longer applies.
    pub refund_on_shrink: bool,
    /// How guests prove their contact; `None` if the venue asks for no proof.
    pub contact_proof: Option<ProofMethod>,
    /// Minutes that a waiting party has to answer an offer.
    pub offer_minutes: u32,
    /// Number of days after a visit at which its personal data is erased; `None` to keep it.
    pub retention_days: Option<u32>,
    /// The reason codes of this venue, in addition to those that every venue has.
    pub reason_codes: Vec<String>,
}

/// The address, the contact and the colour of a restaurant.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Profile {
    /// The postal address, its lines separated by line breaks.
    pub address: Option<String>,
    /// The place on the earth.
    pub location: Option<Location>,
    /// The phone number, E.164.
    pub phone: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The address that answers to messages go to.
    pub reply_to: Option<String>,
    /// The web site.
    pub website: Option<String>,
    /// The colour of pages and messages: `#` and six hexadecimal digits.
    pub accent_colour: Option<String>,
}

/// A place on the earth, in degrees: WGS 84.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Location {
    /// Degrees north, from -90 to 90.
    pub latitude: f64,
    /// Degrees east, from -180 to 180.
    pub longitude: f64,
}

impl Venue {
    /// The same venue, with `closures` as the only ones.
    #[must_use]
    pub fn closed_at(self: &Arc<Self>, closures: Closures) -> Arc<Self> {
        let is_same = self.rules.as_ref().is_none_or(|rules| rules.hours.closures == closures);
        if is_same {
            return Arc::clone(self);
        }
        let mut venue = Self::clone(self);
        if let Some(rules) = &mut venue.rules {
            rules.hours.closures = closures;
        }
        Arc::new(venue)
    }

    /// The areas, in the order of the tables.
    #[must_use]
    pub fn areas(&self) -> Vec<&str> {
        areas_of(&self.tables)
    }

    /// The policy snapshot for a booking of `size` guests.
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
            refund_on_shrink: self.refund_on_shrink,
        }
    }

    /// The policy snapshot for a walk-in of `size` guests: without deposit and without no-show fee.
    #[must_use]
    pub fn walk_in_policy(&self, size: PartySize) -> Policy {
        Policy { deposit_required: false, deposit: None, no_show_fee: None, ..self.policy_for(size) }
    }

    /// How long a party of `size` stays if it does not say otherwise, in minutes.
    #[must_use]
    pub fn stay_minutes(&self, size: PartySize) -> u32 {
        self.rules.as_ref().map_or(STAY_MINUTES_DEFAULT, |rules| rules.turn_minutes(size))
    }

    /// The instants of the business day `date`; at a venue that is managed by hand those of the calendar day.
    #[must_use]
    pub fn day(&self, date: NaiveDate) -> TimeWindow {
        match &self.rules {
            Some(rules) => rules.hours.business_day(date),
            None => calendar_day(self.timezone, date),
        }
    }

    /// The opening of the first service of a business day; without a service the start of the day.
    #[must_use]
    pub fn opening(&self, date: NaiveDate) -> DateTime<Utc> {
        let sittings = self.rules.iter().flat_map(|rules| rules.hours.on(date));
        sittings.map(|sitting| sitting.opens).min().unwrap_or(self.day(date).start)
    }

    /// The business day of an instant; at a venue that is managed by hand the calendar day.
    #[must_use]
    pub fn date_of(&self, at: DateTime<Utc>) -> NaiveDate {
        match &self.rules {
            Some(rules) => rules.hours.date_of(at),
            None => at.with_timezone(&self.timezone).date_naive(),
        }
    }

    /// Whether an offer to a waiting party still complies with the rules.
    #[must_use]
    pub fn can_keep(&self, offered: &WaitlistOffered) -> bool {
        let stands =
            |table: &OfferedTable| self.table(&table.table_id).is_some_and(|now| now.seats >= table.capacity);
        let is_open = |rules: &BookingRules| {
            rules.is_open_for(&offered.window, offered.tables.iter().map(|table| &table.table_id))
        };
        self.rules.as_ref().is_some_and(is_open) && offered.tables.iter().all(stands)
    }

    /// The table with this id.
    #[must_use]
    pub fn table(&self, id: &TableId) -> Option<&Table> {
        self.tables.iter().find(|table| table.id == *id)
    }
}
