//! The pages for guests. Each is complete without scripts: a script only spares reloads and counts down.

mod accent;
mod assets;
mod book;
mod booking;
mod calendar_file;
mod change;
mod day;
mod embed;
mod guest;
mod home;
mod links;
mod live;
mod notices;
mod pay;
mod qr;
mod templates;
mod times;
mod venue;
mod waiting;
mod words;

use axum::Router;
use axum::extract::{FromRequestParts as _, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use chassis::api::accepts_html;
use chassis::problem::Problem;

use self::guest::Guest;
use crate::app::App;

/// All pages and what they load.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/", get(home::page))
        .route("/v/{venue}", get(venue::page))
        .route("/v/{venue}/book", get(book::form).post(book::submit))
        .route("/r/{id}", get(booking::page))
        .route("/r/{id}/{link}", get(booking::enter))
        .route("/r/{id}/pay", get(pay::page))
        .route("/r/{id}/receipt", get(booking::receipt))
        .route("/r/{id}/change", get(change::page).post(change::submit))
        .route("/r/{id}/correct", get(change::correct_page).post(change::correct))
        .route("/r/{id}/cancel", get(change::cancel_page).post(change::cancel))
        .route("/r/{id}/prove", post(change::prove))
        .route("/r/{id}/answer", post(change::answer))
        .route("/r/{id}/calendar.ics", get(calendar_file::file))
        .route("/r/{id}/live", get(live::booking))
        .route("/w/{id}", get(waiting::page).post(waiting::choose))
        .route("/w/{id}/{link}", get(waiting::enter))
        .route("/w/{id}/live", get(live::waiting))
        .route("/embed/{venue}", get(embed::page))
        .route("/embed.js", get(assets::embed))
        .route("/assets/{name}", get(assets::asset))
        .route("/csp-reports", post(assets::violation))
        .with_state(app)
}

/// The response to a path that nothing has.
pub(crate) async fn not_found(app: &App, request: Request) -> Response {
    let is_browser = accepts_html(request.headers());
    let path = request.uri().path().to_owned();
    let mut parts = request.into_parts().0;
    if is_browser {
        let Ok(guest) = Guest::from_request_parts(&mut parts, app).await;
        return notices::page(&guest, StatusCode::NOT_FOUND, "nothing_here");
    }
    let detail = format!("There is no resource at {path}. See /docs/reservation and /docs/notifier.");
    Problem::not_found(detail).into_response()
}
