//! Following the log: the events that a consumer may read, page after page.

use std::time::Duration;

use access::{Caller, Denied};
use contract::form::Form;
use events::event::Event;
use events::store::{Page, ReadError};
use events::{EventId, Position, Query, QueryItem, ReservationId, Tag, VenueId, WaitlistId};

use crate::api::problem::malformed_cursor;
use crate::app::App;
use crate::app::admission::Waiting;
use crate::app::queries::FeedError;

/// Maximum number of types, and of tags, of one request.
const FILTERS_MAX: usize = 20;

/// A consumer of the log.
pub(in crate::api) struct Follower {
    app: App,
    query: Query,
    /// Maximum number of events in a page.
    limit: usize,
    /// Everything up to this position was read.
    after: Position,
    caller: Caller,
    /// How long it waits for an event; then it gets an empty page. `None`: as long as it takes.
    quiet_max: Option<Duration>,
    _waiting: Waiting,
}

/// Why a consumer gets no more events.
#[derive(Debug, thiserror::Error)]
pub(in crate::api) enum Ended {
    /// The service stops.
    #[error("the service is stopping")]
    Stopping,
    /// Its credential ended.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The log could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// What a consumer follows.
pub(in crate::api) struct Following {
    /// The events.
    pub(in crate::api) query: Query,
    /// Those after this position.
    pub(in crate::api) after: Position,
    /// Maximum number of events in a page.
    pub(in crate::api) limit: usize,
    /// How long to wait for an event before an empty page.
    pub(in crate::api) quiet_max: Option<Duration>,
}

impl Follower {
    /// A consumer of `following`.
    ///
    /// # Errors
    /// [`FeedError::TooManyWaiting`].
    pub(in crate::api) fn new(app: App, following: Following, caller: Caller) -> Result<Self, FeedError> {
        let waiting = app.admission.wait(&caller).ok_or(FeedError::TooManyWaiting)?;
        let Following { query, after, limit, quiet_max } = following;
        Ok(Self { app, query, limit, after, caller, quiet_max, _waiting: waiting })
    }

    /// The next events.
    ///
    /// # Errors
    /// [`Ended`].
    pub(in crate::api) async fn next_page(&mut self) -> Result<Page, Ended> {
        let mut head = self.app.store.watch_head();
        let quiet = async {
            match self.quiet_max {
                Some(max) => self.app.env.sleep(max).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(quiet);
        loop {
            if self.app.shutdown.is_requested() {
                return Err(Ended::Stopping);
            }
            let page = self.app.store.read(&self.query, self.after, self.limit).await?;
            self.after = page.scanned_to;
            self.app.check_credential(&self.caller, self.after).await?;
            if !page.is_empty() {
                return Ok(page);
            }
            let after = self.after;
            tokio::select! {
                changed = head.wait_for(|head| *head > after) => {
                    changed.map_err(|_| Ended::Stopping)?;
                }
                () = &mut quiet => return Ok(page),
                () = self.app.shutdown.requested() => return Err(Ended::Stopping),
                () = self.caller.ended(self.app.env.as_ref()) => return Err(Denied::Ended.into()),
            }
        }
    }
}

/// The cursor and the filters of a request to follow the log: `after`, `types` and `tags`.
pub(in crate::api) fn selection(
    mut form: Form,
    caller: &Caller,
) -> Result<(Option<EventId>, Query), chassis::problem::Problem> {
    let cursor = form.optional_text("after", 100).map(|text| text.parse::<EventId>());
    let types = form.texts_parsed("types", FILTERS_MAX, 100, |text| {
        let known = Event::TYPES.iter().find(|known| **known == text);
        known.map(|known| (*known).to_owned()).ok_or_else(|| format!("{text:?} is not a type of events"))
    });
    let tags = form.texts_parsed("tags", FILTERS_MAX, Tag::MAX_BYTES, tag);
    let (types, tags) = form.finish(Some((types, tags)))?;
    let after = cursor.transpose().map_err(|error| malformed_cursor(&error))?;
    let items = match tags.is_empty() {
        true => vec![QueryItem { types, tags }],
        false => tags.into_iter().map(|tag| QueryItem { types: types.clone(), tags: vec![tag] }).collect(),
    };
    Ok((after, visible(items, caller)))
}

/// The tag of a subject or a customer.
fn tag(text: &str) -> Result<Tag, String> {
    let tag = match text.split_once(':') {
        Some(("reservation", id)) => id.parse().ok().map(Tag::reservation),
        Some(("waitlist", id)) => id.parse().ok().map(Tag::waitlist),
        Some(("venue", id)) => id.parse().ok().map(|id| Tag::venue(&id)),
        Some(("customer", id)) => id.parse().ok().map(|id| Tag::customer(&id)),
        _ => None,
    };
    tag.ok_or_else(|| {
        format!(
            "{text:?} is not a tag such as reservation:<uuid>, waitlist:<uuid>, venue:<id> or customer:<id>"
        )
    })
}

/// The events among `items` that `caller` may read. Those that belong to no venue, such as those of keys, are left out if
/// the caller is limited to venues.
pub(in crate::api) fn visible(items: Vec<QueryItem>, caller: &Caller) -> Query {
    let Some(venues) = caller.venues.list() else { return Query { items } };
    let items = items.iter().flat_map(|item| venues.iter().map(|venue| of_venue(item, venue))).collect();
    Query { items }
}

/// The tag of the events with this subject.
pub(in crate::api) fn subject_tag(subject: &str) -> Result<Tag, String> {
    let invalid =
        || format!("{subject:?} is not a subject such as reservation/<uuid>, waitlist/<uuid> or venue/<id>");
    match subject.split_once('/') {
        Some(("reservation", id)) => id.parse::<ReservationId>().map(Tag::reservation).map_err(|_| invalid()),
        Some(("waitlist", id)) => id.parse::<WaitlistId>().map(Tag::waitlist).map_err(|_| invalid()),
        Some(("venue", id)) => id.parse().map(|id| Tag::venue(&id)).map_err(|_| invalid()),
        _ => Err(invalid()),
    }
}

/// The events of `venue` among those that `item` selects.
fn of_venue(item: &QueryItem, venue: &VenueId) -> QueryItem {
    let tags = item.tags.iter().cloned().chain([Tag::venue(venue)]).collect();
    QueryItem { types: item.types.clone(), tags }
}
