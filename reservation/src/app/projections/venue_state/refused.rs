//! How many requests a venue refused. Part of [`super`].

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use chrono::{DateTime, Days, NaiveDate, Utc};
use contract::reservation::stats::REFUSALS_KEPT_DAYS;
use events::event::RequestsRefused;

use super::VenueState;
use crate::app::refusals::{Kind, Refused};

/// The counts of a venue, by business day.
#[derive(Debug, Default)]
pub(super) struct RefusedRequests(BTreeMap<NaiveDate, BTreeMap<(Box<str>, bool), Refused>>);

impl VenueState {
    /// Adds the counts of an event.
    pub(in crate::app::projections) fn apply_refusals(
        &mut self,
        refused: &RequestsRefused,
        at: DateTime<Utc>,
    ) {
        let by_date = &mut self.refused.0;
        for count in &refused.counts {
            let kind = (count.reason_code.as_str().into(), count.walk_in);
            by_date.entry(count.date).or_default().entry(kind).or_default().add(count.into());
        }
        let kept_from = at.date_naive() - Days::new(REFUSALS_KEPT_DAYS);
        while by_date.first_key_value().is_some_and(|(date, _)| *date < kept_from) {
            by_date.pop_first();
        }
    }

    /// The counts of the business days in `dates`.
    pub(in crate::app::projections) fn refused(
        &self,
        dates: RangeInclusive<NaiveDate>,
    ) -> Vec<(Kind, Refused)> {
        let days = self.refused.0.range(dates);
        let counts =
            days.flat_map(|(date, counts)| counts.iter().map(|(kind, refused)| (*date, kind, refused)));
        counts
            .map(|(date, (reason, at_door), refused)| ((date, (**reason).to_owned(), *at_door), *refused))
            .collect()
    }
}
