//! Venues, and what can be booked at them.

use access::Caller;
use chassis::problem::Problem;
use contract::form::Form;
use contract::reservation::availability::Day;
use contract::reservation::venues::{Days, VenueList, VenueView};
use events::VenueId;

use crate::api::problem::managed_by_hand;
use crate::api::request;
use crate::app::App;
use crate::app::queries::venues::venue_view;

type Result<T> = std::result::Result<T, Problem>;

/// The public part of all venues.
pub(in crate::api) async fn list(app: &App) -> Result<VenueList> {
    app.catch_up().await?;
    let items = app.venues.all().iter().map(|venue| venue_view(venue)).collect();
    Ok(VenueList { items })
}

/// The public part of a venue.
pub(in crate::api) async fn get(app: &App, id: &VenueId) -> Result<VenueView> {
    app.catch_up().await?;
    let unknown = || Problem::not_found(format!("There is no venue {id}. GET /api/venues lists the venues."));
    let venue = app.venues.get(Some(id)).ok_or_else(unknown)?;
    Ok(venue_view(&venue))
}

/// What can be booked on a day.
pub(in crate::api) async fn availability(app: &App, form: Form, caller: &Caller) -> Result<Day> {
    let (app, mut form) = request::as_it_was(app, form, caller).await?;
    let request = request::availability(&mut form, &app, caller);
    let request = form.finish(request)?;
    app.availability(&request).await?.ok_or_else(managed_by_hand)
}

/// The days on which something is free.
pub(in crate::api) async fn days(app: &App, mut form: Form, caller: &Caller) -> Result<Days> {
    let request = request::days(&mut form, app, caller);
    let request = form.finish(request)?;
    let (area, dates) = (request.area.as_deref(), (request.from, request.to));
    let days = app.days(&request.venue, request.size, area, dates).await?;
    days.ok_or_else(managed_by_hand)
}
