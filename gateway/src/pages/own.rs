//! A booking or a waitlist entry, opened by the link of its guest.

use access::{Link, LinkOf};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use chrono_tz::Tz;
use events::values::Locale;
use minijinja::Value;
use prost_types::Timestamp;
use rpc::v1;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::guest::{Guest, Sent, go};
use super::links::{Links, remember};
use super::{notices, times};
use crate::app::App;
use crate::services::{Call, Trouble};

/// What a booking and a waitlist entry have in common.
pub(super) struct Common<'a> {
    id: &'a str,
    /// The language that the guest chose, as a tag.
    locale: &'a str,
    /// The time zone of the venue.
    timezone: &'a str,
    /// The address and the colour of the venue.
    profile: Option<&'a v1::Profile>,
}

/// What a link opens.
pub(super) trait Opened: Sized + Send + Sync {
    /// Where its pages are.
    const PAGES: &'static str;

    /// The links that open the one with this id; `None` if that is no id.
    fn link_of(id: &str) -> Option<LinkOf>;

    /// Reads the one with this id.
    fn read(call: &Call<'_>, id: String) -> impl Future<Output = Result<Self, Trouble>> + Send;

    /// What the pages of both kinds need.
    fn common(&self) -> Common<'_>;

    /// Another number after each change that its page shows.
    fn version(&self) -> u64;
}

impl Opened for v1::Reservation {
    const PAGES: &'static str = "/r";

    fn link_of(id: &str) -> Option<LinkOf> {
        id.parse().ok().map(LinkOf::Reservation)
    }

    async fn read(call: &Call<'_>, id: String) -> Result<Self, Trouble> {
        call.get_reservation(v1::GetReservationRequest { reservation_id: id, as_of: None }).await
    }

    fn common(&self) -> Common<'_> {
        let (id, profile) = (&self.reservation_id, self.venue_profile.as_ref());
        Common { id, locale: &self.locale, timezone: &self.timezone, profile }
    }

    fn version(&self) -> u64 {
        self.version
    }
}

impl Opened for v1::WaitlistEntry {
    const PAGES: &'static str = "/w";

    fn link_of(id: &str) -> Option<LinkOf> {
        id.parse().ok().map(LinkOf::Waitlist)
    }

    async fn read(call: &Call<'_>, id: String) -> Result<Self, Trouble> {
        call.get_waitlist_entry(v1::GetWaitlistEntryRequest { waitlist_id: id }).await
    }

    fn common(&self) -> Common<'_> {
        let (id, profile) = (&self.waitlist_id, self.venue_profile.as_ref());
        Common { id, locale: &self.locale, timezone: &self.timezone, profile }
    }

    /// The place in line changes with other parties.
    fn version(&self) -> u64 {
        self.version << 16 | u64::from(self.place_in_line.unwrap_or_default())
    }
}

/// What the guest opened, and the credential for it. A handler that takes one gets what the path names. If it cannot be shown, the response
/// is the page that says why.
pub(super) struct Own<T> {
    pub(super) guest: Guest,
    link: String,
    pub(super) subject: T,
}

impl<T: Opened> FromRequestParts<App> for Own<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let opened = Self::open(parts, app).await?;
        opened.map_err(|(guest, trouble)| notices::trouble(&guest, &trouble))
    }
}

/// What the guest opened, and the form that the guest sent from one of its pages. If a service does not answer, the response is a page that
/// sends the same form again.
pub(super) struct Act<T, F> {
    pub(super) own: Own<T>,
    pub(super) form: F,
}

impl<T: Opened, F: DeserializeOwned + Serialize + Send> FromRequest<App> for Act<T, F> {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let opened = Own::open(&mut parts, app).await?;
        let Sent(form) = Sent::<F>::from_request(Request::from_parts(parts.clone(), body), app).await?;
        match opened {
            Ok(own) => Ok(Self { own, form }),
            // A choice of the language must not send the form.
            Err((guest, Trouble::Unanswered)) if !guest.chooses_language() => {
                Err(notices::unknown(&guest, guest.locale(None), None, parts.uri.path(), &form))
            }
            Err((guest, trouble)) => Err(notices::trouble(&guest, &trouble)),
        }
    }
}

