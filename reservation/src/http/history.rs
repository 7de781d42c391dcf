//! The audit trail of a reservation.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use chassis::problem::Problem;
use chrono::{DateTime, Utc};
use events::event::Event;
use events::values::{CancelledBy, Medium, Money};
use events::{Position, Query, Tag};
use serde::Serialize;
use utoipa::ToSchema;

use super::bodies;
use super::extract::Id;
use super::problem::stream_problem;
use super::representation::local;
use crate::app::App;
use crate::stream;

/// What happened to a reservation, oldest first.
#[derive(Serialize, ToSchema)]
pub(super) struct History {
    reservation_id: String,
    entries: Vec<Entry>,
}

/// One thing that happened.
#[derive(Serialize, ToSchema)]
struct Entry {
    #[schema(example = 42)]
    position: u64,
    #[schema(example = "00000000000000000042-01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f")]
    event_id: String,
    /// The type of the event without `meja.` and its version.
    #[schema(example = "reservation.created")]
    action: String,
    /// In words.
    #[schema(example = "Asked for a table for 4 at 2026-12-24T19:30:00+07:00")]
    note: String,
    who: Who,
    at: DateTime<Utc>,
    /// The id of the request at whose end it stands, across both services.
    correlation_id: String,
    /// The event that caused it, if one did.
    causation_id: Option<String>,
}

/// Who did it.
#[derive(Serialize, ToSchema)]
struct Who {
    /// app_user, service_account, system or unauthenticated.
    #[schema(example = "service_account")]
    kind: &'static str,
    #[schema(example = "notifier")]
    id: Option<String>,
}

/// The audit trail
#[utoipa::path(get, path = "/api/reservations/{reservation_id}/history", tag = "reservations",
    params(("reservation_id" = String, Path)),
    responses((status = 200, body = History), (status = 422, body = bodies::InvalidRequest, content_type = "application/problem+json"),
        (status = 404, body = bodies::Problem, content_type = "application/problem+json")))]
pub(super) async fn history(State(app): State<App>, Id(id): Id) -> Result<Response, Problem> {
    let (mut entries, mut timezone) = (Vec::new(), String::from("UTC"));
    let query = Query::any_tag([Tag::reservation(id)]);
    let read = stream::each(app.store.as_ref(), &query, Position::START, |recorded, event| {
        if let Event::ReservationCreated(created) = &event {
            timezone.clone_from(&created.timezone);
        }
        let cause = recorded.cause();
        entries.push(Entry {
            position: recorded.id.position.0,
            event_id: recorded.id.to_string(),
            action: recorded.event_type.trim_start_matches("meja.").trim_end_matches(".v1").to_owned(),
            note: note(&event, &timezone),
            who: Who { kind: cause.actor.kind.word(), id: cause.actor.id },
            at: recorded.time,
            correlation_id: cause.correlation_id,
            causation_id: cause.causation_id,
        });
    });
    read.await.map_err(|error| stream_problem(&error))?;
    if entries.is_empty() {
        return Err(Problem::not_found(format!("There is no reservation {id}.")));
    }
    Ok(axum::Json(History { reservation_id: id.to_string(), entries }).into_response())
}

/// What happened, in words. Times are the venue's.
fn note(event: &Event, timezone: &str) -> String {
    let at = |time| local(time, timezone);
    match event {
        Event::ReservationCreated(e) => {
            format!("Asked for a table for {} at {}", e.party_size, at(e.window.start))
        }
        Event::ReservationConfirmed(e) if e.deposit_waived => "Confirmed; the deposit was waived".into(),
        Event::ReservationConfirmed(e) => format!("Confirmed for {}", at(e.window.start)),
        Event::TableAssigned(e) => format!("Given table {} ({}, seats {})", e.table_id, e.area, e.capacity),
        Event::TableReleased(e) => format!("Table {} is free again", e.table_id),
        Event::ReservationRescheduled(e) => format!("Moved from {} to {}", at(e.from.start), at(e.to.start)),
        Event::PartySizeChanged(e) => format!("Party changed from {} to {}", e.from, e.to),
        Event::ReservationCheckedIn(_) => "The party is there".into(),
        Event::ReservationCompleted(_) => "The party has left".into(),
        Event::ReservationCancelled(e) => {
            let by = match e.cancelled_by {
                CancelledBy::Guest => "the guest",
                CancelledBy::Staff => "the restaurant",
                CancelledBy::System => "the system",
            };
            let refund =
                e.refund.as_ref().map(|r| format!("; {} go back", money(&r.amount))).unwrap_or_default();
            format!("Cancelled by {by}: {}{refund}", e.reason_code)
        }
        Event::ReservationNoShow(_) => "The party never came".into(),
        Event::PaymentRequested(e) => {
            format!("A deposit of {} is due by {}", money(&e.amount), at(e.expires_at))
        }
        Event::PaymentCompleted(e) => {
            let refund = if e.refund.is_some() { "; too late, it goes back" } else { "" };
            format!("{} came by {} ({}){refund}", money(&e.amount), e.channel, e.provider_reference)
        }
        Event::PaymentFailed(e) => format!("The deposit was not paid: {}", e.reason_code),
        Event::PaymentRefunded(e) => format!("{} went back ({})", money(&e.amount), e.provider_reference),
        Event::NotificationSent(e) => format!("Told the guest by {}: {}", medium(e.medium), e.template),
        Event::NotificationFailed(e) => {
            format!("Could not tell the guest by {}: {} ({})", medium(e.medium), e.template, e.reason_code)
        }
        Event::ContactErased(e) => format!("Personal data was forgotten: {}", e.reason_code),
        Event::WaitlistJoined(_)
        | Event::WaitlistOffered(_)
        | Event::WaitlistAccepted(_)
        | Event::WaitlistLeft(_) => "A step of the waitlist".into(),
    }
}

/// `IDR 300000.00`: with the decimals that ISO 4217 gives the currency.
fn money(money: &Money) -> String {
    let decimals =
        iso_currency::Currency::from_code(money.currency.code()).and_then(|c| c.exponent()).unwrap_or(2);
    let unit = 10_i64.pow(u32::from(decimals));
    let (whole, part) = (money.amount_minor / unit, money.amount_minor % unit);
    match decimals {
        0 => format!("{} {whole}", money.currency),
        _ => format!("{} {whole}.{part:0width$}", money.currency, width = usize::from(decimals)),
    }
}

fn medium(medium: Medium) -> &'static str {
    match medium {
        Medium::Mail => "mail",
        Medium::Sms => "text message",
    }
}
