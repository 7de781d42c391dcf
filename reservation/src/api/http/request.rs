//! Reads bodies and queries into commands, requests and filters. Nothing is checked again after this.

mod contact;
mod day;
mod results;
mod waitlist;
mod walk_in;

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use chrono_tz::Tz;
use contract::form::Form;
use events::event::ReservationCreated;
use events::values::{CancelledBy, Locale, PartySize, TimeWindow};
use events::{AssignmentId, CustomerId, TableId, VenueId};

use self::contact::contact_info;
use self::day::{area, check_is_open};
pub(super) use self::day::{availability, floor};
pub(super) use self::results::{message_result, notification_result, payment_result};
pub(super) use self::waitlist::joining;
pub(super) use self::walk_in::walk_in;
use crate::app::App;
use crate::app::confidential::{Contact, Description, SealedPayload, seal};
use crate::app::projections::Filter;
use crate::domain::availability::{instant, resolve};
use crate::domain::reservation::TableChoice;
use crate::domain::reservation::booking::BookingRequest;
use crate::domain::venue::Venue;
use crate::domain::{Command, Reservation, Status};

/// Possible lengths of a stay.
const DURATION_MINUTES: std::ops::RangeInclusive<i64> = 15..=480;
/// How far ahead a party can arrive.
const NOTICE_DAYS_MAX: u64 = 365;

/// A requested booking or walk-in.
pub(super) struct Booking {
    /// The event, if the request is accepted.
    pub(super) created: ReservationCreated,
    /// The contact of the guest.
    pub(super) contact: Contact,
    /// The same as the confidential payload of the event.
    pub(super) payload: Bytes,
}

pub(super) fn booking(form: &mut Form, app: &App) -> Option<Booking> {
    let customer_id = form.parsed("customer_id", CustomerId::MAX_CHARS, str::parse::<CustomerId>);
    let venue = venue(form, app);
    let venue = venue.as_deref();
    let start = venue.and_then(|venue| start_time(form, "start_time", venue.timezone, app.env.now()));
    let minutes = duration(form);
    let party_size = form.optional_integer("party_size", 1, i64::from(PartySize::MAX));
    let area = area(form, venue);
    let (payment_channel, locale) = (payment_channel(form, app), locale(form));
    let table_preference = form.optional_text("table_preference", 64);
    let special_requests = form.optional_prose("special_requests", 500);
    let contact =
        contact_info(form, venue).map(|contact| Contact { table_preference, special_requests, ..contact });
    if venue.is_none() {
        // The zone of the venue is needed to parse it. Mark it as read, so that it is not an unknown field.
        form.optional_text("start_time", 40);
    }
    let party_size = PartySize::try_from(party_size.unwrap_or(2)).ok()?;
    if let (Some(venue), Some(start)) = (venue, start) {
        check_is_open(form, "start_time", venue, start);
    }
    let (venue, contact) = (venue?, contact?);
    let SealedPayload { bytes: payload, digest: contact_digest } = seal(&contact, app.env.as_ref()).ok()?;
    let request = BookingRequest {
        customer_id: customer_id?,
        party_size,
        start: start?,
        minutes,
        area,
        payment_channel,
        locale,
        contact_digest,
    };
    Some(Booking { created: request.booking(venue), contact, payload })
}

fn payment_channel(form: &mut Form, app: &App) -> Option<String> {
    form.optional_parsed("payment_channel", 32, |code| app.channels.check(code).map(|()| code.to_owned()))
}

fn locale(form: &mut Form) -> Option<Locale> {
    form.optional_parsed("locale", 35, |tag| {
        Locale::from_tag(tag).ok_or_else(|| format!("{tag:?} is not a supported language: id or en"))
    })
}

fn parse_date(text: &str) -> Result<NaiveDate, String> {
    text.parse::<NaiveDate>().map_err(|_| format!("{text:?} is not a date such as 2026-12-24"))
}

