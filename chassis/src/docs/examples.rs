//! `/openapi.json`, with examples that can be sent as they are.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use chrono::{DateTime, Datelike as _, Days, NaiveDate, Utc, Weekday};
use utoipa::openapi::OpenApi;

use crate::environment::SharedEnvironment;

/// The day of the visits in the examples of the source code, a Thursday.
const WRITTEN_DAY: &str = "2026-12-24";

/// The description of an API. Its examples are always about a visit in the near future.
#[derive(Clone)]
pub(super) struct Document {
    written: Arc<str>,
    env: SharedEnvironment,
}

impl Document {
    pub(super) fn new(api: &OpenApi, env: SharedEnvironment) -> Self {
        // A description consists of texts, numbers and lists, which serde_json always writes.
        let written = serde_json::to_string(api).unwrap_or_default().into();
        Self { written, env }
    }

    fn at(&self, now: DateTime<Utc>) -> String {
        self.written.replace(WRITTEN_DAY, &example_day(now).to_string())
    }
}

pub(super) async fn document(State(document): State<Document>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], document.at(document.env.now()))
}

/// The first Thursday at least a week ahead: venues accept bookings for it in every time zone.
fn example_day(now: DateTime<Utc>) -> NaiveDate {
    let soonest = now.date_naive() + Days::new(7);
    let until_thursday =
        (7 + Weekday::Thu.num_days_from_monday() - soonest.weekday().num_days_from_monday()) % 7;
    soonest + Days::new(until_thursday.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_of_the_examples_is_a_thursday_in_the_week_after_next() {
        let day = |now: &str| example_day(now.parse().unwrap()).to_string();
        assert_eq!(day("2026-12-17T00:00:00Z"), "2026-12-24");
        assert_eq!(day("2026-12-17T23:59:59Z"), "2026-12-24");
        assert_eq!(day("2026-12-18T00:00:00Z"), "2026-12-31");
        assert_eq!(day("2026-12-23T12:00:00Z"), "2026-12-31");
        assert_eq!(day("2026-12-24T12:00:00Z"), "2026-12-31");
    }
}
