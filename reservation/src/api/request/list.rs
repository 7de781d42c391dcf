//! Requests for lists and counts of reservations.

use access::Caller;
use chassis::api::{Cursor, PageQuery};
use chrono::NaiveDate;
use chrono_tz::Tz;
use contract::form::Form;
use contract::reservation::queries::drafts::{Page, Search, SelectReservations};
use events::ReservationId;
use uuid::Uuid;

use super::as_it_was::check_list;
use super::{instant_of, known_service, known_venue};
use crate::app::App;
use crate::app::projections::{Filter, ListKey};
use crate::app::queries::search::FOUND_MAX;
use crate::app::search::SearchQuery;
use crate::domain::availability::calendar_day;

/// A request for a page of reservations.
pub(in crate::api) struct ListRequest {
    /// The selection.
    pub(in crate::api) filter: Filter,
    /// The last reservation of the previous page.
    pub(in crate::api) after: Option<ListKey>,
    /// The words of a search.
    pub(in crate::api) search: Option<SearchQuery>,
    /// Maximum number of reservations, if the request names one.
    pub(in crate::api) limit: Option<usize>,
    /// The query without the cursor, for the link to the next page.
    pub(in crate::api) query: PageQuery,
}

/// Reads the query of `GET /api/reservations`. `query`: all of it, also what was taken from the form before.
pub(in crate::api) fn list(
    form: &mut Form,
    app: &App,
    caller: &Caller,
    query: PageQuery,
) -> Option<ListRequest> {
    let Page { cursor, limit } = Page::take(form);
    let after = cursor.and_then(|text| form.checked(&["cursor"], text.as_str(), place(text.as_str())));
    let search = search(form, after.is_some(), limit.map(usize::from));
    let filter = filter(form, app, caller);
    if let Some(filter) = &filter {
        check_list(form, app, filter, search.is_some());
    }
    Some(ListRequest { filter: filter?, after, search, limit: limit.map(usize::from), query })
}

fn search(form: &mut Form, has_cursor: bool, limit: Option<usize>) -> Option<SearchQuery> {
    let words = Search::take(form).q?;
    if has_cursor {
        form.fault("cursor", "value_error", "a search has one page: use either q or cursor", None);
    }
    if let Some(limit) = limit.filter(|limit| *limit > FOUND_MAX) {
        let fault = format!("a search finds at most {FOUND_MAX} reservations");
        form.fault("limit", "value_error", fault, Some(limit.into()));
    }
    form.checked(&["q"], words.as_str(), SearchQuery::parse(words.as_str()))
}

/// Reads the selection of reservations in a query. A date means the business day of the venue.
pub(in crate::api) fn filter(form: &mut Form, app: &App, caller: &Caller) -> Option<Filter> {
    let draft = SelectReservations::take(form);
    let (first, last) = days(form, &draft);
    let has_venue = draft.venue_id.is_some();
    let venue = known_venue(form, app, caller, draft.venue_id);
    let rules = venue.as_ref().and_then(|id| app.venues.get(Some(id)));
    let zone = rules.as_ref().map_or(Tz::UTC, |venue| venue.timezone);
    let from = draft.from.as_ref().and_then(|time| instant_of(form, "from", time, zone));
    let to = draft.to.as_ref().and_then(|time| instant_of(form, "to", time, zone));
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        let input = draft.to.as_ref().map(|time| time.to_string().into());
        form.fault("to", "value_error", "this is before the time in from", input);
    }
    let day = |date| rules.as_ref().map_or_else(|| calendar_day(zone, date), |venue| venue.day(date));
    let (first, last) = (first.map(day), last.map(day));
    let service = draft.service.and_then(|name| {
        let name = String::from(name);
        let known = rules.filter(|_| has_venue).filter(|venue| venue.rules.is_some());
        let known = known.ok_or_else(|| "only with a venue that has services".to_owned());
        let known = known.and_then(|venue| known_service(&venue, &name).map(|()| venue));
        form.checked(&["service"], name.clone(), known).map(|venue| (venue, name))
    });
    Some(Filter {
        status: draft.status,
        from: first.map(|day| day.start).or(from),
        to: last.map(|day| day.end).or(to),
        customer_id: draft.customer_id,
        venue_id: venue.filter(|_| has_venue),
        code: draft.code,
        needs_table: draft.needs_table,
        service,
        venues: caller.venues.clone(),
    })
}

/// The first and the last business day.
fn days(form: &mut Form, draft: &SelectReservations) -> (Option<NaiveDate>, Option<NaiveDate>) {
    let (first, last) = (draft.from_date, draft.to_date);
    let ways =
        [draft.date.is_some(), first.is_some() || last.is_some(), draft.from.is_some() || draft.to.is_some()];
    if ways.iter().filter(|is_used| **is_used).count() > 1 {
        let name = if draft.date.is_some() { "date" } else { "from_date" };
        let msg = "use either date, or from_date and to_date, or from and to";
        form.fault(name, "value_error", msg, None);
    }
    if let (Some(first), Some(last)) = (first, last)
        && first > last
    {
        form.fault(
            "to_date",
            "value_error",
            "this is before the date in from_date",
            Some(last.to_string().into()),
        );
    }
    (draft.date.or(first), draft.date.or(last))
}

/// The cursor of the page after the reservation at `place`.
pub(in crate::api) fn cursor((at, id): ListKey) -> String {
    Cursor { at, key: id.0.as_bytes().to_vec() }.text()
}

fn place(text: &str) -> Result<ListKey, &'static str> {
    let Cursor { at, key } = Cursor::parse(text)?;
    let id = Uuid::from_slice(&key).map_err(|_| "this is not a cursor of this list")?;
    Ok((at, ReservationId(id)))
}
