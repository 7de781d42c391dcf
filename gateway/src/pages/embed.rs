//! The widget on the site of a restaurant: the page of the venue in a frame. It uses no cookies, and every booking is made on
//! the page itself, at the top level.

use axum::extract::{Path, Query};
use axum::response::Response;
use minijinja::context;
use rpc::v1;

use super::guest::{Guest, Page};
use super::venue::{Choice, colour, facts, find};

/// The page in the frame.
pub(super) async fn page(guest: Guest, Path(id): Path<String>, Query(choice): Query<Choice>) -> Response {
    match find(&guest, &id).await {
        Ok(venue) => {
            let locale = guest.locale(venue.languages.first().map(String::as_str));
            let facts = facts(&guest, &venue, &choice, locale).await;
            let facts = context! { is_embedded => true, ..facts };
            let page = Page::new(&guest, "venue.html", locale, facts).accent(colour(&venue));
            page.embedded_by(ancestors(&venue)).respond()
        }
        Err(response) => *response,
    }
}

/// The sites that may show the widget: this one, and the web site in the rules of the venue, with and without `www.`.
fn ancestors(venue: &v1::Venue) -> String {
    let website = venue.profile.as_ref().and_then(|profile| profile.website.as_deref());
    let Some((scheme, host)) = website.and_then(origin) else { return "'self'".to_owned() };
    let bare = host.strip_prefix("www.").unwrap_or(&host);
    format!("'self' {scheme}://{bare} {scheme}://www.{bare}")
}

/// Scheme and authority of a URL.
fn origin(url: &str) -> Option<(String, String)> {
    let url: axum::http::Uri = url.parse().ok()?;
    let (scheme, host) = (url.scheme_str()?, url.authority()?.as_str());
    let is_host = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:-".contains(&byte));
    is_host.then(|| (scheme.to_owned(), host.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_site_in_the_rules_shows_the_widget() {
        let venue = |website: Option<&str>| {
            let profile = v1::Profile { website: website.map(str::to_owned), ..Default::default() };
            v1::Venue { profile: Some(profile), ..Default::default() }
        };
        let site = "https://www.sinar.example/dago";
        assert_eq!(ancestors(&venue(Some(site))), "'self' https://sinar.example https://www.sinar.example");
        assert_eq!(ancestors(&venue(None)), "'self'");
        for odd in ["not a url", "https://*", "https://a;b", "https://x'y"] {
            assert_eq!(ancestors(&venue(Some(odd))), "'self'", "{odd}");
        }
    }
}
