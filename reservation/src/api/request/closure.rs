//! Requests to close a venue or a part of it.

use chrono::{DateTime, NaiveDate, Utc};
use contract::form::Form;
use contract::reservation::closures::drafts;
use contract::values::{Line, List};
use events::TableId;

use super::known_service;
use super::reason::reason;
use crate::app::commands::ClosureCommand;
use crate::domain::closure::{CLOSURE_DAYS_MAX, ClosureRequest};
use crate::domain::venue::Venue;

/// Reads the body of `POST /api/venues/{venue_id}/closures`.
pub(in crate::api) fn close_venue(
    form: &mut Form,
    venue: &Venue,
    now: DateTime<Utc>,
) -> Option<ClosureCommand> {
    let draft = drafts::CloseVenue::take(form);
    let to = draft.to.or(draft.from);
    let days = draft.from.zip(to).and_then(|(from, to)| {
        let today = venue.date_of(now);
        let begins = match from < today {
            true => Err(format!("this is before today, which is {today}")),
            false => Ok(from),
        };
        let begins = form.checked(&["from"], from.to_string(), begins);
        begins.zip(form.checked(&["to"], to.to_string(), last_day(from, to)))
    });
    let service = draft.service.and_then(|service| {
        let name = String::from(service);
        let known = known_service(venue, &name);
        form.checked(&["service"], name.clone(), known.map(|()| name))
    });
    let areas = areas(form, venue, draft.areas);
    let tables = tables(form, venue, draft.tables);
    let reason_code = reason(form, &["reason_code"], draft.reason_code, Some(venue));
    let ((from, to), reason_code) = (days?, reason_code?);
    Some(ClosureCommand::Declare(ClosureRequest { from, to, service, areas, tables, reason_code }))
}

fn last_day(from: NaiveDate, to: NaiveDate) -> Result<NaiveDate, String> {
    match (to - from).num_days() {
        days if days < 0 => Err("this is before the date in from".to_owned()),
        days if days >= i64::from(CLOSURE_DAYS_MAX) => {
            Err(format!("a closure lasts at most {CLOSURE_DAYS_MAX} days: change the rules instead"))
        }
        _ => Ok(to),
    }
}

fn areas(form: &mut Form, venue: &Venue, asked: Option<List<Line<64>, 1, 50>>) -> Vec<String> {
    let asked: Vec<_> =
        asked.map(|areas| areas.0.into_iter().map(String::from).collect()).unwrap_or_default();
    let known = venue.areas();
    for unknown in asked.iter().filter(|area| !known.contains(&area.as_str())) {
        let msg = format_args!("there is no area {unknown:?}; choose some of: {}", known.join(", "));
        form.fault("areas", "value_error", msg, Some(unknown.as_str().into()));
    }
    asked
}

fn tables(form: &mut Form, venue: &Venue, asked: Option<List<TableId, 1, 200>>) -> Vec<TableId> {
    let asked = asked.map(|tables| tables.0).unwrap_or_default();
    for unknown in asked.iter().filter(|id| venue.table(id).is_none()) {
        let msg = format_args!("there is no table \"{unknown}\"");
        form.fault("tables", "value_error", msg, Some(unknown.as_str().into()));
    }
    asked
}
