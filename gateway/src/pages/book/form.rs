//! What a guest enters.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use events::values::Locale;
use minijinja::{Value, context};
use rpc::v1;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{WAIT_AFTER, WAIT_BEFORE};
use crate::pages::guest::Guest;
use crate::pages::times;
use crate::pages::venue::{PARTY_FIRST, party};
use crate::pages::words::word;
use crate::services::Refusal;

/// Maximum number of high chairs.
const CHAIRS_MAX: u32 = 20;

/// The value of `then` of the button that joins the waitlist.
const WAIT: &str = "wait";

/// The fields that a guest fills in, in the order of the form.
const FIELDS: [&str; 8] = ["name", "phone", "email", "requests", "allergies", "chairs", "channel", "start"];

/// What a guest enters. Everything is text, so that nothing is lost when it is faulty.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub(in crate::pages) struct Entered {
    /// The Idempotency-Key, made with the form.
    pub(super) key: String,
    /// The business day.
    pub(super) day: String,
    /// The chosen time, RFC 3339.
    pub(super) start: String,
    /// The time that the guest takes instead.
    instead: String,
    /// The chosen time of a venue that is managed by hand, such as `19:30`, local time.
    clock: String,
    pub(super) party: String,
    area: String,
    name: String,
    phone: String,
    email: String,
    requests: String,
    allergies: String,
    chairs: String,
    channel: String,
    /// `wait`: the guest joins the waitlist.
    then: String,
    /// The earliest arrival of a waiting guest, RFC 3339; empty: at once. Made with the form, so that a repeated request is the
    /// same.
    earliest: String,
    /// Whether the request was sent before, and its outcome is unknown.
    sent: String,
}

impl Entered {
    /// Whether the guest joins the waitlist.
    pub(super) fn waits(&self) -> bool {
        self.then == WAIT
    }

    /// Whether the request was sent before, and its outcome is unknown.
    pub(super) fn was_sent(&self) -> bool {
        !self.sent.is_empty()
    }

    /// With the earliest arrival of a waiting guest.
    pub(super) fn with_earliest(self, now: DateTime<Utc>) -> Self {
        let earliest = times::local(&self.start) - WAIT_BEFORE;
        let earliest = if earliest > now { earliest.to_rfc3339() } else { String::new() };
        Self { earliest, ..self }
    }

    /// Whether it names a time and a number of guests, as the page before does.
    pub(super) fn is_complete(&self) -> bool {
        DateTime::parse_from_rfc3339(&self.start).is_ok() && party(&self.party).is_some()
    }

    /// The path of the page of `venue` on which the guest chooses the time again.
    pub(super) fn choose_again(&self, venue: &str) -> String {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("date", &self.date().to_string())
            .append_pair("party", &self.party_size().to_string())
            .append_pair("area", &self.area)
            .finish();
        format!("/v/{venue}?{query}")
    }

    /// The business day; if it cannot be read, the date of the time.
    pub(super) fn date(&self) -> NaiveDate {
        times::date(&self.day).unwrap_or_else(|| times::local(&self.start).date_naive())
    }

    /// The number of guests; two if it cannot be read, so that [`Self::is_complete`] is false.
    pub(super) fn party_size(&self) -> u32 {
        party(&self.party).unwrap_or(PARTY_FIRST)
    }

    /// The area, if the guest chose one.
    pub(super) fn area(&self) -> Option<String> {
        optional(&self.area)
    }

    /// With the time that the guest chose last.
    pub(super) fn with_time(mut self, zone: Tz) -> Self {
        if !self.instead.is_empty() && !self.waits() {
            self.start = std::mem::take(&mut self.instead);
        }
        if let Some(at) = times::at_clock(zone, &self.day, &self.clock) {
            self.start = times::machine(&at);
        }
        self.clock.clear();
        self
    }

    /// With a key for a request that was not sent before.
    pub(super) fn with_new_key(self, guest: &Guest) -> Self {
        Self { key: guest.app.env.random_id().to_string(), sent: String::new(), ..self }
    }

