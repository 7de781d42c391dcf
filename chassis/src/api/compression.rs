//! Compressed responses.

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate as _, SizeAbove};

/// Responses up to this size are sent as they are, in bytes.
const PLAIN_BYTES_MAX: u16 = 1_024;

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
    for name in [header::IF_NONE_MATCH, header::IF_MATCH] {
        remove_encodings(request.headers_mut(), &name);
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let encoding = headers.get(header::CONTENT_ENCODING).and_then(|value| value.to_str().ok());
    let tag = headers.get(header::ETAG).and_then(|tag| tag.to_str().ok()?.strip_suffix('"'));
    if let (Some(encoding), Some(tag)) = (encoding, tag)
        && let Ok(tag) = HeaderValue::from_str(&format!("{tag}{ENCODED}{encoding}\""))
    {
        headers.insert(header::ETAG, tag);
    }
    response
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
        ["gzip", "br", "zstd"]
            .iter()
            .fold(text.to_owned(), |text, encoding| text.replace(&format!("{ENCODED}{encoding}\""), "\""))
    });
    plain.and_then(|text| HeaderValue::from_str(&text).ok()).unwrap_or_else(|| line.clone())
}
