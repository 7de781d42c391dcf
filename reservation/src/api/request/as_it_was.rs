//! Requests about the past.

use access::Caller;
use chassis::problem::Problem;
use chrono::TimeDelta;
use contract::form::Form;
use contract::reservation::queries::drafts::AsItWas;
use events::VenueId;
use events::values::Scope;

use crate::app::App;
use crate::app::projections::Filter;

/// How many days a list of the past can have.
pub(in crate::api) const PAST_DAYS_MAX: i64 = 31;

/// The application as of the time in `as_of`, for a question about the venue in `venue_id`; the application itself without one, or if the
/// request has a fault. Returns the form without `as_of`.
pub(in crate::api) async fn as_it_was(
    app: &App,
    mut form: Form,
    caller: &Caller,
) -> Result<(App, Form), Problem> {
    let Some(as_of) = AsItWas::take(&mut form).as_of else { return Ok((app.clone(), form)) };
    let asked: Option<VenueId> = form.peek("venue_id").and_then(|id| id.parse().ok());
    let first = || app.venues.first_of(&caller.venues).map(|venue| venue.id.clone());
    let Some(venue) = asked.or_else(first) else {
        form.fault("as_of", "value_error", "there is no venue yet", None);
        return Ok((app.clone(), form));
    };
    // A caller does not learn which other venues there are.
    caller.may_use(&venue)?;
    caller.needs(Scope::Audit, Some(&venue))?;
    // The question itself refuses a venue that never was.
    if !app.projections.venue_ids().contains(&venue) {
        return Ok((app.clone(), form));
    }
    let past = app.as_it_was(as_of.into(), &venue).await?;
    if past.venues.get(Some(&venue)).is_none() {
        let fault =
            format!("the venue {venue} had no rules in the log then: choose another time or position");
        form.fault("as_of", "value_error", fault, None);
        return Ok((app.clone(), form));
    }
    Ok((past, form))
}

/// Checks that a list of the past is one of a venue and of few days.
pub(super) fn check_list(form: &mut Form, app: &App, filter: &Filter, is_search: bool) {
    if !app.is_past() {
        return;
    }
    if is_search {
        form.fault("q", "value_error", "a search finds what is there now: omit q or as_of", None);
    }
    let days = filter.from.zip(filter.to).map(|(from, to)| to - from);
    // A business day can end after midnight, and a day on which the clock is set back has 25 hours.
    let is_short = days.is_some_and(|days| days < TimeDelta::days(PAST_DAYS_MAX + 1));
    if filter.venue_id.is_none() || !is_short {
        let fault = format!(
            "a list of the past needs venue_id and at most {PAST_DAYS_MAX} days: date, from_date and to_date, or from and to"
        );
        form.fault("as_of", "value_error", fault, None);
    }
}
