//! The header `Idempotency-Key`, draft-ietf-httpapi-idempotency-key-header.

use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use contract::fault::Fault;

use crate::problem::Problem;

/// Maximum length of a key, in bytes.
pub const KEY_BYTES_MAX: usize = 128;

/// The key of a request, if it has one. The draft defines the value as a quoted string, and most clients send it bare:
/// both mean the same key.
///
/// # Errors
/// 422 when the key is not 1 to [`KEY_BYTES_MAX`] visible ASCII
/// characters without quotes.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let fault = |msg: &str, shown: &[u8]| {
        let shown: String = String::from_utf8_lossy(shown).chars().take(KEY_BYTES_MAX).collect();
        Problem::from(Fault::new("header", "Idempotency-Key", "value_error", msg, shown))
    };
    // Several lines do not get here.
    let Some(line) = headers.get("idempotency-key") else { return Ok(None) };
    let text = line.to_str().ok().map(str::trim);
    let quoted = |text: &'_ str| text.strip_prefix('"')?.strip_suffix('"').map(str::to_owned);
    let key = text.map(|text| quoted(text).unwrap_or_else(|| text.to_owned()));
    let is_valid = |key: &String| {
        (1..=KEY_BYTES_MAX).contains(&key.len())
            && key.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"')
    };
    match key.filter(is_valid) {
        Some(key) => Ok(Some(key)),
        None => {
            let msg = format!(
                "Header should have 1 to {KEY_BYTES_MAX} visible ASCII characters without quotes, for example a UUID"
            );
            Err(fault(&msg, line.as_bytes()))
        }
    }
}

/// The header of a response to an earlier request with the same key.
pub const REPLAYED: &str = "idempotent-replayed";

/// Marks `response` as the response to an earlier request with the same key.
pub fn mark_replayed(response: &mut Response) {
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(lines: &[&'static str]) -> Result<Option<String>, ()> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("idempotency-key", HeaderValue::from_static(line));
        }
        idempotency_key(&headers).map_err(|_| ())
    }

    #[test]
    fn a_quoted_key_and_a_bare_key_are_the_same() {
        assert_eq!(key(&[]), Ok(None));
        for same in ["k-1", "\"k-1\"", " k-1 "] {
            assert_eq!(key(&[same]), Ok(Some("k-1".into())), "{same}");
        }
    }

    #[test]
    fn a_key_that_could_mean_several_is_refused() {
        for lines in [&[""][..], &["\"\""], &["a b"], &["\"k"], &["k\""], &["a\"b"]] {
            assert_eq!(key(lines), Err(()), "{lines:?}");
        }
    }
}
