//! Cookies of staff: the session, the browser that is recognised, and the device at the stand.
//!
//! Their names begin with `__Host-`, so that browsers accept them from this host alone, for all paths, and over TLS or on
//! the machine itself. No script can read them.

use axum::http::header::{COOKIE, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderValue, Method};
use chrono::TimeDelta;
use cookie::{Cookie, SameSite};

/// The session of a signed-in person.
pub const SESSION: &str = "__Host-meja_session";
/// A browser in which a person has signed in: it is not slowed down by others who guess the password of the person.
pub const BROWSER: &str = "__Host-meja_browser";
/// A device at the stand of a venue.
pub const DEVICE: &str = "__Host-meja_device";

/// How long a browser is recognised, in days.
pub const BROWSER_DAYS: i64 = 180;
/// How long browsers keep the cookie of a device: the longest time that they allow, in days.
pub const DEVICE_DAYS: i64 = 400;

/// The value of the cookie `name`, if the request has one.
#[must_use]
pub fn value(headers: &HeaderMap, name: &str) -> Option<String> {
    let all = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut cookies = all.flat_map(Cookie::split_parse).filter_map(Result::ok);
    cookies.find(|cookie| cookie.name() == name).map(|cookie| cookie.value().to_owned())
}

/// A header `Set-Cookie`. Without a `value` it removes the cookie.
#[must_use]
pub fn set(name: &'static str, value: Option<&str>, lasts: TimeDelta) -> Option<HeaderValue> {
    let seconds = if value.is_some() { lasts.num_seconds() } else { 0 };
    let cookie = Cookie::build((name, value.unwrap_or_default()))
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Lax)
        .max_age(cookie::time::Duration::seconds(seconds));
    // The values are tokens, which need no escape.
    HeaderValue::from_str(&cookie.build().to_string()).ok()
}

/// Whether a page of another site made the browser send this request, and the request could change something. A program
/// that is no browser says nothing about sites.
#[must_use]
pub fn is_cross_site_write(method: &Method, headers: &HeaderMap) -> bool {
    if method.is_safe() {
        return false;
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match (text("sec-fetch-site"), text(ORIGIN.as_str())) {
        (Some(site), _) => !matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => {
            let host = origin.split_once("://").map(|(_, host)| host);
            host.is_none() || host != text(HOST.as_str())
        }
        (None, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let sent = headers(&[("cookie", "theme=dark; __Host-meja_session=mejas_abc; x")]);
        assert_eq!(value(&sent, SESSION).as_deref(), Some("mejas_abc"));
        assert_eq!(value(&sent, DEVICE), None);
        assert_eq!(value(&HeaderMap::new(), SESSION), None);
    }

    #[test]
    fn cookies_are_for_this_host_and_for_no_script() {
        let set = |value| set(SESSION, value, TimeDelta::hours(12)).unwrap().to_str().unwrap().to_owned();
        let given = "__Host-meja_session=mejas_abc; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=43200";
        assert_eq!(set(Some("mejas_abc")), given);
        assert_eq!(set(None), "__Host-meja_session=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0");
    }

    #[test]
    fn writes_from_other_sites_are_recognised() {
        let is_refused =
            |pairs: &[(&'static str, &'static str)]| is_cross_site_write(&Method::POST, &headers(pairs));
        for (pairs, expected) in [
            (&[("sec-fetch-site", "same-origin")][..], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("sec-fetch-site", "same-site")], true),
            (&[("sec-fetch-site", "cross-site")], true),
            (&[("origin", "https://meja.example"), ("host", "meja.example")], false),
            (&[("origin", "https://evil.example"), ("host", "meja.example")], true),
            (&[("origin", "null"), ("host", "meja.example")], true),
            (&[("host", "meja.example")], false),
        ] {
            assert_eq!(is_refused(pairs), expected, "{pairs:?}");
        }
        assert!(!is_cross_site_write(&Method::GET, &headers(&[("sec-fetch-site", "cross-site")])));
    }
}
