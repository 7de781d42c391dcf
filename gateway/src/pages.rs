//! The pages for guests, each complete without scripts: a script only spares reloads and counts down. The stand is a client
//! of its own.

mod accent;
mod assets;
mod book;
mod booking;
mod calendar_file;
mod change;
mod channels;
mod chart;
mod correct;
mod day;
mod embed;
mod guest;
mod home;
mod links;
mod live;
mod notices;
mod numbers;
mod own;
mod pay;
mod qr;
mod receipt;
mod session;
mod stand;
mod templates;
mod times;
mod venue;
mod waiting;
mod words;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use chassis::problem::Problem;
use rpc::v1;

pub(crate) use self::guest::Guest;
use self::live::changes;
use self::own::enter;
use crate::app::App;

/// All pages and what they load.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/", get(home::page))
        .route("/v/{venue}", get(venue::page))
        .route("/v/{venue}/book", get(book::form).post(book::submit))
        .route("/r/{id}", get(booking::page))
        .route("/r/{id}/{link}", get(enter::<v1::Reservation>))
        .route("/r/{id}/pay", get(pay::page).post(pay::choose))
        .route("/r/{id}/receipt", get(receipt::page))
        .route("/r/{id}/receipt.json", get(receipt::file))
        .route("/r/{id}/change", get(change::page).post(change::submit))
        .route("/r/{id}/correct", get(correct::page).post(correct::submit))
        .route("/r/{id}/cancel", get(change::cancel_page).post(change::cancel))
        .route("/r/{id}/prove", get(booking::back).post(change::prove))
        .route("/r/{id}/answer", get(booking::back).post(change::answer))
        .route("/r/{id}/calendar.ics", get(calendar_file::file))
        .route("/r/{id}/live", get(changes::<v1::Reservation>))
        .route("/w/{id}", get(waiting::page).post(waiting::choose))
        .route("/w/{id}/{link}", get(enter::<v1::WaitlistEntry>))
        .route("/w/{id}/live", get(changes::<v1::WaitlistEntry>))
        .route("/stand", get(stand::page))
        .route("/stand/{venue}", get(stand::page))
        .route("/stand/{venue}/print", get(stand::page))
        .route("/stand/{venue}/rules", get(stand::rules))
        .route("/stand/{venue}/numbers", get(numbers::page))
        .route("/audit", get(stand::audit))
        .route("/audit/log", get(stand::audit))
        .route("/audit/verify", get(stand::audit))
        .route("/audit/money", get(stand::audit))
        .route("/audit/r/{id}", get(stand::audit))
        .route("/stand-worker.js", get(assets::stand_worker))
        .route("/embed/{venue}", get(embed::page))
        .route("/embed.js", get(assets::embed))
        .route("/assets/{name}", get(assets::asset))
        .route("/csp-reports", post(assets::violation))
        .with_state(app)
}

/// Whether a path is that of a page of the gateway, to which a browser can send a form and which it can load.
fn is_own(path: &str) -> bool {
    ["/v/", "/r/", "/w/"].iter().any(|prefix| path.starts_with(prefix))
}

/// The response to a path that nothing has.
pub(crate) fn not_found(path: &str) -> Response {
    let detail = format!("There is no resource at {path}. See /docs/reservation and /docs/notifier.");
    Problem::not_found(detail).into_response()
}

/// The page in place of a problem.
pub(crate) fn in_place_of(guest: &Guest, problem: &Response) -> Response {
    let status = problem.status();
    let name = match status {
        StatusCode::TOO_MANY_REQUESTS => "too_often",
        status if status.is_server_error() => "not_reachable",
        _ => "nothing_here",
    };
    let mut response = notices::page(guest, status, name);
    let after = problem.headers().get(RETRY_AFTER).cloned();
    response.headers_mut().extend(after.map(|after| (RETRY_AFTER, after)));
    response
}
