//! Recording that the rules of a venue changed.

use chrono::{DateTime, Utc};
use events::event::VenueChanged;
use events::values::PartySize;
use events::{ReservationId, Tag, VenueId};

use crate::app::event_builder::{EventSubject, new_events};
use crate::app::executor::{Attempt, CommandError, Decision, EarlierOutcome, Executor, Loaded, Operation};
use crate::app::request_context::RequestContext;
use crate::domain::RecordedAt;

/// Maximum number of affected bookings named in the event.
const AFFECTED_NAMED_MAX: usize = 100;

/// A booking that no longer complies with the rules of its venue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AffectedBooking {
    /// The reservation.
    pub reservation_id: ReservationId,
    /// The reason as a stable code.
    pub reason: &'static str,
    /// The start of the visit.
    pub start: DateTime<Utc>,
    /// The number of guests.
    pub size: PartySize,
}

/// Records that the rules of a venue now have a digest, unless they were recorded last.
pub(super) struct RecordRules<'a, F> {
    pub(super) venue: &'a VenueId,
    pub(super) digest: Option<&'a str>,
    /// Finds the affected bookings.
    pub(super) affected: F,
    pub(super) context: &'a RequestContext,
}

/// The version of the recorded rules, and the affected bookings; `None` if nothing was recorded.
type Recorded = Option<(u32, Vec<AffectedBooking>)>;

impl<F: Fn() -> Vec<AffectedBooking> + Sync> Operation for RecordRules<'_, F> {
    type Subject = ();
    type Details = Recorded;
    type Outcome = Recorded;

    async fn load(&self, executor: &Executor) -> Result<Loaded<()>, CommandError> {
        let head = executor.store.known_head();
        executor.projections.wait_until(head).await;
        Ok(Loaded { subject: (), read_position: Some(head) })
    }

    async fn decide(
        &self,
        executor: &Executor,
        (): &(),
        attempt: Attempt,
    ) -> Result<Decision<Recorded>, CommandError> {
        let last = executor.projections.recorded_rules(self.venue);
        if last.as_ref().is_some_and(|last| last.digest.as_deref() == self.digest) {
            return Ok(Decision::default());
        }
        let (version, affected) = (last.map_or(0, |last| last.version) + 1, (self.affected)());
        let named = affected.iter().take(AFFECTED_NAMED_MAX);
        let changed = VenueChanged {
            venue_id: self.venue.clone(),
            version,
            digest: self.digest.map(str::to_owned),
            stranded: named.map(|affected| affected.reservation_id).collect(),
            stranded_count: u32::try_from(affected.len()).unwrap_or(u32::MAX),
        };
        let events = vec![changed.into()];
        let subject = EventSubject::venue(self.venue);
        let new_events = new_events(&events, &subject, self.context, executor.env.as_ref(), attempt.now)?;
        // A booking made meanwhile might be affected and unnamed. If bookings never stop, the rules are
        // recorded in the end.
        let bookings = (!attempt.is_last).then(|| Tag::venue(self.venue));
        let tags = std::iter::once(Tag::rules(self.venue)).chain(bookings).collect();
        Ok(Decision { events, new_events, tags, read_position: None, details: Some((version, affected)) })
    }

    async fn outcome(
        &self,
        _: &Executor,
        (): (),
        decision: Decision<Recorded>,
        _: Option<RecordedAt>,
    ) -> Result<Recorded, CommandError> {
        Ok(decision.details)
    }

    fn replay(&self, _: EarlierOutcome) -> Result<Recorded, CommandError> {
        Err(CommandError::KeyReused)
    }
}
