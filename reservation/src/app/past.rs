//! The application as it was. A question about the past is answered by the code that answers questions about now: over a store that
//! ends at a position, with a clock that shows the time of then, and with read models that contain what the question needs.

mod environment;
mod store;

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use events::recorded::Recorded;
use events::store::{EventBytes, EventStore};
use events::values::TimeWindow;
use events::{Position, Query, Tag, VenueId};

use self::environment::PastEnvironment;
use self::store::PastStore;
use crate::app::App;
use crate::app::projections::Filter;
use crate::app::queries::{PAST_EVENTS_MAX, QueryError};
use crate::app::repository::{self, AsOf, RepositoryError};
use crate::app::state::Past;

/// How many days before the days of a question a party can have been seated that is still at its table.
const SEATED_DAYS: i64 = 31;
/// How much longer than recorded a visit is taken to have lasted: its length is in whole minutes.
const STAY_MARGIN: TimeDelta = TimeDelta::minutes(2);
/// How many days a party can have waited.
const WAITING_DAYS: i64 = 366;
/// Number of events read at a time.
const PAGE_EVENTS: usize = 1_000;
/// For how many reservations and waitlist entries events are read at a time.
const SUBJECTS_AT_ONCE: usize = 64;

impl App {
    /// The application as of some time, for questions about `venue`. It knows the rules of that venue; visits and waiting
    /// parties are read when a query needs them.
    ///
    /// # Errors
    /// [`QueryError::Read`].
    pub async fn as_it_was(&self, as_of: AsOf, venue: &VenueId) -> Result<Self, QueryError> {
        let past = self.before(as_of).await?;
        past.load(vec![Tag::rules(venue)], Position::START).await?;
        Ok(past)
    }

    /// The application as of some time, without read models: for questions that only read the log.
    pub(super) async fn before(&self, as_of: AsOf) -> Result<Self, QueryError> {
        // It is never closed.
        let place = Arc::clone(&self.past_questions).acquire_owned().await.ok();
        let (last, now) = moment(self, as_of).await?;
        let store = Arc::new(PastStore::new(Arc::clone(&self.store), last));
        let env = Arc::new(PastEnvironment::new(now, Arc::clone(&self.env)));
        Ok(self.with_past(store, env, Past { present: self.clone(), last, place }))
    }

    /// The last event that was recorded before `time`.
    ///
    /// # Errors
    /// [`QueryError::Read`].
    pub async fn last_before(&self, time: DateTime<Utc>) -> Result<Position, QueryError> {
        last_before(self.store.as_ref(), time - TimeDelta::microseconds(1)).await
    }

    /// Whether this is the application as it was.
    #[must_use]
    pub fn is_past(&self) -> bool {
        self.past.is_some()
    }

    /// Makes the read models contain the visits of `venue` that concern `window`: waits for them, or reads those of the past.
    ///
    /// # Errors
    /// [`QueryError::Read`].
    pub(super) async fn know_visits(&self, venue: &VenueId, window: &TimeWindow) -> Result<(), QueryError> {
        match &self.past {
            None => self.catch_up().await,
            Some(past) => {
                let tags = visits(self, &past.present, venue, window).await?;
                self.load(tags, Position::START).await
            }
        }
    }

    /// Makes the read models contain the parties that wait at `venue`: waits for them, or reads those of the past.
    ///
    /// # Errors
    /// [`QueryError::Read`].
    pub(super) async fn know_waitlist(&self, venue: &VenueId) -> Result<(), QueryError> {
        if self.past.is_none() {
            return self.catch_up().await;
        }
        let since = self.env.now() - TimeDelta::days(WAITING_DAYS);
        let after = last_before(self.store.as_ref(), since).await?;
        self.load(vec![Tag::waiting(venue)], after).await
    }

    /// Applies the events after `after` that have one of `tags`, in the order of the log.
    async fn load(&self, tags: Vec<Tag>, after: Position) -> Result<(), QueryError> {
        let mut events = Vec::new();
        for some in tags.chunks(SUBJECTS_AT_ONCE) {
            let query = Query::any_tag(some.iter().cloned());
            each(self.store.as_ref(), &query, after, |event| {
                events.push((event.position, event.json.to_vec()));
                if events.len() > PAST_EVENTS_MAX { Err(QueryError::PastTooLong) } else { Ok(()) }
            })
            .await?;
        }
        events.sort_unstable_by_key(|(position, _)| *position);
        events.dedup_by_key(|(position, _)| *position);
        for (position, json) in &events {
            self.projections.apply(EventBytes { position: *position, json })?;
        }
        if let Some(past) = &self.past {
            self.projections.skip_to(past.last);
        }
        Ok(self.projections.catch_up(self.store.as_ref()).await?)
    }
}

