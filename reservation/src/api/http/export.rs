//! Lists and counts in the formats of other programs: CSV for spreadsheets, iCalendar for calendars.

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use chassis::api::{APPLICATION_JSON, Accepted, TEXT_CALENDAR, TEXT_CSV};
use chassis::problem::Problem;
use chassis::tables::{Cell, table};
use contract::reservation::stats::Stats;
use contract::reservation::view::{DepositView, ReservationView};
use contract::reservation::waitlist::WaitlistView;
use contract::reservation::words::ReservationStatus;
use icalendar::{Calendar, Component as _, Event, EventLike as _, EventStatus, Property};
use mediatype::MediaTypeBuf;

/// Maximum number of reservations in a response for other programs.
pub(super) const EXPORTED_MAX: usize = 10_000;

/// How often calendars read a list again, ISO 8601.
const REFRESH_INTERVAL: &str = "PT15M";

/// The format of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Csv,
    Calendar,
}

impl Format {
    /// The format that a request prefers: JSON without a preference.
    pub(super) fn preferred(headers: &HeaderMap) -> Self {
        let offered = [APPLICATION_JSON, TEXT_CSV, TEXT_CALENDAR].map(MediaTypeBuf::from);
        match Accepted::of(headers).best(&offered) {
            Some(1) => Self::Csv,
            Some(2) => Self::Calendar,
            _ => Self::Json,
        }
    }
}

