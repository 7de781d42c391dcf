//! The audit trail of a reservation: what happened, who did it, why, what it changed, and which external
//! effects it had.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use events::event::{Event, PaymentCompleted, PaymentFailed};
use events::recorded::Recorded;
use events::values::{Actor, ActorKind};
use events::{PaymentId, Position, Query, ReservationId, Tag};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::changes::{self, Change};
use super::reservation_view::state_of;
use super::{QueryError, local, notes};
use crate::app::App;
use crate::app::repository;
use crate::domain::Reservation;

/// The origin of an event that does not follow from another event.
fn origin(actor: &Actor) -> String {
    match (actor.kind, actor.id.as_deref()) {
        (ActorKind::System, Some(id)) => format!("Done by the service itself ({id})"),
        (_, Some(id)) => format!("Requested by {id}"),
        (_, None) => "Requested without a credential".to_owned(),
    }
}

/// The events of a reservation, oldest first.
#[derive(Serialize, ToSchema)]
pub struct History {
    reservation_id: String,
    entries: Vec<HistoryEntry>,
}

/// One event.
#[derive(Serialize, ToSchema)]
struct HistoryEntry {
    #[schema(example = 42)]
    position: u64,
    #[schema(example = "00000000000000000042-01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f")]
    event_id: String,
    /// The event type without `meja.` and without its version.
    #[schema(example = "reservation.created")]
    action: String,
    /// A description.
    #[schema(example = "Booking requested for 4 guests at 2026-12-24T19:30:00+07:00")]
    note: String,
    who: ActorView,
    at: DateTime<Utc>,
    /// The reason: the actor that requested it, or the event it belongs to or follows from.
    #[schema(example = "Follows from reservation.created at 41")]
    why: String,
    /// The changed members of the representation.
    changed: Vec<Change>,
    /// The external effects: payments, mail, text messages.
    effects: Vec<EffectView>,
    /// The id of the original request, across both services.
    correlation_id: String,
    /// The event that caused this one, if any.
    causation_id: Option<String>,
}

/// The actor.
#[derive(Serialize, ToSchema)]
struct ActorView {
    /// app_user, service_account, system or unauthenticated.
    #[schema(example = "service_account")]
    kind: &'static str,
    #[schema(example = "notifier")]
    id: Option<String>,
}

/// An external effect of an event.
#[derive(Clone, Serialize, ToSchema)]
struct EffectView {
    /// The position of the event that reports the effect.
    #[schema(example = 44)]
    position: u64,
    /// payment or notification.
    #[schema(example = "payment")]
    kind: &'static str,
    #[schema(example = "IDR 300000.00 received by qris (sim_1)")]
    note: String,
    at: DateTime<Utc>,
}

impl App {
    /// The audit trail of the reservation `id`.
    ///
    /// # Errors
    /// [`QueryError::UnknownReservation`] or [`QueryError::Read`].
    pub async fn history(&self, id: ReservationId) -> Result<Timeline, QueryError> {
        let mut timeline = Timeline::new(id);
        let query = Query::any_tag([Tag::reservation(id)]);
        repository::each(self.store.as_ref(), &query, Position::START, |recorded, event| {
            timeline.add(recorded, &event);
        })
        .await?;
        match timeline.entries.is_empty() {
            true => Err(QueryError::UnknownReservation(id)),
            false => Ok(timeline),
        }
    }
}

/// The audit trail built so far.
pub struct Timeline {
    id: ReservationId,
    timezone: String,
    reservation: Option<Reservation>,
    state: Value,
    /// The requested payment, and the index of its entry.
    requested: Option<(PaymentId, usize)>,
    entries: Vec<HistoryEntry>,
}

impl Timeline {
    fn new(id: ReservationId) -> Self {
        Self {
            id,
            timezone: "UTC".into(),
            reservation: None,
            state: Value::Null,
            requested: None,
            entries: Vec::new(),
        }
    }

    fn add(&mut self, recorded: &Recorded<'_>, event: &Event) {
        if let Event::ReservationCreated(created) = event {
            self.timezone.clone_from(&created.timezone);
        }
        repository::fold(&mut self.reservation, self.id, event, repository::recorded_at(recorded));
        let state = self.reservation.as_ref().map_or(Value::Null, state_of);
        let (metadata, note) = (recorded.metadata(), notes::note(event, &self.timezone));
        let position = recorded.id.position.0;
        // Results reported by the notifier name their cause; payments are matched by their id.
        let caused_by = match (&metadata.causation_id, event) {
            (Some(id), _) => self.entries.iter().position(|entry| entry.event_id == *id),
            (None, Event::PaymentCompleted(PaymentCompleted { payment_id, .. }))
            | (None, Event::PaymentFailed(PaymentFailed { payment_id, .. })) => {
                self.requested.filter(|(requested, _)| requested == payment_id).map(|(_, entry)| entry)
            }
            _ => None,
        };
        if let Event::PaymentRequested(requested) = event {
            self.requested = Some((requested.payment_id, self.entries.len()));
        }
        if let (Some(cause), Some(kind)) = (caused_by, external_effect(event)) {
            let effect = EffectView { position, kind, note: note.clone(), at: recorded.time };
            self.entries[cause].effects.push(effect);
        }
        let why = match (caused_by.map(|i| &self.entries[i]), self.entries.last()) {
            (Some(cause), _) => format!("Follows from {} at {}", cause.action, cause.position),
            (None, Some(before))
                if before.correlation_id == metadata.correlation_id && before.at == recorded.time =>
            {
                format!("Together with {} at {}", before.action, before.position)
            }
            _ => origin(&metadata.actor),
        };
        self.entries.push(HistoryEntry {
            position,
            event_id: recorded.id.to_string(),
            action: recorded.event_type.trim_start_matches("meja.").trim_end_matches(".v1").to_owned(),
            note,
            who: ActorView { kind: metadata.actor.kind.word(), id: metadata.actor.id },
            at: recorded.time,
            why,
            changed: changes::between(&self.state, &state),
            effects: Vec::new(),
            correlation_id: metadata.correlation_id,
            causation_id: metadata.causation_id,
        });
        self.state = state;
    }

    /// The audit trail as data.
    #[must_use]
    pub fn into_history(self) -> History {
        History { reservation_id: self.id.to_string(), entries: self.entries }
    }

    /// The audit trail as text. Times are local times of the venue.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("Reservation {}, times in {}\n", self.id, self.timezone);
        for entry in &self.entries {
            let who = entry.who.id.as_deref().unwrap_or(entry.who.kind);
            let at = local(entry.at, &self.timezone);
            // Writing to a String cannot fail.
            let _ = writeln!(text, "\n{at}  {}  [{who}, position {}]", entry.note, entry.position);
            let _ = writeln!(text, "    why      {}", entry.why);
            for change in &entry.changed {
                let _ = writeln!(text, "    changed  {change}");
            }
            for effect in &entry.effects {
                let _ = writeln!(text, "    effect   {} (position {})", effect.note, effect.position);
            }
        }
        text
    }
}

/// The kind of external effect that an event reports, if it reports one.
fn external_effect(event: &Event) -> Option<&'static str> {
    match event {
        Event::PaymentCompleted(_) | Event::PaymentFailed(_) | Event::PaymentRefunded(_) => Some("payment"),
        Event::NotificationSent(_) | Event::NotificationFailed(_) => Some("notification"),
        _ => None,
    }
}