impl<T: Opened> Own<T> {
    /// Reads what the path of a request names. The outer error is the response for a guest without a link.
    async fn open(parts: &mut Parts, app: &App) -> Result<Result<Self, (Guest, Trouble)>, Response> {
        let id = Path::<String>::from_request_parts(parts, app).await;
        let Path(id) = id.map_err(|rejection| rejection.into_response())?;
        let Ok(guest) = Guest::from_request_parts(parts, app).await;
        let Some(link) = link_to::<T>(&guest, &id) else { return Err(no_link(&guest)) };
        let read = T::read(&guest.call().with_link(&link), id).await;
        Ok(match read {
            Ok(subject) => Ok(Self { guest, link, subject }),
            Err(trouble) => Err((guest, trouble)),
        })
    }

    /// It as it is now.
    pub(super) async fn read_again(&self) -> Result<Self, Trouble> {
        let subject = T::read(&self.call(), self.subject.common().id.to_owned()).await?;
        Ok(Self { guest: self.guest.clone(), link: self.link.clone(), subject })
    }

    /// A call of a service for its guest.
    pub(super) fn call(&self) -> Call<'_> {
        self.guest.call().with_link(&self.link)
    }

    /// The link that the guest followed.
    pub(super) fn link(&self) -> &str {
        &self.link
    }

    /// The language of its pages.
    pub(super) fn locale(&self) -> Locale {
        self.guest.locale(Some(self.subject.common().locale))
    }

    /// Its path.
    pub(super) fn path(&self) -> String {
        format!("{}/{}", T::PAGES, self.subject.common().id)
    }

    /// The time zone of its venue.
    pub(super) fn zone(&self) -> Tz {
        times::zone(self.subject.common().timezone)
    }

    /// A deadline in words and for scripts.
    pub(super) fn deadline(&self, at: Option<&Timestamp>) -> Option<Value> {
        let at = times::at(at?, self.zone())?;
        Some(times::deadline(&at, self.guest.app.env.now(), self.locale()))
    }

    /// The present time of its venue in words.
    pub(super) fn as_of(&self) -> String {
        people::time(&self.guest.app.env.now().with_timezone(&self.zone()), self.locale())
    }

    /// The colour of its venue.
    pub(super) fn colour(&self) -> Option<&str> {
        self.subject.common().profile?.accent_colour.as_deref()
    }

    /// The Idempotency-Key of a form, or a new one if that is none.
    pub(super) fn key(&self, sent: &str) -> String {
        match uuid::Uuid::try_parse(sent) {
            Ok(key) => key.to_string(),
            Err(_) => self.new_key(),
        }
    }

    /// A new Idempotency-Key for a form.
    pub(super) fn new_key(&self) -> String {
        self.guest.app.env.random_id().to_string()
    }
}

/// The link that the browser knows to the one with this id.
pub(super) fn link_to<T: Opened>(guest: &Guest, id: &str) -> Option<String> {
    Links::of(&guest.headers).to(T::link_of(id)?).map(str::to_owned)
}

fn no_link(guest: &Guest) -> Response {
    notices::page(guest, StatusCode::NOT_FOUND, "no_link")
}

/// The query of a page: the proof of contact in the link of a mail, and what a command has just done.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Given {
    pub(super) proof: String,
    pub(super) done: String,
}

/// Takes the link out of the address bar: into a cookie, and on to the page.
pub(super) async fn enter<T: Opened>(
    guest: Guest,
    Path((id, link)): Path<(String, String)>,
    Query(given): Query<Given>,
) -> Response {
    let of = Link::claimed_by(&link).map(|link| link.of);
    if of.is_none() || of != T::link_of(&id) {
        return no_link(&guest);
    }
    let known = link_to::<T>(&guest, &id).and_then(|link| Link::claimed_by(&link));
    // A link of a later mail replaces an earlier one also while it cannot be checked.
    let is_earlier = |claimed: Option<Link>| {
        known.is_some_and(|known| claimed.is_none_or(|it| it.generation <= known.generation))
    };
    let path = with_proof(&format!("{}/{id}", T::PAGES), &given.proof);
    match T::read(&guest.call().with_link(&link), id).await {
        // A link that is not valid must not replace one that is.
        Err(Trouble::Refused(_)) => no_link(&guest),
        Err(_) if is_earlier(Link::claimed_by(&link)) => go(&path),
        _ => remember(go(&path), &guest.headers, Some(&link)),
    }
}

/// `path` with the proof of contact of a mail.
fn with_proof(path: &str, proof: &str) -> String {
    let is_proof =
        !proof.is_empty() && proof.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if is_proof { format!("{path}?proof={proof}") } else { path.to_owned() }
}
