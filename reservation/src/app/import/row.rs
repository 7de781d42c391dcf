//! One line of a file of bookings.

use std::collections::HashMap;

use chassis::environment::Environment;
use chrono::{DateTime, Datelike as _, TimeDelta, Utc};
use contract::fault::Fault;
use contract::form::Form;
use contract::reservation::imports::drafts;
use events::event::ReservationCreated;
use events::imports::{Imported, ImportedStatus};
use events::values::{ConfidentialDigest, PartySize, TimeWindow};
use events::{CustomerId, Position, TableId};
use sha2::{Digest as _, Sha256};

use super::FileBooking;
use super::dates::Dates;
use super::mapping::Mapping;
use crate::app::confidential::Contact;
use crate::app::contact;
use crate::app::request_context::IdempotencyKey;
use crate::domain::availability::TABLES_PER_PARTY_MAX;
use crate::domain::venue::Venue;

/// The first year of visits.
const FIRST_YEAR: i32 = 1990;
/// How far ahead a visit can be, in days.
const DAYS_AHEAD_MAX: i64 = 730;

/// Reads the lines of a file.
pub(super) struct Rows<'a> {
    mapping: &'a Mapping,
    venue: &'a Venue,
    dates: Dates,
    now: DateTime<Utc>,
    /// The line of each reference.
    references: HashMap<String, u64>,
    /// Number of bookings without a reference with the same start and size.
    unnamed: HashMap<(DateTime<Utc>, PartySize), u32>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(mapping: &'a Mapping, venue: &'a Venue, env: &dyn Environment) -> Self {
        let dates = Dates { order: mapping.date_order, zone: mapping.zone(venue.timezone) };
        let (references, unnamed) = (HashMap::new(), HashMap::new());
        Self { mapping, venue, dates, now: env.now(), references, unnamed }
    }

    /// Reads a line.
    ///
    /// # Errors
    /// All its faults.
    pub(super) fn read(&mut self, line: u64, cells: &[(String, String)]) -> Result<FileBooking, Vec<String>> {
        let mut form = Form::query(cells.iter().cloned());
        let booking = self.booking(&mut form, line);
        let words = |fault: Fault| fault.into_words().trim_start_matches("$.").to_owned();
        form.finish(booking).map_err(|faults| faults.0.into_iter().map(words).collect())
    }

    fn booking(&mut self, form: &mut Form, line: u64) -> Option<FileBooking> {
        let mut draft = drafts::ImportedBooking::take(form);
        let start = self.start(form, &draft);
        let booked_at = draft
            .booked_at
            .take()
            .and_then(|text| checked(form, "booked_at", self.dates.day_or_moment(text.as_str())));
        self.check_times(form, start, booked_at);
        let tables = self.tables(form, &draft);
        let area = self.area(form, &draft);
        let contact = self.contact(form, &mut draft);
        let status = match &draft.status {
            Some(word) => checked(form, "status", self.mapping.status(word.as_str())),
            None => Some(ImportedStatus::Confirmed),
        };
        Self::check_customer(form, draft.customer_id.as_ref());
        let (size, start, contact) = (draft.party_size?, start?, contact?);
        let status = status?;
        let minutes = draft.duration_minutes.map(u32::from);
        let window = TimeWindow::starting(start, minutes.unwrap_or_else(|| self.venue.stay_minutes(size)));
        // By the values of the file alone: time passes, and the rules of the venue change, until a second run.
        let digest = digest(&[&status.word(), &start, &minutes.unwrap_or_default(), &size]);
        let is_over = status == ImportedStatus::Confirmed && self.now >= window.end;
        let status = if is_over { self.mapping.ended_as.unwrap_or(status) } else { status };
        let is_overdue = is_over && status == ImportedStatus::Confirmed;
        let reference = draft.reference.map(String::from);
        let has_reference = reference.is_some();
        let key = self.key(form, line, reference, (start, size))?;
        let created = ReservationCreated {
            venue_id: self.venue.id.clone(),
            customer_id: draft.customer_id.or_else(|| "imported".parse().ok())?,
            party_size: size,
            window,
            timezone: self.venue.timezone.name().to_owned(),
            locale: draft.locale.unwrap_or(self.venue.locale),
            policy: self.venue.walk_in_policy(size),
            area,
            payment_channel: None,
            // Set once the contact is sealed.
            contact_digest: ConfidentialDigest::of(&[]),
            contact_proof: None,
            walk_in: false,
            source: Some(self.mapping.source().to_owned()),
            imported: Some(Box::new(Imported { status, booked_at })),
        };
        let (former_key, former_digest) = (None, None);
        let key = IdempotencyKey { digest, key, former_key, former_digest, unused_up_to: Position::START };
        Some(FileBooking { line, created, tables, contact, key, has_reference, is_overdue })
    }

    fn start(&self, form: &mut Form, draft: &drafts::ImportedBooking) -> Option<DateTime<Utc>> {
        match (&draft.start_time, &draft.date, &draft.time) {
            (Some(text), _, _) => checked(form, "start_time", self.dates.moment(text.as_str())),
            (None, Some(date), Some(time)) => {
                checked(form, "date", self.dates.at(date.as_str(), time.as_str()))
            }
            (None, date, _) => {
                let name = if date.is_some() { "time" } else { "date" };
                form.fault(name, "missing", "the time of the arrival is missing", None);
                None
            }
        }
    }

    /// Dates far from now are mistakes, for example of the century.
    fn check_times(&self, form: &mut Form, start: Option<DateTime<Utc>>, booked_at: Option<DateTime<Utc>>) {
        let Some(start) = start else { return };
        let last = self.now + TimeDelta::days(DAYS_AHEAD_MAX);
        if start.year() < FIRST_YEAR || start > last {
            let fault = format!(
                "{} is before {FIRST_YEAR} or more than {DAYS_AHEAD_MAX} days ahead",
                start.date_naive()
            );
            form.fault("start_time", "value_error", fault, None);
        }
        if let Some(booked_at) = booked_at.filter(|at| *at > start.min(self.now)) {
            let fault = format!("{} is after the visit or in the future", booked_at.date_naive());
            form.fault("booked_at", "value_error", fault, None);
        }
    }

    /// Events contain the id of the customer and cannot be changed, so it must not be personal data.
    fn check_customer(form: &mut Form, id: Option<&CustomerId>) {
        if id.is_some_and(|id| id.as_str().contains('@') || id.as_str().starts_with('+')) {
            let fault = "an e-mail address or a phone number would stay in the log: leave it out";
            form.fault("customer_id", "value_error", fault, None);
        }
    }

    fn tables(&self, form: &mut Form, draft: &drafts::ImportedBooking) -> Vec<TableId> {
        let Some(text) = &draft.tables else { return Vec::new() };
        let Some(rules) = &self.venue.rules else {
            let fault = "staff assign the tables of this venue: leave the column out";
            form.fault("tables", "value_error", fault, None);
            return Vec::new();
        };
        let mut tables = Vec::new();
        let has_spaces = rules.tables.iter().any(|table| table.id.as_str().contains(' '));
        let ends = |c: char| matches!(c, ',' | ';' | '+') || (c == ' ' && !has_spaces);
        for name in text.as_str().split(ends).map(str::trim).filter(|name| !name.is_empty()) {
            match rules.tables.iter().find(|table| table.id.as_str().eq_ignore_ascii_case(name)) {
                Some(table) if tables.contains(&table.id) => {}
                Some(table) => tables.push(table.id.clone()),
                None => {
                    let fault = format!("there is no table {name:?} at {}", self.venue.id);
                    form.fault("tables", "value_error", fault, None);
                }
            }
        }
        if tables.len() > TABLES_PER_PARTY_MAX {
            let fault = format!("a party has at most {TABLES_PER_PARTY_MAX} tables");
            form.fault("tables", "value_error", fault, None);
        }
        tables
    }

    fn area(&self, form: &mut Form, draft: &drafts::ImportedBooking) -> Option<String> {
        let asked = draft.area.as_ref()?.as_str();
        let Some(rules) = &self.venue.rules else {
            let fault = "staff assign the tables of this venue: leave the column out";
            form.fault("area", "value_error", fault, None);
            return None;
        };
        let known = rules.areas().into_iter().find(|area| area.to_lowercase() == asked.to_lowercase());
        let unknown = || format!("there is no area {asked:?}: {}", rules.areas().join(", "));
        checked(form, "area", known.map(|area| area.to_owned()).ok_or_else(unknown))
    }

    fn contact(&self, form: &mut Form, draft: &mut drafts::ImportedBooking) -> Option<Contact> {
        let name = draft.name.take().and_then(|text| checked(form, "name", contact::name(text.as_str())));
        let phone = draft
            .phone
            .take()
            .map(|text| checked(form, "phone", contact::phone(text.as_str(), &self.venue.country)));
        let email = draft.email.take().map(|text| checked(form, "email", contact::email(text.as_str())));
        let email = email.flatten();
        Some(Contact {
            name: name?,
            phone: phone.flatten().unwrap_or_default(),
            email: email.as_ref().map(|email| email.ascii.clone()).unwrap_or_default(),
            email_typed: email.and_then(|email| email.typed),
            table_preference: draft.table_preference.take().map(String::from),
            special_requests: draft.special_requests.take().map(String::from),
            allergies: draft.allergies.take().map(String::from),
            high_chairs: draft.high_chairs.take().map_or(0, u32::from),
            staff_notes: draft.staff_notes.take().map(String::from),
        })
    }

    /// The key that identifies the booking in a second run: from its reference there; or from its start, its size, and its place
    /// among those with the same.
    fn key(
        &mut self,
        form: &mut Form,
        line: u64,
        reference: Option<String>,
        (start, size): (DateTime<Utc>, PartySize),
    ) -> Option<String> {
        let reference = match reference {
            Some(reference) => {
                if let Some(first) = self.references.insert(reference.clone(), line) {
                    let fault = format!("{reference:?} is also the reference of line {first}");
                    form.fault("reference", "value_error", fault, None);
                    return None;
                }
                reference
            }
            None => {
                let place = self.unnamed.entry((start, size)).or_default();
                *place += 1;
                format!("{start} {size} {place}")
            }
        };
        let digest = digest(&[&self.venue.id, &self.mapping.source(), &reference]);
        Some(format!("import/{digest}"))
    }
}

/// The value of `result`. The words of an error contain the text that was read.
fn checked<T>(form: &mut Form, column: &str, result: Result<T, String>) -> Option<T> {
    result.map_err(|fault| form.fault(column, "value_error", fault, None)).ok()
}

/// A digest that identifies texts without revealing them.
fn digest(parts: &[&dyn std::fmt::Display]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        let part = part.to_string();
        hasher.update(part.len().to_be_bytes());
        hasher.update(part);
    }
    hex::encode(&hasher.finalize()[..16])
}
