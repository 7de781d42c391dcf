//! The links of a guest, in a cookie: a link leaves the address bar at the first visit, so that it is neither in the history of
//! the browser nor on a screen.

use access::link::{Link, LinkOf};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use chrono::TimeDelta;

use crate::proxy::GUEST_COOKIE;

/// Between two links. No link contains it.
const BETWEEN: char = '.';
/// Maximum number of links. The oldest is forgotten; the mail still has it.
const LINKS_MAX: usize = 12;
/// How long a browser remembers the links: as long as most bookings are ahead.
const LASTS: TimeDelta = TimeDelta::days(120);

/// The links that a browser knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Links(Vec<String>);

impl Links {
    /// The links in the cookies of a request, the latest first.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let all = access::cookies::value(headers, GUEST_COOKIE).unwrap_or_default();
        Self(all.split(BETWEEN).filter(|link| Link::claimed_by(link).is_some()).map(str::to_owned).collect())
    }

    /// The link that opens `of`.
    pub(super) fn to(&self, of: LinkOf) -> Option<&str> {
        let mut links = self.0.iter().map(String::as_str);
        links.find(|link| Link::claimed_by(link).is_some_and(|link| link.of == of))
    }

    /// The page of the booking or waitlist entry that the browser opened last.
    pub(super) fn latest(&self) -> Option<String> {
        match Link::claimed_by(self.0.first()?)?.of {
            LinkOf::Reservation(id) => Some(format!("/r/{id}")),
            LinkOf::Waitlist(id) => Some(format!("/w/{id}")),
            _ => None,
        }
    }

    /// The links with another one first, which replaces an earlier one to the same booking.
    fn with(self, link: &str) -> Self {
        let of = Link::claimed_by(link).map(|link| link.of);
        let others = self.0.into_iter().filter(|other| Link::claimed_by(other).map(|link| link.of) != of);
        Self([link.to_owned()].into_iter().chain(others).take(LINKS_MAX).collect())
    }

    fn cookie(&self) -> Option<HeaderValue> {
        access::cookies::set(GUEST_COOKIE, Some(&self.0.join(&BETWEEN.to_string())), LASTS)
    }
}

/// Adds `link` to the links that the browser knows.
pub(super) fn remember(mut response: Response, headers: &HeaderMap, link: Option<&str>) -> Response {
    let Some(link) = link else { return response };
    let cookie = Links::of(headers).with(link).cookie();
    response.headers_mut().extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
    response
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    use events::ReservationId;
    use uuid::Uuid;

    use super::*;

    fn link(id: u128, mac: u8) -> String {
        let mut bytes = vec![1, 1];
        bytes.extend(Uuid::from_u128(id).as_bytes());
        bytes.extend([0; 4]);
        bytes.extend([mac; 16]);
        format!("mejal_{}", BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }

    #[test]
    fn a_browser_knows_the_latest_link_to_each_booking() {
        let mut links = Links(vec![]);
        for id in 0..20 {
            links = links.with(&link(id, 1));
        }
        links = links.with(&link(19, 2));
        assert_eq!(links.0.len(), LINKS_MAX);
        let to = |id| links.to(LinkOf::Reservation(ReservationId(Uuid::from_u128(id))));
        assert_eq!(to(19), Some(&link(19, 2)[..]), "a later link replaces an earlier one");
        assert_eq!(to(18), Some(&link(18, 1)[..]));
        assert_eq!(to(0), None, "the oldest one is forgotten");
        assert_eq!(links.latest(), Some(format!("/r/{}", Uuid::from_u128(19))));

        let cookie = links.cookie().unwrap();
        let cookie = cookie.to_str().unwrap();
        assert!(cookie.contains("HttpOnly") && cookie.contains("Secure") && cookie.len() < 4_096);
        let sent = cookie.split(';').next().unwrap();
        let headers = [(axum::http::header::COOKIE, sent.parse().unwrap())].into_iter().collect();
        assert_eq!(Links::of(&headers), links);
    }
}
