//! Requests for lists and counts of reservations.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Days, NaiveDate, NaiveTime};
use chrono_tz::Tz;
use contract::form::Form;
use contract::reservation::queries::drafts::{CountReservations, ListReservations};
use events::ReservationId;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use uuid::Uuid;

use super::{instant_of, known_venue};
use crate::app::App;
use crate::app::projections::{Filter, ListKey};
use crate::domain::availability::resolve;

const LIMIT_DEFAULT: usize = 50;

/// All characters but the unreserved ones of RFC 3986 §2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A request for a page of reservations.
pub(in crate::api::http) struct ListRequest {
    /// Which reservations.
    pub(in crate::api::http) filter: Filter,
    /// The last reservation of the previous page.
    pub(in crate::api::http) after: Option<ListKey>,
    /// Maximum number of reservations.
    pub(in crate::api::http) limit: usize,
    /// The query without the cursor, for the link to the next page.
    query: String,
}

/// Reads the query of `GET /api/reservations`.
pub(in crate::api::http) fn list(form: &mut Form, app: &App) -> Option<ListRequest> {
    let query =
        form.texts().filter(|(name, _)| *name != "cursor").fold(String::new(), |query, (name, text)| {
            query + name + "=" + &utf8_percent_encode(text, RESERVED).to_string() + "&"
        });
    let ListReservations { status, date, from, to, customer_id, venue_id, cursor, limit } =
        ListReservations::take(form);
    let after = cursor.and_then(|text| {
        let key = parse_cursor(text.as_str());
        form.checked(
            &["cursor"],
            key.ok_or("this is not a cursor: use next_cursor or the Link header of a page"),
        )
    });
    let filter = filter(form, app, CountReservations { status, date, from, to, customer_id, venue_id });
    Some(ListRequest { filter: filter?, after, limit: limit.map_or(LIMIT_DEFAULT, usize::from), query })
}

/// Reads the query of `GET /api/stats`.
pub(in crate::api::http) fn stats(form: &mut Form, app: &App) -> Option<Filter> {
    let draft = CountReservations::take(form);
    filter(form, app, draft)
}

/// Which reservations are wanted. A date means the whole day at the venue.
fn filter(form: &mut Form, app: &App, draft: CountReservations) -> Option<Filter> {
    let has_venue = draft.venue_id.is_some();
    let venue = known_venue(form, app, draft.venue_id);
    let zone = venue.as_ref().and_then(|id| app.venues.get(Some(id))).map_or(Tz::UTC, |venue| venue.timezone);
    let from = draft.from.and_then(|time| instant_of(form, "from", time, zone));
    let to = draft.to.and_then(|time| instant_of(form, "to", time, zone));
    if draft.date.is_some() && (draft.from.is_some() || draft.to.is_some()) {
        form.fault("date", "value_error", "use either date, or from and to", None);
    }
    let start_of = |date: NaiveDate| resolve(zone, date.and_time(NaiveTime::MIN));
    let day = draft.date.map(|date| {
        let next = date.checked_add_days(Days::new(1)).unwrap_or(date);
        (start_of(date), start_of(next))
    });
    Some(Filter {
        status: draft.status,
        from: day.map(|(from, _)| from).or(from),
        to: day.map(|(_, to)| to).or(to),
        customer_id: draft.customer_id,
        venue_id: venue.filter(|_| has_venue),
    })
}

impl ListRequest {
    /// The cursor of the page after `last`, and the link to that page.
    pub(in crate::api::http) fn next(&self, (start, id): ListKey) -> (String, String) {
        let key = [&start.timestamp_micros().to_be_bytes()[..], id.0.as_bytes()].concat();
        let cursor = URL_SAFE_NO_PAD.encode(key);
        let link = format!("</api/reservations?{}cursor={cursor}>; rel=\"next\"", self.query);
        (cursor, link)
    }
}

fn parse_cursor(text: &str) -> Option<ListKey> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (start, id) = bytes.split_at_checked(8)?;
    let start = DateTime::from_timestamp_micros(i64::from_be_bytes(start.try_into().ok()?))?;
    Some((start, ReservationId(Uuid::from_slice(id).ok()?)))
}
