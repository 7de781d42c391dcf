//! The audit trail of a reservation: what happened, who did it, why, what it changed, and which external
//! effects it had.

use std::fmt::Write as _;

use access::Caller;
use contract::reservation::history::{ActorView, EffectView, History, HistoryEntry};
use contract::reservation::words::EffectKind;
use events::event::{Event, PaymentCompleted, PaymentFailed};
use events::recorded::Recorded;
use events::values::{Actor, ActorKind, Locale};
use events::{PaymentId, Position, Query, ReservationId, Tag};
use serde_json::Value;

use super::changes;
use super::reservation_view::state_of;
use super::{QueryError, local, notes};
use crate::app::App;
use crate::app::{repository, words};
use crate::domain::Reservation;

/// The origin of an event that does not follow from another event.
fn origin(actor: &Actor, locale: Locale) -> String {
    match (actor.kind, actor.id.as_deref(), locale) {
        (ActorKind::System, Some(id), Locale::En) => format!("Done by the service itself ({id})"),
        (ActorKind::System, Some(id), Locale::Id) => format!("Dilakukan oleh layanan sendiri ({id})"),
        (_, Some(id), Locale::En) => format!("Requested by {id}"),
        (_, Some(id), Locale::Id) => format!("Diminta oleh {id}"),
        (_, None, Locale::En) => "Requested without a credential".to_owned(),
        (_, None, Locale::Id) => "Diminta tanpa kredensial".to_owned(),
    }
}

impl App {
    /// The audit trail of the reservation `id`, with texts in the language `locale`.
    ///
    /// # Errors
    /// [`QueryError::UnknownReservation`] or [`QueryError::Read`].
    pub async fn history(
        &self,
        id: ReservationId,
        locale: Locale,
        caller: &Caller,
    ) -> Result<Timeline, QueryError> {
        self.require(id, caller).await?;
        let mut timeline = Timeline::new(id, locale);
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
    locale: Locale,
    timezone: String,
    reservation: Option<Reservation>,
    state: Value,
    /// The requested payment, and the index of its entry.
    requested: Option<(PaymentId, usize)>,
    entries: Vec<HistoryEntry>,
    /// The position after which the next page begins.
    next_after: Option<u64>,
}

impl Timeline {
    fn new(id: ReservationId, locale: Locale) -> Self {
        Self {
            id,
            locale,
            timezone: "UTC".into(),
            reservation: None,
            state: Value::Null,
            requested: None,
            entries: Vec::new(),
            next_after: None,
        }
    }

    fn add(&mut self, recorded: &Recorded<'_>, event: &Event) {
        if let Event::ReservationCreated(created) = event {
            self.timezone.clone_from(&created.timezone);
        }
        repository::fold(&mut self.reservation, self.id, event, repository::recorded_at(recorded));
        let state = self.reservation.as_ref().map_or(Value::Null, state_of);
        let (metadata, note) = (recorded.metadata(), notes::note(event, &self.timezone, self.locale));
        let position = recorded.id.position.0;
        // Results reported by the notifier name their cause; payments are matched by their id.
        let caused_by = match (&metadata.causation_id, event) {
            (Some(id), _) => self.entries.iter().position(|entry| entry.event_id.to_string() == *id),
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
            (Some(cause), _) => match self.locale {
                Locale::En => format!("Follows from {} at {}", cause.action, cause.position),
                Locale::Id => format!("Akibat dari {} di {}", cause.action, cause.position),
            },
            (None, Some(before))
                if before.correlation_id == metadata.correlation_id && before.at == recorded.time =>
            {
                match self.locale {
                    Locale::En => format!("Together with {} at {}", before.action, before.position),
                    Locale::Id => format!("Bersama {} di {}", before.action, before.position),
                }
            }
            _ => origin(&metadata.actor, self.locale),
        };
        self.entries.push(HistoryEntry {
            position,
            event_id: recorded.id,
            action: recorded.event_type.trim_start_matches("meja.").trim_end_matches(".v1").to_owned(),
            note,
            who: ActorView { kind: words::actor_kind(metadata.actor.kind), id: metadata.actor.id },
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
        History { reservation_id: self.id, entries: self.entries, next_after: self.next_after }
    }

    /// The page of at most `limit` entries after the position `after`. Its entries have all their effects, also those that are
    /// reported on a later page.
    #[must_use]
    pub fn page(mut self, after: u64, limit: usize) -> Self {
        let first = self.entries.partition_point(|entry| entry.position <= after);
        self.entries.drain(..first);
        if self.entries.len() > limit {
            self.entries.truncate(limit);
            self.next_after = self.entries.last().map(|entry| entry.position);
        }
        self
    }

    /// The audit trail as text. Times are local times of the venue.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("Reservation {}, times in {}\n", self.id, self.timezone);
        for entry in &self.entries {
            let who = entry.who.id.as_deref().unwrap_or(entry.who.kind.word());
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
        if let Some(after) = self.next_after {
            let _ = writeln!(text, "\nThe next page: after={after}");
        }
        text
    }
}

/// The kind of external effect that an event reports, if it reports one.
fn external_effect(event: &Event) -> Option<EffectKind> {
    match event {
        Event::PaymentCompleted(_) | Event::PaymentFailed(_) | Event::PaymentRefunded(_) => {
            Some(EffectKind::Payment)
        }
        Event::NotificationSent(_) | Event::NotificationFailed(_) => Some(EffectKind::Notification),
        _ => None,
    }
}