    /// With its key, or with a new one if that is none.
    pub(super) fn with_key(self, guest: &Guest) -> Self {
        if Uuid::try_parse(&self.key).is_ok() { self } else { self.with_new_key(guest) }
    }

    /// What is missing. The service checks everything else.
    pub(super) fn faults(&self) -> Faults {
        let chairs = self.chairs.trim();
        let is_number = chairs.is_empty() || chairs.parse().is_ok_and(|chairs: u32| chairs <= CHAIRS_MAX);
        let required = [("name", &self.name), ("phone", &self.phone), ("email", &self.email)];
        let missing = required.into_iter().filter(|(_, text)| text.trim().is_empty()).map(|(name, _)| name);
        Faults(missing.chain((!is_number).then_some("chairs")).collect())
    }

    /// The opaque id of the customer: the gateway knows none, and makes one that says nothing.
    fn customer_id(&self) -> String {
        format!("web-{}", self.key.replace('-', ""))
    }

    fn high_chairs(&self) -> Option<u32> {
        self.chairs.trim().parse().ok().filter(|chairs| *chairs > 0)
    }

    fn contact(&self) -> v1::ContactInfo {
        v1::ContactInfo {
            name: optional(&self.name),
            phone: optional(&self.phone),
            email: optional(&self.email),
        }
    }

    /// The request to book.
    pub(super) fn booking(&self, venue: &v1::Venue, locale: Locale) -> v1::CreateReservationRequest {
        v1::CreateReservationRequest {
            customer_id: self.customer_id(),
            contact_info: Some(self.contact()),
            start_time: self.start.clone(),
            party_size: Some(self.party_size()),
            venue_id: Some(venue.venue_id.clone()),
            area: self.area(),
            special_requests: optional(&self.requests),
            allergies: optional(&self.allergies),
            high_chairs: self.high_chairs(),
            payment_channel: optional(&self.channel),
            locale: Some(locale.tag().to_owned()),
            ..Default::default()
        }
    }

    /// The request to wait for a table around the chosen time.
    pub(super) fn waiting(&self, venue: &v1::Venue, locale: Locale) -> v1::JoinWaitlistRequest {
        let start = times::local(&self.start);
        v1::JoinWaitlistRequest {
            customer_id: self.customer_id(),
            contact_info: Some(self.contact()),
            earliest_time: optional(&self.earliest),
            latest_time: (start + WAIT_AFTER).to_rfc3339(),
            party_size: Some(self.party_size()),
            venue_id: Some(venue.venue_id.clone()),
            area: self.area(),
            special_requests: optional(&self.requests),
            allergies: optional(&self.allergies),
            high_chairs: self.high_chairs(),
            payment_channel: optional(&self.channel),
            locale: Some(locale.tag().to_owned()),
            quoted_minutes: None,
        }
    }
}

fn optional(text: &str) -> Option<String> {
    Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The fields with faults, in the order of the form.
#[derive(Debug, Default)]
pub(in crate::pages) struct Faults(pub(in crate::pages) Vec<&'static str>);

impl Faults {
    /// The fields that the service found faults in.
    pub(in crate::pages) fn of(refusal: &Refusal) -> Self {
        let faulty = |name: &str| {
            match name {
                "start_time" | "earliest_time" | "latest_time" | "duration_minutes" => "start",
                "special_requests" => "requests",
                "high_chairs" => "chairs",
                "payment_channel" => "channel",
                name => name.rsplit('.').next().unwrap_or(name),
            }
            .to_owned()
        };
        let named: Vec<String> = refusal.fields.iter().map(|name| faulty(name)).collect();
        let known: Vec<_> =
            FIELDS.into_iter().filter(|field| named.iter().any(|name| name == field)).collect();
        // A fault that the form has no field for is shown at the time, where a guest can begin again.
        Self(if known.is_empty() { vec!["start"] } else { known })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text for each field.
    pub(super) fn in_words(&self, locale: Locale) -> Vec<Value> {
        let view = |field: &&str| context! { field, text => word(locale, &format!("fault_{field}")) };
        self.0.iter().map(view).collect()
    }
}