/// A response with CSV.
fn respond_csv(table: Result<Vec<u8>, csv::Error>) -> Result<Response, Problem> {
    let table = table.map_err(|error| Problem::internal(&error))?;
    let media_type = [(header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present")];
    Ok((media_type, table).into_response())
}

/// Says that the response depends on `Accept`.
pub(super) fn varying(mut response: Response) -> Response {
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
    response
}

/// Reservations as CSV, one per line.
pub(super) fn reservations_csv(items: &[ReservationView]) -> Result<Response, Problem> {
    const COLUMNS: [&str; 23] = [
        "reservation_id",
        "code",
        "venue_id",
        "status",
        "start_time",
        "end_time",
        "party_size",
        "name",
        "area",
        "tables",
        "needs_table",
        "deposit_status",
        "deposit_minor",
        "currency",
        "source",
        "table_preference",
        "special_requests",
        "has_allergies",
        "high_chairs",
        "staff_notes",
        "tags",
        "customer_id",
        "created_at",
    ];
    let row = |view: &ReservationView| {
        let DepositView { status, amount_minor, currency, .. } = &view.deposit;
        let tables: Vec<_> = view.tables.iter().map(|table| table.table_id.to_string()).collect();
        vec![
            Cell::own(Some(view.reservation_id)),
            Cell::own(Some(view.code)),
            Cell::own(Some(&view.venue_id)),
            Cell::own(Some(view.status)),
            Cell::own(Some(view.start_time)),
            Cell::own(Some(view.end_time)),
            Cell::own(Some(view.party_size)),
            Cell::text(view.contact_name.clone()),
            Cell::text(view.table_area.clone()),
            Cell::Text(tables.join(" ")),
            Cell::own(Some(view.needs_table)),
            Cell::own(Some(status)),
            Cell::own(*amount_minor),
            Cell::own(*currency),
            Cell::Text(view.source.clone()),
            Cell::text(view.table_preference.clone()),
            Cell::text(view.special_requests.clone()),
            Cell::own(Some(view.has_allergies)),
            Cell::own(Some(view.high_chairs)),
            Cell::text(view.staff_notes.clone()),
            Cell::Text(view.tags.join(" ")),
            Cell::Text(view.customer_id.to_string()),
            Cell::own(Some(view.created_at.to_rfc3339())),
        ]
    };
    respond_csv(table(&COLUMNS, items.iter().map(row)))
}

/// A waitlist as CSV, one party per line.
pub(super) fn waitlist_csv(items: &[WaitlistView]) -> Result<Response, Problem> {
    const COLUMNS: [&str; 11] = [
        "waitlist_id",
        "venue_id",
        "status",
        "place_in_line",
        "party_size",
        "name",
        "area",
        "earliest_time",
        "latest_time",
        "offer_expires_at",
        "created_at",
    ];
    let row = |view: &WaitlistView| {
        vec![
            Cell::own(Some(view.waitlist_id)),
            Cell::own(Some(&view.venue_id)),
            Cell::own(Some(view.status)),
            Cell::own(view.place_in_line),
            Cell::own(Some(view.party_size)),
            Cell::text(view.contact_name.clone()),
            Cell::text(view.area.clone()),
            Cell::own(Some(view.earliest_time)),
            Cell::own(Some(view.latest_time)),
            Cell::own(view.offer.as_ref().map(|offer| offer.expires_at.to_rfc3339())),
            Cell::own(Some(view.created_at.to_rfc3339())),
        ]
    };
    respond_csv(table(&COLUMNS, items.iter().map(row)))
}

/// Counts as CSV: a line for each group, or one for the total without groups. The column `key` is empty for the total.
pub(super) fn stats_csv(stats: &Stats) -> Result<Response, Problem> {
    let statuses = ReservationStatus::ALL.iter().map(|status| status.word().to_lowercase());
    let columns = [
        "key",
        "reservations",
        "covers",
        "no_show_rate",
        "average_turn_minutes",
        "average_planned_minutes",
        "average_lead_hours",
    ];
    let money = ["deposits_minor", "revenue_minor"];
    let columns = columns.into_iter().map(str::to_owned).chain(statuses).chain(money.map(str::to_owned));
    let columns: Vec<_> = columns.collect();
    let sums = |sums: &std::collections::BTreeMap<events::values::Currency, i64>| {
        let sums: Vec<_> = sums.iter().map(|(currency, minor)| format!("{currency} {minor}")).collect();
        Cell::Own(sums.join(" "))
    };
    let row = |counts: &Stats| {
        let first = [
            Cell::text(counts.key.clone()),
            Cell::own(Some(counts.reservations)),
            Cell::own(Some(counts.covers)),
            Cell::own(counts.no_show_rate),
            Cell::own(counts.average_turn_minutes),
            Cell::own(counts.average_planned_minutes),
            Cell::own(counts.average_lead_hours),
        ];
        let statuses = ReservationStatus::ALL.iter().map(|status| Cell::own(counts.by_status.get(status)));
        let money = [sums(&counts.deposits_minor), sums(&counts.revenue_minor)];
        first.into_iter().chain(statuses).chain(money).collect::<Vec<_>>()
    };
    let rows: Vec<_> = match &stats.groups {
        Some(groups) => groups.iter().map(row).collect(),
        None => vec![row(stats)],
    };
    let columns: Vec<_> = columns.iter().map(String::as_str).collect();
    respond_csv(table(&columns, rows))
}

/// Reservations as a calendar (RFC 5545, RFC 7986), without phone numbers and e-mail addresses.
pub(super) fn calendar(name: &str, items: &[ReservationView]) -> Response {
    let mut calendar = Calendar::empty();
    for (property, value) in
        [("VERSION", "2.0"), ("PRODID", "-//Meja//reservation//EN"), ("CALSCALE", "GREGORIAN")]
    {
        calendar.append_property(Property::new(property, value));
    }
    calendar.name(name);
    let mut refresh = Property::new("REFRESH-INTERVAL", REFRESH_INTERVAL);
    calendar.append_property(refresh.add_parameter("VALUE", "DURATION").done());
    calendar.append_property(Property::new("X-PUBLISHED-TTL", REFRESH_INTERVAL));
    for view in items {
        calendar.push(event(view));
    }
    let media_type = [(header::CONTENT_TYPE, "text/calendar; charset=utf-8")];
    (media_type, calendar.done().to_string()).into_response()
}

fn event(view: &ReservationView) -> Event {
    let tables: Vec<_> = view.tables.iter().map(|table| table.table_id.to_string()).collect();
    let name = view.contact_name.as_deref().unwrap_or("–");
    let place = if tables.is_empty() { String::new() } else { format!(" ({})", tables.join(", ")) };
    let allergies = view.has_allergies.then(|| "Allergies: read the booking".to_owned());
    let chairs = (view.high_chairs > 0).then(|| format!("High chairs: {}", view.high_chairs));
    let wishes = [allergies, chairs, view.special_requests.clone(), view.table_preference.clone()];
    let wishes: Vec<_> = wishes.into_iter().flatten().collect();
    let mut event = Event::new();
    event
        .uid(&format!("{}@{}", view.reservation_id, view.venue_id))
        .summary(&format!("{} × {name}{place}", view.party_size))
        .starts(view.start_time.0.to_utc())
        .ends(view.end_time.0.to_utc())
        .timestamp(view.created_at)
        .sequence(u32::try_from(view.version).unwrap_or(u32::MAX))
        .status(match view.status {
            ReservationStatus::Pending => EventStatus::Tentative,
            ReservationStatus::Cancelled | ReservationStatus::NoShow => EventStatus::Cancelled,
            _ => EventStatus::Confirmed,
        });
    if let Some(area) = &view.table_area {
        event.location(area);
    }
    if !wishes.is_empty() {
        event.description(&wishes.join("\n"));
    }
    event.done()
}
