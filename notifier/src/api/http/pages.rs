//! The pages for guests and for members of staff: templates that are parsed once.

use std::sync::LazyLock;

use axum::http::Uri;
use axum::response::{Html, Redirect};
use chassis::api::Segments;
use chassis::problem::Problem;
use events::event::GuestAnswer;
use minijinja::{Environment, Value};

/// The page to pay on.
pub(super) const CHECKOUT: &str = "checkout.html";
/// The page in place of a problem.
pub(super) const PROBLEM: &str = "problem.html";
/// The page of a booking.
pub(super) const BOOKING: &str = "booking.html";
/// The page on which a member of staff chooses a password.
pub(super) const STAFF: &str = "staff.html";
/// The page on which a waiting guest answers an offer.
pub(super) const OFFER: &str = "offer.html";

static PAGES: LazyLock<Result<Environment<'static>, minijinja::Error>> = LazyLock::new(|| {
    let mut pages = Environment::new();
    pages.add_template(CHECKOUT, include_str!("../../../templates/checkout.html"))?;
    pages.add_template(PROBLEM, include_str!("../../../templates/problem.html"))?;
    pages.add_template(BOOKING, include_str!("../../../templates/booking.html"))?;
    pages.add_template(OFFER, include_str!("../../../templates/offer.html"))?;
    pages.add_template("proof.html", include_str!("../../../templates/proof.html"))?;
    pages.add_template(STAFF, include_str!("../../../templates/staff.html"))?;
    Ok(pages)
});

/// Renders the page `name` with `facts`.
pub(super) fn render(name: &str, facts: Value) -> Result<Html<String>, Problem> {
    let pages = PAGES.as_ref().map_err(|error| Problem::internal(error))?;
    let page = pages.get_template(name).and_then(|page| page.render(facts));
    page.map(Html).map_err(|error| Problem::internal(&error))
}

/// The path of the page to which a path with the choice of a guest belongs.
pub(super) fn page_of(path: &str) -> &str {
    let is_answer = |word: &str| GuestAnswer::ALL.iter().any(|answer| answer.word() == word);
    let is_choice = |word: &str| {
        matches!(word, "accept" | "cancel" | "decline" | "pay" | "prove" | "refuse") || is_answer(word)
    };
    match path.rsplit_once('/') {
        Some((page, choice)) if is_choice(choice) => page,
        _ => path,
    }
}

/// The response to a link that ends before the part that names a payment or an offer.
pub(super) async fn incomplete() -> Problem {
    Problem::not_found("This link is incomplete. Open the link in the message again.")
}

/// The page of a booking. The links of guests are those of the gateway, which has a page of its own there.
pub(super) async fn to_booking(Segments((_, link)): Segments<(String, String)>, uri: Uri) -> Redirect {
    to("bookings", &link, &uri)
}

/// The page of an offer, likewise.
pub(super) async fn to_offer(Segments((_, link)): Segments<(String, String)>, uri: Uri) -> Redirect {
    to("offers", &link, &uri)
}

fn to(page: &str, link: &str, uri: &Uri) -> Redirect {
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    Redirect::to(&format!("/{page}/{link}{query}"))
}

/// Shows the page to a guest who loads the path of a choice again, for example after a failure.
pub(super) async fn without_choice(uri: Uri) -> Redirect {
    Redirect::to(page_of(uri.path()))
}
