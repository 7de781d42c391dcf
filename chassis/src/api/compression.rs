//! Compressed responses.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use tower::{Layer as _, ServiceExt as _};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};

/// Responses up to this size are sent as they are, in bytes.
const PLAIN_BYTES_MAX: u16 = 1_024;

/// The encodings that a response can have.
const ENCODINGS: [&str; 3] = ["gzip", "br", "zstd"];

/// Separates the tag of a representation from the encoding that it is sent in.
const ENCODED: char = ';';

/// Middleware that compresses responses for requests that accept gzip, br or zstd. Streams are sent as they are, because
/// a consumer would wait for events that the compressor keeps back.
///
/// Representations in different encodings need different strong tags: RFC 9110 §8.8.3.3. The encoding is added to the
/// tag of an encoded response, and removed from the tags of a request, so that handlers do not know of it.
pub async fn encode(mut request: Request, next: Next) -> Response {
    // Most programs accept no encoding, and then the response cannot have one.
    if !request.headers().contains_key(header::ACCEPT_ENCODING) {
        remove_encodings(request.headers_mut(), &header::IF_MATCH, &ENCODINGS);
        let mut response = next.run(request).await;
        if is_compressible().should_compress(&response) {
            // A cache must not give this response to callers that get it compressed: RFC 9110 §12.5.5.
            response.headers_mut().append(header::VARY, HeaderValue::from_name(header::ACCEPT_ENCODING));
        }
        return response;
    }
    let known = encoded_tags(request.headers());
    // A tag of an encoding that the request does not accept must not give 304: the caller could not read its body.
    let accepted = accepted_encodings(request.headers());
    remove_encodings(request.headers_mut(), &header::IF_NONE_MATCH, &accepted);
    remove_encodings(request.headers_mut(), &header::IF_MATCH, &ENCODINGS);
    let compression =
        CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(is_compressible());
    let Ok(response) = compression.layer(next).oneshot(request).await;
    let mut response = response.map(Body::new);
    let not_modified = response.status() == StatusCode::NOT_MODIFIED;
    let headers = response.headers_mut();
    let Some(tag) = headers.get(header::ETAG).and_then(|tag| tag.to_str().ok()?.strip_suffix('"')) else {
        return response;
    };
    let tag = if not_modified {
        // The tag of the response that the caller has: RFC 9110 §15.4.5.
        ENCODINGS.iter().map(|encoding| format!("{tag}{ENCODED}{encoding}\"")).find(|tag| known.contains(tag))
    } else {
        let encoding = headers.get(header::CONTENT_ENCODING).and_then(|value| value.to_str().ok());
        encoding.map(|encoding| format!("{tag}{ENCODED}{encoding}\""))
    };
    if let Some(tag) = tag.and_then(|tag| HeaderValue::from_str(&tag).ok()) {
        headers.insert(header::ETAG, tag);
        if not_modified {
            headers.append(header::VARY, HeaderValue::from_name(header::ACCEPT_ENCODING));
        }
    }
    response
}

/// Which responses are compressed: large ones, but no streams and no backups.
fn is_compressible() -> impl Predicate {
    SizeAbove::new(PLAIN_BYTES_MAX)
        .and(NotForContentType::SSE)
        .and(NotForContentType::const_new("application/octet-stream"))
}

/// The text of `If-None-Match`, if it contains the tag of an encoded response.
fn encoded_tags(headers: &HeaderMap) -> String {
    let lines = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok());
    lines.filter(|line| line.contains(ENCODED)).collect::<Vec<_>>().join(",")
}

/// The encodings of this service that `Accept-Encoding` names.
fn accepted_encodings(headers: &HeaderMap) -> Vec<&'static str> {
    let lines = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    let names: Vec<_> =
        lines.flat_map(|line| line.split(',')).filter_map(|item| item.split(';').next()).collect();
    let is_named = |encoding: &&&str| names.iter().any(|name| name.trim().eq_ignore_ascii_case(encoding));
    ENCODINGS.iter().filter(is_named).copied().collect()
}

/// Removes `encodings` from the tags in the header `name`.
fn remove_encodings(headers: &mut HeaderMap, name: &header::HeaderName, encodings: &[&str]) {
    let is_encoded = |line: &HeaderValue| line.as_bytes().contains(&(ENCODED as u8));
    if !headers.get_all(name).iter().any(is_encoded) {
        return;
    }
    let lines: Vec<_> = headers.get_all(name).iter().map(|line| plain_tags(line, encodings)).collect();
    headers.remove(name);
    for line in lines {
        headers.append(name.clone(), line);
    }
}

fn plain_tags(line: &HeaderValue, encodings: &[&str]) -> HeaderValue {
    let plain = line.to_str().ok().map(|text| {
        encodings
            .iter()
            .fold(text.to_owned(), |text, encoding| text.replace(&format!("{ENCODED}{encoding}\""), "\""))
    });
    plain.and_then(|text| HeaderValue::from_str(&text).ok()).unwrap_or_else(|| line.clone())
}
