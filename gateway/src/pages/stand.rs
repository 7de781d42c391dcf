//! The stand of a venue, its rules editor, and the audit: pages that the client fills. They contain no data, so that everyone may load
//! them.

use axum::response::Response;
use minijinja::context;

use super::assets::{
    AUDIT_SCRIPT, AUDIT_STYLE, Asset, CLIENT_SCRIPT, CLIENT_STYLE, RULES_SCRIPT, RULES_STYLE, STREAM_SCRIPT,
};
use super::guest::{Guest, Page};

/// The page of all stands. The client reads the venue from the path.
pub(super) async fn page(guest: Guest) -> Response {
    filled_by(&guest, "stand_title", &[&CLIENT_STYLE], &CLIENT_SCRIPT, Some(&STREAM_SCRIPT))
}

/// The page of all rules editors.
pub(super) async fn rules(guest: Guest) -> Response {
    filled_by(&guest, "rules_title", &[&CLIENT_STYLE, &RULES_STYLE], &RULES_SCRIPT, None)
}

/// All pages of the audit.
pub(super) async fn audit(guest: Guest) -> Response {
    filled_by(&guest, "audit_title", &[&CLIENT_STYLE, &AUDIT_STYLE], &AUDIT_SCRIPT, None)
}

/// `stream`: the worker that follows the feed, if the page follows it.
fn filled_by(
    guest: &Guest,
    title: &str,
    styles: &[&Asset],
    script: &Asset,
    stream: Option<&Asset>,
) -> Response {
    let client_styles: Vec<_> = styles.iter().map(|style| style.path()).collect();
    let facts =
        context! { title, client_styles, client_script => script.path(), stream => stream.map(Asset::path) };
    Page::new(guest, "stand.html", guest.locale(None), facts).respond()
}
