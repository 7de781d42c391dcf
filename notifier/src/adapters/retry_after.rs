//! The response header `Retry-After`, RFC 9110 §10.2.3.

use axum::http::HeaderMap;
use axum::http::header::{DATE, RETRY_AFTER};
use chrono::{DateTime, TimeDelta};

/// Maximum time that a provider can ask to wait.
const WAIT_MAX: TimeDelta = TimeDelta::hours(1);

/// How long the provider asks to wait, at most an hour. A date is compared with the clock of the provider.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<TimeDelta> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let value = text(RETRY_AFTER)?;
    let wait = match value.parse::<u32>() {
        Ok(seconds) => TimeDelta::seconds(i64::from(seconds)),
        Err(_) => {
            DateTime::parse_from_rfc2822(value).ok()? - DateTime::parse_from_rfc2822(text(DATE)?).ok()?
        }
    };
    (wait > TimeDelta::zero()).then_some(wait.min(WAIT_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_understood() {
        let wait = |after: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, after.parse().unwrap());
            headers.insert(DATE, "Thu, 24 Dec 2026 12:00:00 GMT".parse().unwrap());
            retry_after(&headers).map(|wait| wait.num_seconds())
        };
        assert_eq!(wait("7"), Some(7));
        assert_eq!(wait("86400"), Some(3_600));
        assert_eq!(wait("Thu, 24 Dec 2026 12:00:30 GMT"), Some(30));
        for nothing in ["0", "soon", "Thu, 24 Dec 2026 11:00:00 GMT"] {
            assert_eq!(wait(nothing), None, "{nothing}");
        }
    }
}
