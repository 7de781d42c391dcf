//! Reads the body of a request: limits, content types, malformed JSON.

use std::time::Duration;

use axum::Form;
use axum::body::{Body, HttpBody as _};
use axum::extract::rejection::FormRejection;
use axum::extract::{FromRequest as _, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use bytes::{Bytes, BytesMut};
use contract::fault::Fault;
use contract::json;
use http_body_util::BodyExt as _;
use mediatype::names::{APPLICATION, CHARSET, JSON};
use mediatype::{MediaType, ReadParams as _};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::problem::Problem;

/// Maximum size of a request body, in bytes.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// Maximum time for a request body to arrive.
pub const BODY_MAX: Duration = Duration::from_secs(10);

/// Maximum number of bytes of a body above [`BODY_BYTES_MAX`] that are read and discarded.
///
/// A connection closed while its client still sends is reset, and the client then loses the response that says why.
const DISCARDED_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Maximum time to read what is discarded.
const DISCARD_MAX: Duration = Duration::from_secs(2);

/// Reads a whole body, up to the limit.
///
/// The rest of a body that is too large is discarded within a limit of its own, so that the client reads the
/// response.
///
/// # Errors
/// 413 when it is larger than [`BODY_BYTES_MAX`], 408 when it takes longer than [`BODY_MAX`], 400 when it is truncated.
pub async fn read_body(mut body: Body) -> Result<Bytes, Problem> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let read = match announced > BODY_BYTES_MAX {
        true => Err(BodyError::TooLarge),
        false => tokio::time::timeout(BODY_MAX, collect(&mut body)).await.unwrap_or(Err(BodyError::TimedOut)),
    };
    if matches!(read, Err(BodyError::TooLarge)) && announced <= BODY_BYTES_MAX + DISCARDED_BYTES_MAX {
        // Whether the end was reached makes no difference: the response is the same.
        let _ = tokio::time::timeout(DISCARD_MAX, discard(&mut body)).await;
    }
    read.map_err(BodyError::into_problem)
}

/// Why a body was not read.
enum BodyError {
    TooLarge,
    TimedOut,
    Incomplete,
}

impl BodyError {
    fn into_problem(self) -> Problem {
        match self {
            Self::TooLarge => {
                let detail = format!("The body is larger than {BODY_BYTES_MAX} bytes. Send less.");
                Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
            }
            Self::TimedOut => {
                let detail = format!(
                    "The body did not arrive within {} s. Send the request again.",
                    BODY_MAX.as_secs()
                );
                Problem::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", detail)
            }
            Self::Incomplete => {
                let detail = "The body is incomplete. Send the request again.";
                Problem::new(StatusCode::BAD_REQUEST, "body_incomplete", detail)
            }
        }
    }
}

/// Reads up to [`BODY_BYTES_MAX`].
async fn collect(body: &mut Body) -> Result<Bytes, BodyError> {
    let mut collected = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyError::Incomplete)?.into_data() else { continue };
        if collected.len() + data.len() > BODY_BYTES_MAX {
            return Err(BodyError::TooLarge);
        }
        collected.extend_from_slice(&data);
    }
    Ok(collected.freeze())
}

/// Reads up to [`DISCARDED_BYTES_MAX`] and drops them.
async fn discard(body: &mut Body) {
    let mut bytes = 0;
    while bytes <= DISCARDED_BYTES_MAX
        && let Some(Ok(frame)) = body.frame().await
    {
        bytes += frame.data_ref().map_or(0, Bytes::len);
    }
}

/// Reads the form of a page, with the limits of all bodies, which a form does not have by itself.
///
/// # Errors
/// Those of [`read_body`], 415 for another content type, 422 for fields that no browser sends.
pub async fn read_form<T: DeserializeOwned>(request: Request) -> Result<T, Problem> {
    let (parts, body) = request.into_parts();
    let body = read_body(body).await?;
    let form = Form::from_request(Request::from_parts(parts, body.into()), &()).await;
    form.map(|Form(form)| form).map_err(|rejection: FormRejection| unreadable(&rejection))
}

/// The problem of a body that no browser sends for the form of a page.
fn unreadable(rejection: &FormRejection) -> Problem {
    let (status, words) = (rejection.status(), rejection.body_text());
    let code = match status {
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "unsupported_media_type",
        StatusCode::PAYLOAD_TOO_LARGE => "body_too_large",
        _ => "invalid_request",
    };
    Problem::new(status, code, format!("{words}. Send the form of the page."))
}

/// Parses `body` as one JSON object. An empty body without a content type is an empty object.
///
/// # Errors
/// 415 for another content type, another charset or an encoded body, 400 for malformed JSON, 422 for JSON that is not
/// an object.
pub fn parse_object(headers: &HeaderMap, body: &[u8]) -> Result<Map<String, Value>, Problem> {
    let is_encoded = |value: &&HeaderValue| !value.as_bytes().eq_ignore_ascii_case(b"identity");
    if let Some(encoding) = headers.get_all(header::CONTENT_ENCODING).iter().find(is_encoded) {
        let shown = String::from_utf8_lossy(encoding.as_bytes());
        let detail = format!("The body is encoded as {shown}. Send it without a Content-Encoding.");
        // RFC 9110 §15.5.16: says which encodings are supported.
        let identity = HeaderValue::from_static("identity");
        return Err(unsupported(detail).header(header::ACCEPT_ENCODING, identity));
    }
    let content_type = headers.get(header::CONTENT_TYPE).map(|v| v.to_str().unwrap_or("?"));
    if body.is_empty() && content_type.is_none_or(is_json) {
        return Ok(Map::new());
    }
    if !content_type.is_some_and(is_json) {
        let shown = content_type.unwrap_or("none");
        return Err(unsupported(format!(
            "The content type is {shown}: send the body as application/json in UTF-8."
        )));
    }
    match json::parse(body) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(other) => Err(Fault::not_an_object(other).into()),
        Err(error) => {
            let detail = format!("The body cannot be read as JSON: {error}.");
            Err(Problem::new(StatusCode::BAD_REQUEST, "malformed_json", detail))
        }
    }
}

fn unsupported(detail: String) -> Problem {
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
}

/// Whether a content type is JSON in UTF-8. RFC 8259 §8.1: JSON between systems is UTF-8.
fn is_json(content_type: &str) -> bool {
    let Ok(media_type) = MediaType::parse(content_type) else { return false };
    let is_json = media_type.essence() == MediaType::new(APPLICATION, JSON)
        || media_type.suffix.is_some_and(|suffix| suffix == JSON);
    let charset = media_type.get_param(CHARSET).map(|value| value.unquoted_str().to_ascii_lowercase());
    is_json && charset.is_none_or(|charset| matches!(charset.as_str(), "utf-8" | "utf8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types_are_judged_by_their_essence_and_charset() {
        for json in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/json;charset=\"UTF-8\"",
            "application/merge-patch+json",
        ] {
            assert!(is_json(json), "{json}");
        }
        for other in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/json; charset=iso-8859-1",
            "application/json; charset=utf-16",
            "json",
            "+json",
        ] {
            assert!(!is_json(other), "{other}");
        }
    }
}
