//! Parties that wait for a table.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use chassis::problem::Problem;
use chrono::{DateTime, TimeDelta, Utc};
use events::WaitlistId;
use events::event::WaitlistOffered;
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

use super::bodies;
use super::extract::{FromService, Parameters, Post, WaitId};
use super::problem::stream_problem;
use super::representation::{ReservationView, local, located, marked, with_etag};
use super::request;
use super::results::ContactView;
use crate::app::App;
use crate::domain::waiting::{Entry, State as Waiting, WaitCommand};
use crate::handle::Waited;
use crate::private::Contact;
use crate::record::Submission;
use crate::stream::{self, Until};

/// A party that waits.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WaitlistView {
    #[schema(example = "01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f")]
    waitlist_id: String,
    #[schema(example = "cust-42")]
    customer_id: String,
    /// WAITING, OFFERED, ACCEPTED or LEFT.
    #[schema(example = "WAITING")]
    status: &'static str,
    #[schema(example = "bandung-dago")]
    venue_id: String,
    #[schema(example = "Warung Sinar Dago")]
    venue_name: String,
    #[schema(example = "Asia/Jakarta")]
    timezone: String,
    #[schema(example = 2)]
    party_size: u8,
    area: Option<String>,
    #[schema(example = "2026-12-24T18:00:00+07:00")]
    earliest_time: String,
    #[schema(example = "2026-12-24T20:00:00+07:00")]
    latest_time: String,
    /// 1 is the first; null for who waits no longer.
    #[schema(example = 1)]
    place_in_line: Option<usize>,
    offer: Option<OfferView>,
    /// What came of an offer that was taken.
    reservation_id: Option<String>,
    /// gave_up, declined, offer_expired or time_passed.
    left_because: Option<String>,
    /// Null once the party waits no longer: its contact is forgotten then, or stands with the reservation.
    contact_name: Option<String>,
    #[schema(example = "id")]
    locale: &'static str,
    created_at: DateTime<Utc>,
    /// Rises with every change; the ETag is this number in quotes.
    version: u64,
}

/// What is held for a party.
#[derive(Debug, Serialize, ToSchema)]
struct OfferView {
    #[schema(example = "2026-12-24T19:00:00+07:00")]
    start_time: String,
    #[schema(example = "2026-12-24T20:30:00+07:00")]
    end_time: String,
    /// When it goes to the next party.
    expires_at: DateTime<Utc>,
    tables: Vec<OfferedTableView>,
}

/// A table that is held.
#[derive(Debug, Serialize, ToSchema)]
struct OfferedTableView {
    #[schema(example = "T3")]
    table_id: String,
    #[schema(example = "Teras")]
    area: String,
    capacity: u8,
}

/// What every command to a party that waits answers, but for taking an offer.
#[derive(IntoResponses)]
#[expect(dead_code, clippy::large_enum_variant, reason = "described, never made")]
enum WaitAnswers {
    /// The party as it is now
    #[response(status = 200)]
    Done(WaitlistView),
    /// The body is not JSON
    #[response(status = 400, content_type = "application/problem+json")]
    Malformed(bodies::Problem),
    /// There is no such party
    #[response(status = 404, content_type = "application/problem+json")]
    Unknown(bodies::Problem),
    /// `nothing_offered`, `offer_taken`
    #[response(status = 409, content_type = "application/problem+json")]
    Refused(bodies::Problem),
    /// `If-Match` names an old version
    #[response(status = 412, content_type = "application/problem+json")]
    Stale(bodies::Problem),
    /// The body is too large
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(bodies::Problem),
    /// The body is of another type
    #[response(status = 415, content_type = "application/problem+json")]
    OtherType(bodies::Problem),
    /// Every fault of the request
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(bodies::InvalidRequest),
    /// The queue or the disk is full; `Retry-After` says when to try again
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(bodies::Problem),
}