fn venue(form: &mut Form, app: &App) -> Option<Arc<Venue>> {
    let known = || app.venues.ids().iter().map(VenueId::as_str).collect::<Vec<_>>().join(", ");
    match form.optional_parsed("venue_id", VenueId::MAX_CHARS, |text| {
        let venue = text.parse().ok().and_then(|id| app.venues.get(Some(&id)));
        venue.ok_or_else(|| format!("there is no venue {text:?}; choose one of: {}", known()))
    }) {
        Some(venue) => Some(venue),
        None if form.has_fault("venue_id") => None,
        None => app.venues.get(None),
    }
}

/// A venue with a file, or one whose file was removed: its reservations stay visible.
pub(super) fn known_venue(form: &mut Form, app: &App) -> Option<VenueId> {
    let removed = form.peek("venue_id").and_then(|text| text.parse::<VenueId>().ok());
    match removed.filter(|id| app.venues.get(Some(id)).is_none() && app.projections.venue_ids().contains(id))
    {
        Some(id) => {
            form.discard("venue_id");
            Some(id)
        }
        None => venue(form, app).map(|venue| venue.id.clone()),
    }
}

fn start_time(form: &mut Form, name: &str, zone: Tz, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    form.parsed(name, 40, |text| parse_start(text, zone, now))
}

/// A possible arrival time.
fn parse_start(text: &str, zone: Tz, now: DateTime<Utc>) -> Result<DateTime<Utc>, String> {
    let start = parse_time(text, zone)?;
    if start.timestamp_subsec_nanos() >= 1_000_000_000 {
        return Err(format!("{text} is a leap second, which cannot be booked"));
    }
    if start < now {
        return Err(format!("{text} is in the past"));
    }
    if start > now + Days::new(NOTICE_DAYS_MAX) {
        return Err(format!("{text} is more than {NOTICE_DAYS_MAX} days away"));
    }
    Ok(start)
}

/// Parses RFC 3339, or a local time of the venue without an offset.
fn parse_time(text: &str, zone: Tz) -> Result<DateTime<Utc>, String> {
    // Seconds can be omitted, with an offset too.
    if let Ok(time) =
        DateTime::parse_from_rfc3339(text).or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M%:z"))
    {
        return Ok(time.to_utc());
    }
    let local = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    let local = local.ok_or_else(|| {
        format!("{text:?} is not a time such as 2026-12-24T19:30 or 2026-12-24T19:30:00+07:00")
    })?;
    instant(zone, local).map_err(|error| error.to_string())
}

fn duration(form: &mut Form) -> Option<u32> {
    let minutes =
        form.optional_integer("duration_minutes", *DURATION_MINUTES.start(), *DURATION_MINUTES.end());
    minutes.and_then(|minutes| u32::try_from(minutes).ok())
}

pub(super) fn confirm(form: &mut Form) -> Option<Command> {
    Some(Command::Confirm { waive_deposit: form.flag("waive_deposit") })
}

/// For a table of the venue the id suffices. Other members take precedence over the venue file.
pub(super) fn assign_table(form: &mut Form, app: &App, reservation: &Reservation) -> Option<Command> {
    let table_id = form.parsed("table_id", TableId::MAX_CHARS, str::parse::<TableId>);
    let capacity =
        form.optional_integer("capacity", 1, i64::from(PartySize::MAX)).and_then(|n| u8::try_from(n).ok());
    let area = form.optional_text("area", 64);
    let known = table_id
        .as_ref()
        .and_then(|id| app.venues.get(Some(&reservation.booking.venue_id))?.table(id).cloned());
    let unknown = |name| format!("the table is not in the venue file, so its {name} is required");
    if known.is_none() && table_id.is_some() {
        if capacity.is_none() && !form.has_fault("capacity") {
            form.fault("capacity", "missing", unknown("capacity"), None);
        }
        if area.is_none() && !form.has_fault("area") {
            form.fault("area", "missing", unknown("area"), None);
        }
    }
    Some(Command::AssignTable(TableChoice {
        assignment_id: AssignmentId(app.env.new_id()),
        table_id: table_id?,
        capacity: capacity.or(known.as_ref().map(|table| table.seats))?,
        area: area.or(known.map(|table| table.area))?,
    }))
}

