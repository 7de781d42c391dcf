//! Compressed responses.

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate as _, SizeAbove};

/// Responses up to this size are sent as they are, in bytes.
const PLAIN_BYTES_MAX: u16 = 1_024;

/// The encodings that a response can have.
const ENCODINGS: [&str; 3] = ["gzip", "br", "zstd"];

/// Separates the tag of a representation from the encoding that it is sent in.
const ENCODED: char = ';';

/// `router` with compressed responses for requests that accept gzip, br or zstd. Streams are sent as they are, because
/// a consumer would wait for events that the compressor keeps back.
pub fn compressed(router: Router) -> Router {
    let large = SizeAbove::new(PLAIN_BYTES_MAX)
        .and(NotForContentType::SSE)
        .and(NotForContentType::const_new("application/octet-stream"));
    let compression = CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(large);
    router.layer(compression).layer(middleware::from_fn(tag_encodings))
}

/// Representations in different encodings need different strong tags: RFC 9110 §8.8.3.3. The encoding is added to the
/// tag of an encoded response, and removed from the tags of a request, so that handlers do not know of it.
async fn tag_encodings(mut request: Request, next: Next) -> Response {
    let known = encoded_tags(request.headers());
    for name in [header::IF_NONE_MATCH, header::IF_MATCH] {
        remove_encodings(request.headers_mut(), &name);
    }
    let mut response = next.run(request).await;
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

/// The text of `If-None-Match`, if it contains the tag of an encoded response.
fn encoded_tags(headers: &HeaderMap) -> String {
    let lines = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok());
    lines.filter(|line| line.contains(ENCODED)).collect::<Vec<_>>().join(",")
}

fn remove_encodings(headers: &mut HeaderMap, name: &header::HeaderName) {
    let is_encoded = |line: &HeaderValue| line.as_bytes().contains(&(ENCODED as u8));
    if !headers.get_all(name).iter().any(is_encoded) {
        return;
    }
    let lines: Vec<_> = headers.get_all(name).iter().map(plain_tags).collect();
    headers.remove(name);
    for line in lines {
        headers.append(name.clone(), line);
    }
}

fn plain_tags(line: &HeaderValue) -> HeaderValue {
    let plain = line.to_str().ok().map(|text| {
        ENCODINGS
            .iter()
            .fold(text.to_owned(), |text, encoding| text.replace(&format!("{ENCODED}{encoding}\""), "\""))
    });
    plain.and_then(|text| HeaderValue::from_str(&text).ok()).unwrap_or_else(|| line.clone())
}