/// The line of a venue.
#[derive(Serialize, ToSchema)]
pub(super) struct WaitlistLine {
    items: Vec<WaitlistView>,
    /// The position of the log that this was read at.
    position: u64,
}

/// Join the waitlist
///
/// The party is offered the first thing that becomes free and fits, in the order in which parties joined; an offer is
/// held until `offer.expires_at`, and a message goes out.
#[utoipa::path(post, path = "/api/waitlist", tag = "waitlist",
    params(("Idempotency-Key" = Option<String>, Header, description = "A repeat with the same key gets the first answer")),
    request_body(content = bodies::JoinWaitlist, example = json!({"customer_id": "cust-42",
        "contact_info": {"name": "Sari Wulandari", "phone": "+62 812 3456 7890", "email": "sari@example.com"},
        "earliest_time": "2026-12-24T18:00", "latest_time": "2026-12-24T20:00", "party_size": 2})),
    responses((status = 200, body = WaitlistView, headers(("Location" = String), ("ETag" = String))),
        (status = 400, body = bodies::Problem, content_type = "application/problem+json"),
        (status = 409, body = bodies::Problem, content_type = "application/problem+json", description = "Waiting would be in vain: closed, too_soon, party_too_large, no_table, pacing, kept_by_hand; or waitlist_full"),
        (status = 413, body = bodies::Problem, content_type = "application/problem+json"),
        (status = 415, body = bodies::Problem, content_type = "application/problem+json"),
        (status = 422, body = bodies::InvalidRequest, content_type = "application/problem+json"),
        (status = 503, body = bodies::Problem, content_type = "application/problem+json")))]
pub(super) async fn join(State(app): State<App>, post: Post) -> Result<Response, Problem> {
    let (joining, mut submission) = post.read(|form| request::joining(form, &app))?;
    submission.private = Some(joining.private);
    let waited = app.handler.join(&joining.joined, &submission).await.map_err(|error| app.problem(error))?;
    app.answer_waiting(&waited, true).await
}

/// Read who waits, the first in line first
#[utoipa::path(get, path = "/api/waitlist", tag = "waitlist",
    params(("venue_id" = Option<String>, Query, description = "Without it, the first venue")),
    responses((status = 200, body = WaitlistLine), (status = 422, body = bodies::InvalidRequest, content_type = "application/problem+json")))]
pub(super) async fn line(
    State(app): State<App>,
    Parameters(mut form): Parameters,
) -> Result<Response, Problem> {
    app.views.caught_up(app.store.head()).await;
    let venue = request::line(&mut form, &app);
    let venue = form.finish(venue)?;
    let (entries, position) =
        app.views.with_line(&venue, |_, line| line.entries().cloned().collect::<Vec<_>>());
    let (venue, mut items) = (app.venue_name(&venue), Vec::with_capacity(entries.len()));
    for (ahead, entry) in entries.iter().enumerate() {
        items.push(WaitlistView::of(entry, Some(ahead + 1), venue.clone(), app.name_of(entry).await?));
    }
    Ok(axum::Json(WaitlistLine { items, position: position.0 }).into_response())
}

/// Read one party that waits or waited
#[utoipa::path(get, path = "/api/waitlist/{waitlist_id}", tag = "waitlist",
    params(("waitlist_id" = String, Path)),
    responses((status = 200, body = WaitlistView, headers(("ETag" = String))),
        (status = 404, body = bodies::Problem, content_type = "application/problem+json"),
        (status = 422, body = bodies::InvalidRequest, content_type = "application/problem+json")))]
pub(super) async fn get(State(app): State<App>, WaitId(id): WaitId) -> Result<Response, Problem> {
    let entry = app.require_waiting(id).await?;
    app.answer_waiting(&Waited { entry, replayed: false }, false).await
}

