//! The stand of a venue: a page that the client fills. It contains no data, so that everyone may load it.

use axum::response::Response;
use minijinja::context;

use super::assets::{CLIENT_SCRIPT, CLIENT_STYLE};
use super::guest::{Guest, Page};

/// The page of all stands. The client reads the venue from the path.
pub(super) async fn page(guest: Guest) -> Response {
    let facts = context! { client_script => CLIENT_SCRIPT.path(), client_style => CLIENT_STYLE.path() };
    Page::new(&guest, "stand.html", guest.locale(None), facts).respond()
}
