//! The guest who opens a page, and the response.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, SET_COOKIE, VARY,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};
use chassis::body::read_form;
use chassis::problem::Problem;
use chrono::TimeDelta;
use events::values::Locale;
use minijinja::{Value, context};
use serde::de::DeserializeOwned;

use super::{accent, assets, templates, words};
use crate::app::App;
use crate::services::{Call, Visitor};

/// How long a choice of the language lasts.
const LANGUAGE_LASTS: TimeDelta = TimeDelta::days(365);

/// A page loads only what this origin has, and can be embedded nowhere.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; report-uri /csp-reports; frame-ancestors ";

/// The guest who opens a page.
#[derive(Clone)]
pub(crate) struct Guest {
    pub(super) app: App,
    pub(super) headers: HeaderMap,
    uri: Uri,
    /// Where the guest looks again after a failure. A form of the notifier goes to a path
    /// one level below its page, which is the one to load.
    pub(super) again: String,
    visitor: Visitor,
    /// The language that the guest chose, or that the browser prefers.
    preferred: Option<Locale>,
}

impl FromRequestParts<App> for Guest {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let visitor = Visitor::of(parts, &app.network.proxies).await;
        let chosen = chosen_in_query(&parts.uri);
        let preferred =
            chosen.and_then(|tag| Locale::from_tag(&tag)).or_else(|| people::preferred(&parts.headers));
        Ok(Self {
            app: app.clone(),
            headers: parts.headers.clone(),
            uri: parts.uri.clone(),
            again: match parts.method.is_safe() {
                true => String::new(),
                false if super::is_own(parts.uri.path()) => parts.uri.path().to_owned(),
                false => parts.uri.path().rsplit_once('/').map_or("/", |(page, _)| page).to_owned(),
            },
            visitor,
            preferred,
        })
    }
}

/// The value of `lang` in a query.
fn chosen_in_query(uri: &Uri) -> Option<String> {
    let mut parameters = uri.query()?.split('&').filter_map(|parameter| parameter.split_once('='));
    parameters.find(|(name, _)| *name == "lang").map(|(_, value)| value.to_owned())
}

impl Guest {
    /// Whether the page is in a frame on the site of a restaurant.
    pub(super) fn is_embedded(&self) -> bool {
        self.uri.path().starts_with("/embed/")
    }

    /// Whether the guest sent a form only to see it in another language.
    pub(super) fn chooses_language(&self) -> bool {
        chosen_in_query(&self.uri).is_some_and(|tag| Locale::from_tag(&tag).is_some())
    }

    /// A call of a service for this guest.
    pub(super) fn call(&self) -> Call<'_> {
        Call::new(&self.app.services, &self.visitor)
    }

    /// The language of a page: the one that the guest prefers, otherwise that of the venue or the booking.
    pub(super) fn locale(&self, otherwise: Option<&str>) -> Locale {
        self.preferred.or_else(|| Locale::from_tag(otherwise?)).unwrap_or(Locale::En)
    }

    /// The query of the page in another language.
    fn in_language(&self, tag: &str) -> String {
        let query = self.uri.query().unwrap_or_default();
        let others = query.split('&').filter(|part| !part.is_empty() && !part.starts_with("lang="));
        let query: Vec<_> = others.map(str::to_owned).chain([format!("lang={tag}")]).collect();
        // Relative: a path that begins with two slashes would be another site.
        format!("?{}", query.join("&"))
    }
}

/// A page to render.
pub(super) struct Page<'a> {
    guest: &'a Guest,
    template: &'static str,
    locale: Locale,
    status: StatusCode,
    accent: Option<String>,
    ancestors: String,
    form: Option<String>,
    facts: Value,
}

impl<'a> Page<'a> {
    /// The page that `template` makes of `facts`.
    pub(super) fn new(guest: &'a Guest, template: &'static str, locale: Locale, facts: Value) -> Self {
        // A message in the frame shows nothing that is private.
        let ancestors = if guest.is_embedded() { "*" } else { "'none'" }.to_owned();
        Self { guest, template, locale, status: StatusCode::OK, accent: None, ancestors, form: None, facts }
    }

    /// With another status.
    pub(super) fn status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// In the colour of a venue.
    pub(super) fn accent(self, colour: Option<&str>) -> Self {
        Self { accent: colour.and_then(accent::stylesheet_for), ..self }
    }

    /// With a form for `action`, whose input stays when the guest chooses another language.
    pub(super) fn with_form(self, action: &str) -> Self {
        Self { form: Some(action.to_owned()), ..self }
    }

    /// Other origins may embed it.
    pub(super) fn embedded_by(self, ancestors: String) -> Self {
        Self { ancestors, ..self }
    }

    /// The response.
    pub(super) fn respond(self) -> Response {
        let guest = self.guest;
        let facts = context! {
            t => words::all(self.locale),
            lang => self.locale.tag(),
            in_english => guest.in_language("en"),
            in_indonesian => guest.in_language("id"),
            stylesheet => assets::STYLE.path(),
            script => assets::SCRIPT.path(),
            accent => self.accent,
            form_action => self.form,
            ..self.facts
        };
        let html = match templates::render(self.template, facts) {
            Ok(html) => html,
            Err(error) => return Problem::internal(&error).into_response(),
        };
        let policy = format!("{POLICY}{}", self.ancestors);
        let text = |text: &str| HeaderValue::from_str(text).ok();
        let headers: Vec<(HeaderName, Option<HeaderValue>)> = vec![
            (CONTENT_TYPE, text("text/html; charset=utf-8")),
            (CACHE_CONTROL, text("no-store")),
            (CONTENT_LANGUAGE, text(self.locale.tag())),
            (VARY, text("accept-language, cookie")),
            (CONTENT_SECURITY_POLICY, text(&policy)),
        ];
        let headers: HeaderMap =
            headers.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        let mut response = (self.status, headers, html).into_response();
        let chosen = chosen_in_query(&guest.uri).filter(|tag| Locale::from_tag(tag).is_some());
        // The widget on another site uses no cookies.
        if let Some(tag) = chosen.filter(|_| !guest.is_embedded()) {
            let cookie = access::cookies::set(people::LANGUAGE_COOKIE, Some(&tag), LANGUAGE_LASTS);
            response.headers_mut().extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
        }
        response
    }
}

/// A form that a guest sent.
pub(super) struct Sent<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<App> for Sent<T> {
    type Rejection = Response;

    async fn from_request(request: Request, _: &App) -> Result<Self, Response> {
        read_form(request).await.map(Self).map_err(Problem::into_response)
    }
}

/// Sends the browser to `path` with GET, also after a POST.
pub(super) fn go(path: &str) -> Response {
    Redirect::to(path).into_response()
}