/// Take what is offered
///
/// What is held becomes a reservation, which is answered: with a deposit due it is a hold like any other.
#[utoipa::path(post, path = "/api/waitlist/{waitlist_id}/accept", tag = "waitlist",
    params(("waitlist_id" = String, Path), ("Idempotency-Key" = Option<String>, Header), ("If-Match" = Option<String>, Header)),
    responses((status = 200, body = ReservationView, headers(("Location" = String), ("ETag" = String))),
        (status = 400, body = bodies::Problem, content_type = "application/problem+json"),
        (status = 404, body = bodies::Problem, content_type = "application/problem+json"),
        (status = 409, body = bodies::Problem, content_type = "application/problem+json", description = "nothing_offered, offer_expired, offer_withdrawn, left_waitlist"),
        (status = 412, body = bodies::Problem, content_type = "application/problem+json"),
        (status = 413, body = bodies::Problem, content_type = "application/problem+json"),
        (status = 415, body = bodies::Problem, content_type = "application/problem+json"),
        (status = 422, body = bodies::InvalidRequest, content_type = "application/problem+json"),
        (status = 503, body = bodies::Problem, content_type = "application/problem+json")))]
pub(super) async fn accept(
    State(app): State<App>,
    WaitId(id): WaitId,
    post: Post,
) -> Result<Response, Problem> {
    let ((), submission) = post.read(|_| Some(()))?;
    let handled = app.handler.accept(id, &submission).await.map_err(|error| app.problem(error))?;
    app.answer_created(&handled, None).await
}

/// Do without what is offered
///
/// It goes to the next party, and this one waits no longer.
#[utoipa::path(post, path = "/api/waitlist/{waitlist_id}/decline", tag = "waitlist",
    params(("waitlist_id" = String, Path), ("Idempotency-Key" = Option<String>, Header), ("If-Match" = Option<String>, Header)),
    responses(WaitAnswers))]
pub(super) async fn decline(
    State(app): State<App>,
    WaitId(id): WaitId,
    post: Post,
) -> Result<Response, Problem> {
    let (command, submission) = post.read(|_| Some(WaitCommand::Decline))?;
    app.wait(id, command, submission).await
}

/// Wait no longer
#[utoipa::path(post, path = "/api/waitlist/{waitlist_id}/leave", tag = "waitlist",
    params(("waitlist_id" = String, Path), ("Idempotency-Key" = Option<String>, Header), ("If-Match" = Option<String>, Header)),
    responses(WaitAnswers))]
pub(super) async fn leave(
    State(app): State<App>,
    WaitId(id): WaitId,
    post: Post,
) -> Result<Response, Problem> {
    let (command, submission) = post.read(|_| Some(WaitCommand::Leave))?;
    app.wait(id, command, submission).await
}

/// Read how to reach a party that waits
#[utoipa::path(get, path = "/api/waitlist/{waitlist_id}/contact", tag = "service", security(("service_token" = [])),
    params(("waitlist_id" = String, Path)),
    responses((status = 200, body = ContactView), (status = 401, body = bodies::Problem, content_type = "application/problem+json"),
        (status = 422, body = bodies::InvalidRequest, content_type = "application/problem+json"),
        (status = 404, body = bodies::Problem, content_type = "application/problem+json"),
        (status = 410, description = "The party waits no longer", body = bodies::Problem, content_type = "application/problem+json")))]
pub(super) async fn contact(
    State(app): State<App>,
    _: FromService,
    WaitId(id): WaitId,
) -> Result<Response, Problem> {
    let entry = app.require_waiting(id).await?;
    ContactView::answer(app.private(entry.at.position).await?)
}

/// Record what became of a message to a party that waits
#[utoipa::path(post, path = "/api/waitlist/{waitlist_id}/notification-results", tag = "service", security(("service_token" = [])),
    params(("waitlist_id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body(content = bodies::NotificationResult, example = json!({"notification_id": "n-1", "template": "offer", "medium": "mail", "outcome": "sent"})),
    responses(WaitAnswers,
        (status = 401, body = bodies::Problem, content_type = "application/problem+json")))]