/// The tags of the reservations and the waitlist entries that concern `window`: those with an event of its days, and those of parties that
/// were seated before and stayed into it.
async fn visits(
    past: &App,
    present: &App,
    venue: &VenueId,
    window: &TimeWindow,
) -> Result<Vec<Tag>, QueryError> {
    // A party that was seated on the evening before has no event of today.
    let days = TimeWindow { start: window.start - TimeDelta::days(1), end: window.end };
    let query = Query::any_tag(days.utc_dates().map(|date| Tag::day(venue, date)));
    let (mut reservations, mut entries) = (BTreeSet::new(), BTreeSet::new());
    each(past.store.as_ref(), &query, Position::START, |event| {
        let recorded = parse(event)?;
        reservations.extend(repository::reservation_of(&recorded));
        entries.extend(repository::waitlist_entry_of(&recorded));
        Ok(())
    })
    .await?;
    let earlier = Filter {
        venue_id: Some(venue.clone()),
        from: Some(window.start - TimeDelta::days(SEATED_DAYS)),
        to: Some(window.start),
        ..Filter::default()
    };
    present.projections.each(&earlier, |reservation| {
        let stayed = reservation.turn_minutes.map(|minutes| TimeDelta::minutes(minutes.into()) + STAY_MARGIN);
        // A party without an end has not left, or was noted as leaving by mistake.
        let is_gone = |seated: DateTime<Utc>| stayed.is_some_and(|stayed| seated + stayed < window.start);
        if reservation.seated_at.is_some_and(|seated| !is_gone(seated)) {
            reservations.insert(reservation.id);
        }
    });
    let reservations = reservations.into_iter().map(Tag::reservation);
    Ok(reservations.chain(entries.into_iter().map(Tag::waitlist)).collect())
}

/// The last event that counts, and the time that the clock shows. A position behind the end of the log is its end.
async fn moment(app: &App, as_of: AsOf) -> Result<(Position, DateTime<Utc>), QueryError> {
    let (store, now) = (app.store.as_ref(), app.env.now());
    let head = store.head().await?;
    Ok(match as_of {
        AsOf::Now => (head, now),
        AsOf::Position(position) => {
            let position = position.min(head);
            (position, time_of(store, position).await?.unwrap_or(now))
        }
        AsOf::Time(time) => {
            let time = time.min(now);
            (last_before(store, time).await?, time)
        }
    })
}

/// The last event that was recorded at `time` or before, by bisection. Events are in the order of their times as far as the clock never
/// went back: otherwise the answer can be that of a moment shortly before or after.
async fn last_before(store: &dyn EventStore, time: DateTime<Utc>) -> Result<Position, QueryError> {
    let (mut low, mut high) = (0, store.head().await?.0);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        match time_of(store, Position(middle)).await? {
            Some(at) if at > time => high = middle - 1,
            _ => low = middle,
        }
    }
    Ok(Position(low))
}

/// When the event at `position` was recorded; `None` before the first one.
async fn time_of(store: &dyn EventStore, position: Position) -> Result<Option<DateTime<Utc>>, QueryError> {
    let Some(before) = position.0.checked_sub(1) else { return Ok(None) };
    let page = store.read(&Query::all(), Position(before), 1).await?;
    Ok(page.first().map(|event| parse(event).map(|recorded| recorded.time)).transpose()?)
}

/// Visits the events after `after` that `query` matches, without decoding them.
async fn each(
    store: &dyn EventStore,
    query: &Query,
    mut after: Position,
    mut visit: impl FnMut(EventBytes<'_>) -> Result<(), QueryError>,
) -> Result<(), QueryError> {
    loop {
        let page = store.read(query, after, PAGE_EVENTS).await?;
        page.iter().try_for_each(&mut visit)?;
        if page.len() < PAGE_EVENTS {
            return Ok(());
        }
        after = page.scanned_to;
    }
}

fn parse(event: EventBytes<'_>) -> Result<Recorded<'_>, RepositoryError> {
    let at = event.position;
    Recorded::parse(event.json).map_err(|source| RepositoryError::Parse { at, source })
}
