//! The deadline of a call.

use std::time::Duration;

use axum::http::HeaderMap;
use tokio::time::Instant;

/// The deadline that the client set; `None` if it waits as long as it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline(pub Option<Instant>);

impl Deadline {
    /// The deadline of a call with `headers` that arrives now.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let timeout = headers.get("grpc-timeout").and_then(|value| value.to_str().ok()).and_then(timeout);
        Self(timeout.and_then(|timeout| Instant::now().checked_add(timeout)))
    }

    /// Waits until the deadline. Without a deadline it never returns.
    pub async fn passed(self) {
        match self.0 {
            // A timer that is over would be ready only after its next turn.
            Some(at) if at <= Instant::now() => {}
            Some(at) => tokio::time::sleep_until(at).await,
            None => std::future::pending().await,
        }
    }
}

/// Parses `grpc-timeout`: at most eight digits and a unit.
fn timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if !(1..=8).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(count * 3_600)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_has_at_most_eight_digits_and_a_unit() {
        assert_eq!(timeout("99999999H"), Some(Duration::from_secs(99_999_999 * 3_600)));
        assert_eq!(timeout("250m"), Some(Duration::from_millis(250)));
        assert_eq!(timeout("7u"), Some(Duration::from_micros(7)));
        for bad in ["", "S", "1", "1x", "-1S", "123456789S", "1é"] {
            assert_eq!(timeout(bad), None, "{bad}");
        }
    }
}