pub(super) async fn notification_results(
    State(app): State<App>,
    _: FromService,
    WaitId(id): WaitId,
    post: Post,
) -> Result<Response, Problem> {
    let (result, submission) = post.read(request::message_result)?;
    app.wait(id, WaitCommand::RecordNotification(result), submission).await
}

impl App {
    async fn wait(
        &self,
        id: WaitlistId,
        command: WaitCommand,
        submission: Submission,
    ) -> Result<Response, Problem> {
        let waited =
            self.handler.wait(id, &command, &submission).await.map_err(|error| self.problem(error))?;
        self.answer_waiting(&waited, false).await
    }

    async fn require_waiting(&self, id: WaitlistId) -> Result<Entry, Problem> {
        let loaded = stream::load_waiting(self.store.as_ref(), id, Until::Now).await;
        let (entry, _) = loaded.map_err(|error| stream_problem(&error))?;
        entry.ok_or_else(|| Problem::not_found(format!("There is no party {id} on a waitlist.")))
    }

    async fn name_of(&self, entry: &Entry) -> Result<Option<String>, Problem> {
        let contact: Option<Contact> = self.private(entry.at.position).await?;
        Ok(contact.map(|contact| contact.name))
    }

    /// The answer about a party that waits, with its address if it was just `created`.
    pub(super) async fn answer_waiting(&self, waited: &Waited, created: bool) -> Result<Response, Problem> {
        let Waited { entry, replayed } = waited;
        self.views.caught_up(entry.at.position).await;
        let venue = &entry.joined.venue_id;
        let (ahead, _) = self.views.with_line(venue, |_, line| line.ahead_of(entry.at.position));
        let place = entry.is_in_line().then_some(ahead + 1);
        let name = self.name_of(entry).await?;
        let view = WaitlistView::of(entry, place, self.venue_name(venue), name);
        let response = marked(with_etag(&view, entry.version), *replayed);
        Ok(if created { located(response, &format!("/api/waitlist/{}", entry.id)) } else { response })
    }
}

impl WaitlistView {
    fn of(entry: &Entry, place: Option<usize>, venue_name: String, contact_name: Option<String>) -> Self {
        let (joined, zone) = (&entry.joined, entry.joined.timezone.as_str());
        let latest = joined.acceptable.end - TimeDelta::seconds(1);
        Self {
            waitlist_id: entry.id.to_string(),
            customer_id: joined.customer_id.to_string(),
            status: entry.word(),
            venue_id: joined.venue_id.to_string(),
            venue_name,
            timezone: zone.to_owned(),
            party_size: joined.party_size.get(),
            area: joined.area.clone(),
            earliest_time: local(joined.acceptable.start, zone),
            latest_time: local(latest, zone),
            place_in_line: place,
            offer: entry.offer().map(|offered| OfferView::of(offered, zone)),
            reservation_id: match &entry.state {
                Waiting::Accepted(id) => Some(id.to_string()),
                Waiting::Waiting | Waiting::Offered(_) | Waiting::Left { .. } => None,
            },
            left_because: match &entry.state {
                Waiting::Left { reason_code } => Some(reason_code.clone()),
                Waiting::Waiting | Waiting::Offered(_) | Waiting::Accepted(_) => None,
            },
            contact_name,
            locale: joined.locale.tag(),
            created_at: entry.at.time,
            version: entry.version,
        }
    }
}

impl OfferView {
    fn of(offered: &WaitlistOffered, zone: &str) -> Self {
        let table = |table: &events::event::OfferedTable| OfferedTableView {
            table_id: table.table_id.to_string(),
            area: table.area.clone(),
            capacity: table.capacity,
        };
        Self {
            start_time: local(offered.window.start, zone),
            end_time: local(offered.window.end, zone),
            expires_at: offered.expires_at,
            tables: offered.tables.iter().map(table).collect(),
        }
    }
}
