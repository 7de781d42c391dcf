//! Headers with which every response tells browsers what they must not do with it.

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue};

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// What a response says unless it says something else: it is not guessed to be a script, sends no address to other sites,
/// is not embedded by them, is kept by no cache, and loads nothing if it is shown as a page.
pub(super) const PROTECTION: [(HeaderName, HeaderValue); 5] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (RESOURCE_POLICY, HeaderValue::from_static("same-origin")),
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
];

/// RFC 6797. Half a year; the names below this one are not ours.
const ENCRYPTED_ONLY: HeaderValue = HeaderValue::from_static("max-age=15768000");

/// Adds the headers to those of a response.
pub(super) fn protect(headers: &mut HeaderMap, is_encrypted: bool) {
    for (name, value) in PROTECTION {
        headers.entry(name).or_insert(value);
    }
    if is_encrypted {
        headers.insert(STRICT_TRANSPORT_SECURITY, ENCRYPTED_ONLY);
    }
}
