//! A look into the log, for people who inspect it.

use access::Caller;
use axum::Json;
use axum::extract::State;
use chassis::api::Query;
use chassis::problem::Problem;
use contract::form::Form;
use contract::reservation::feed::EventsFound;
use contract::reservation::queries::{FindEvents, drafts};
use events::{Position, QueryItem};
use serde_json::value::RawValue;

use crate::api::operations::follow::{subject_tag, visible};
use crate::app::App;
use crate::app::queries::QueryError;
use crate::app::queries::find_events::{EventFilter, Start};

/// The number of events by default.
const LIMIT_DEFAULT: usize = 50;

/// Look into the log
///
/// Events from any position on, forwards or backwards, as the feed has them. Types and subjects are in an index. A search for
/// an actor or a request examines about 20000 events for one answer, which says how far it came.
#[utoipa::path(get, path = "/api/audit/events", operation_id = "findEvents", tag = "feed",
    params(FindEvents),
    responses((status = 200, body = EventsFound)))]
pub(super) async fn events(
    State(app): State<App>,
    caller: Caller,
    Query(form): Query,
) -> Result<Json<EventsFound>, Problem> {
    let head = app.store.head().await.map_err(QueryError::from)?;
    let (filter, start) = read(&app, form, &caller, head).await?;
    let found = app.find_events(&filter, start).await?;
    app.check_credential(&caller, Position(found.examined_to).min(head)).await?;
    let items = found.events.into_iter().map(RawValue::from_string).collect::<Result<_, _>>();
    Ok(Json(EventsFound {
        items: items.map_err(|error| Problem::internal(&error))?,
        examined_from: found.examined_from,
        examined_to: found.examined_to,
        has_earlier: found.examined_from > filter.first.0,
        has_later: found.examined_to < filter.last.0,
        head: head.0,
    }))
}

/// What is sought, and where the look begins.
async fn read(
    app: &App,
    mut form: Form,
    caller: &Caller,
    head: Position,
) -> Result<(EventFilter, Start), Problem> {
    let draft = drafts::FindEvents::take(&mut form);
    let subject = draft
        .subject
        .as_ref()
        .and_then(|asked| form.checked(&["subject"], asked.as_str(), subject_tag(asked.as_str())));
    if draft.after.is_some() && draft.before.is_some() {
        form.fault("before", "value_error", "give after or before, not both", None);
    }
    let FindEvents { after, before, event_type, actor, correlation_id, from, to, limit, .. } =
        draft.complete_in(form)?;
    let first = match from {
        Some(from) => app.last_before(from).await?.next(),
        None => Position(1),
    };
    let last = match to {
        Some(to) => app.last_before(to).await?.min(head),
        None => head,
    };
    let types = event_type.map(|event_type| event_type.0.to_owned()).into_iter().collect();
    let query = visible(vec![QueryItem { types, tags: subject.into_iter().collect() }], caller);
    let place = match (after, before) {
        (Some(after), _) => Start::After(Position(u64::from(after))),
        (None, Some(before)) => Start::Before(Position(u64::from(before))),
        (None, None) => Start::Before(last.next()),
    };
    let (actor, correlation_id) = (actor.map(String::from), correlation_id.map(String::from));
    let limit = limit.map_or(LIMIT_DEFAULT, usize::from);
    Ok((EventFilter { query, actor, correlation_id, first, last, limit }, place))
}