pub(super) fn reschedule(form: &mut Form, app: &App, reservation: &Reservation) -> Option<Command> {
    // The zone of the booking: the venue may have a new one, or its file may have been removed.
    let zone = reservation.booking.timezone.parse().unwrap_or(Tz::UTC);
    let start = start_time(form, "start_time", zone, app.env.now());
    let previous = u32::try_from(reservation.window().minutes()).ok()?;
    let minutes = duration(form).unwrap_or(previous);
    let venue = app.venues.get(Some(&reservation.booking.venue_id));
    let area = area(form, venue.as_deref());
    if let (Some(venue), Some(start)) = (venue, start) {
        check_is_open(form, "start_time", &venue, start);
    }
    Some(Command::Reschedule { window: TimeWindow::starting(start?, minutes), area })
}

pub(super) fn party_size(form: &mut Form, app: &App, reservation: &Reservation) -> Option<Command> {
    let guests = form.integer("party_size", 1, i64::from(PartySize::MAX));
    let area = area(form, app.venues.get(Some(&reservation.booking.venue_id)).as_deref());
    Some(Command::ChangePartySize { size: PartySize::try_from(guests?).ok()?, area })
}

pub(super) fn cancel(form: &mut Form, app: &App) -> Option<(Command, Option<SealedPayload>)> {
    let reason_code = form.parsed("reason_code", 64, code);
    let description = form.optional_prose("description", 500);
    let by = form.optional_parsed("cancelled_by", 10, |text| match text {
        "guest" => Ok(CancelledBy::Guest),
        "staff" => Ok(CancelledBy::Staff),
        other => Err(format!("{other:?} is neither guest nor staff")),
    });
    let sealed = match description {
        Some(description) => Some(seal(&Description { description }, app.env.as_ref()).ok()?),
        None => None,
    };
    let description_digest = sealed.as_ref().map(|sealed| sealed.digest.clone());
    let by = by.unwrap_or(CancelledBy::Guest);
    Some((Command::Cancel { by, reason_code: reason_code?, description_digest }, sealed))
}

/// A stable code. It is part of events, which must not contain free text.
fn code(text: &str) -> Result<String, String> {
    let fits = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    if fits {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "{text:?} is not a code of letters, digits and _ - . such as guest_request; use the description for free text"
        ))
    }
}

pub(super) fn erase_contact(form: &mut Form) -> Option<Command> {
    let reason_code = form.optional_parsed("reason_code", 64, code);
    Some(Command::EraseContact { reason_code: reason_code.unwrap_or_else(|| "guest_request".into()) })
}

/// Reads `status, date, from, to, customer_id, venue_id`. A date means the whole day at the venue.
pub(super) fn filter(form: &mut Form, app: &App) -> Option<Filter> {
    let status = form.optional_parsed("status", 20, |text| {
        let word = text.to_ascii_uppercase();
        let known = Status::WORDS;
        if known.contains(&word.as_str()) {
            Ok(word)
        } else {
            Err(format!("{text:?} is not a status: {}", known.join(", ")))
        }
    });
    let customer_id = form.optional_parsed("customer_id", CustomerId::MAX_CHARS, str::parse::<CustomerId>);
    let has_venue = form.has("venue_id");
    let venue = known_venue(form, app);
    let zone = venue.as_ref().and_then(|id| app.venues.get(Some(id))).map_or(Tz::UTC, |venue| venue.timezone);
    let date = form.optional_parsed("date", 10, parse_date);
    let from = form.optional_parsed("from", 40, |text| parse_time(text, zone));
    let to = form.optional_parsed("to", 40, |text| parse_time(text, zone));
    if date.is_some() && (from.is_some() || to.is_some()) {
        form.fault("date", "value_error", "use either date, or from and to", None);
    }
    let start_of = |date: NaiveDate| resolve(zone, date.and_time(NaiveTime::MIN));
    let day = date.map(|date| (start_of(date), start_of(date + Days::new(1))));
    Some(Filter {
        status,
        from: day.map(|(from, _)| from).or(from),
        to: day.map(|(_, to)| to).or(to),
        customer_id,
        venue_id: venue.filter(|_| has_venue),
    })
}
