//! Conditional requests, RFC 9110 §13.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};
use contract::fault::Fault;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::problem::Problem;

/// A strong entity tag. Its text is without the quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ETag(String);

impl ETag {
    /// The tag of a version of a resource.
    #[must_use]
    pub fn version(version: u64) -> Self {
        Self(version.to_string())
    }

    /// The tag of a representation that can also change without a new version: `detail` distinguishes them. A
    /// condition that names the tag is about the version.
    #[must_use]
    pub fn version_with(version: u64, detail: impl std::fmt::Display) -> Self {
        Self(format!("{version}.{detail}"))
    }

    /// The tag of a representation without a version.
    #[must_use]
    pub fn of_json(representation: &impl Serialize) -> Self {
        // Representations consist of text, numbers and lists, so that they can always be written.
        let json = serde_json::to_vec(representation).unwrap_or_default();
        Self(hex::encode(&Sha256::digest(json)[..12]))
    }

    /// A tag with this text, which must not contain quotes.
    #[must_use]
    pub fn text(text: String) -> Self {
        Self(text)
    }

    fn header(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&format!("\"{}\"", self.0)).ok()
    }
}

impl std::fmt::Display for ETag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl IntoResponseParts for ETag {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Self::Error> {
        if let Some(value) = self.header() {
            parts.headers_mut().insert(header::ETAG, value);
        }
        Ok(parts)
    }
}

/// Whether the caller already has the representation with the tag `current`: `If-None-Match`.
#[must_use]
pub fn is_not_modified(headers: &HeaderMap, current: &ETag) -> bool {
    match joined(headers, &header::IF_NONE_MATCH) {
        None => false,
        Some(text) if text.trim() == "*" => true,
        // Weak comparison: RFC 9110 §13.1.2.
        Some(text) => tags(&text).is_some_and(|tags| tags.iter().any(|tag| tag.opaque == current.0)),
    }
}

/// 304 with the tag of the representation that the caller has.
#[must_use]
pub fn not_modified(current: ETag) -> Response {
    (StatusCode::NOT_MODIFIED, current, ()).into_response()
}

/// The versions that a command accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IfMatch {
    /// Every version: there is no `If-Match`, or it is `*`.
    Any,
    /// One of these. Empty if none of the tags is a version of this service.
    Versions(Vec<u64>),
}

impl IfMatch {
    /// The condition of a request. Several lines mean the same as one with all their tags.
    ///
    /// # Errors
    /// 422 when the header is not a list of entity tags.
    pub fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let Some(text) = joined(headers, &header::IF_MATCH) else { return Ok(Self::Any) };
        if text.trim() == "*" {
            return Ok(Self::Any);
        }
        let Some(tags) = tags(&text).filter(|tags| !tags.is_empty()) else {
            let msg = "Header should be the ETag of the resource, for example \"3\" with the quotes, or *";
            return Err(Problem::from(Fault::new("header", "If-Match", "value_error", msg, text)));
        };
        // Strong comparison: a weak tag matches nothing. RFC 9110 §13.1.1.
        let strong = tags.iter().filter(|tag| !tag.is_weak);
        Ok(Self::Versions(strong.filter_map(|tag| tag.version()).collect()))
    }
}

/// The lines of a header as one.
fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let lines: Vec<_> =
        headers.get_all(name).iter().map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
    (!lines.is_empty()).then(|| lines.join(", "))
}

struct Tag<'a> {
    is_weak: bool,
    opaque: &'a str,
}

impl Tag<'_> {
    /// The version that the tag begins with.
    fn version(&self) -> Option<u64> {
        self.opaque.split('.').next()?.parse().ok()
    }
}

/// A list of entity tags. The text between the quotes may contain commas.
fn tags(text: &str) -> Option<Vec<Tag<'_>>> {
    // Empty elements of a list are ignored: RFC 9110 §5.6.1.2.
    let mut rest = text.trim_matches([',', ' ', '\t']);
    let mut found = Vec::new();
    while !rest.is_empty() {
        let strong = rest.strip_prefix("W/");
        let (opaque, after) = strong.unwrap_or(rest).strip_prefix('"')?.split_once('"')?;
        found.push(Tag { is_weak: strong.is_some(), opaque });
        let after = after.trim_start();
        rest = after.trim_start_matches([',', ' ', '\t']);
        if !after.is_empty() && !after.starts_with(',') {
            return None;
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, lines: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(&name, HeaderValue::from_static(line));
        }
        headers
    }

    #[test]
    fn the_versions_of_if_match_are_read_from_all_its_lines() {
        let versions = |lines: &[&'static str]| IfMatch::of(&headers(header::IF_MATCH, lines)).ok();
        assert_eq!(versions(&[]), Some(IfMatch::Any));
        assert_eq!(versions(&[" * "]), Some(IfMatch::Any));
        assert_eq!(versions(&[r#""3", "4.1""#, r#""5""#]), Some(IfMatch::Versions(vec![3, 4, 5])));
        assert_eq!(versions(&[r#" , W/"3","a,b" , "#]), Some(IfMatch::Versions(vec![])));
        for malformed in ["", " , ", "3", "\"3", "\"3\" \"4\"", "w/\"3\""] {
            assert_eq!(versions(&[malformed]), None, "{malformed}");
        }
    }

    #[test]
    fn a_representation_that_the_caller_has_is_not_modified() {
        let is = |line| is_not_modified(&headers(header::IF_NONE_MATCH, &[line]), &ETag::version_with(3, 1));
        assert!(is("*") && is(r#""3.1""#) && is(r#""2", W/"3.1""#));
        assert!(!is(r#""3""#) && !is("3.1") && !is(r#""3.2""#));
        assert!(!is_not_modified(&HeaderMap::new(), &ETag::version(3)));
    }
}
