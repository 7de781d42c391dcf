//! Changing the rules of a venue.

use std::sync::Arc;

use access::Object;
use events::event::{RulesImport, VenueRulesChanged};
use events::{Tag, VenueId};

use crate::app::affected::{AffectedBooking, affected_bookings, affected_now};
use crate::app::event_builder::{EventSubject, new_events};
use crate::app::executor::{Attempt, CommandError, Decision, EarlierOutcome, Executor, Loaded, Operation};
use crate::app::projections::RecordedRules;
use crate::app::request_context::RequestContext;
use crate::app::venues::RulesDocument;
use crate::domain::RecordedAt;

/// Maximum number of affected bookings named in the event.
const AFFECTED_NAMED_MAX: usize = 100;

/// New rules for a venue.
#[derive(Debug, Clone, Copy)]
pub struct RulesChange<'a> {
    /// The venue.
    pub venue_id: &'a VenueId,
    /// Its rules; `None` if it is removed.
    pub rules: Option<&'a RulesDocument>,
    /// The file that they come from; `None` if a request contains them.
    pub import: Option<&'a RulesImport>,
}

/// The rules of a venue after a change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RulesOutcome {
    /// The version of the current rules.
    pub version: u32,
    /// Whether they were recorded by this command.
    pub is_new: bool,
    /// The bookings that do not comply with them.
    pub affected: Vec<AffectedBooking>,
}

/// Records new rules for a venue, unless they count already.
pub(super) struct ChangeRules<'a> {
    pub(super) change: &'a RulesChange<'a>,
    pub(super) context: &'a RequestContext,
}

impl RulesChange<'_> {
    /// Whether there is nothing to record. An import is compared with the previous import, not with the current rules, so
    /// that a change made through the interface survives a restart.
    fn is_recorded(&self, last: &RecordedRules) -> bool {
        match self.import {
            Some(import) => {
                last.import.as_ref() == Some(import) && last.document.is_some() == self.rules.is_some()
            }
            None => {
                last.document.as_ref().map(|rules| &rules.members) == self.rules.map(|rules| &rules.members)
            }
        }
    }
}

impl Operation for ChangeRules<'_> {
    type Subject = Option<Arc<RecordedRules>>;
    type Details = RulesOutcome;
    type Outcome = RulesOutcome;

    async fn load(&self, executor: &Executor) -> Result<Loaded<Self::Subject>, CommandError> {
        let head = executor.store.known_head();
        executor.projections.wait_until(head).await;
        let subject = executor.projections.recorded_rules(self.change.venue_id);
        Ok(Loaded { subject, read_position: Some(head) })
    }

    fn version(&self, last: &Self::Subject) -> Option<u64> {
        Some(last.as_ref().map_or(0, |last| last.version.into()))
    }

    fn object<'s>(&'s self, _: &'s Self::Subject) -> Option<Object<'s>> {
        Some(Object { venue_id: self.change.venue_id, guest: None })
    }

    fn hidden(&self) -> CommandError {
        CommandError::HiddenVenue(self.change.venue_id.clone())
    }

    async fn decide(
        &self,
        executor: &Executor,
        last: &Self::Subject,
        attempt: Attempt,
    ) -> Result<Decision<RulesOutcome>, CommandError> {
        let RulesChange { venue_id, rules, import } = *self.change;
        let version = last.as_ref().map_or(0, |last| last.version);
        if let Some(last) = last.as_ref().filter(|last| self.change.is_recorded(last)) {
            let affected = affected_now(&executor.projections, venue_id, last, attempt.now);
            let details = RulesOutcome { version, is_new: false, affected };
            return Ok(Decision { details, ..Decision::default() });
        }
        let before = last.as_ref().and_then(|last| last.venue());
        let after = executor.projections.closed_rules(venue_id, rules);
        let affected = affected_bookings(
            &executor.projections,
            venue_id,
            before.as_deref(),
            after.as_deref(),
            attempt.now,
        );
        let changed = VenueRulesChanged {
            venue_id: venue_id.clone(),
            version: version + 1,
            document: rules.map(|rules| rules.members.clone()),
            import: import.cloned(),
            stranded: affected
                .iter()
                .take(AFFECTED_NAMED_MAX)
                .map(|booking| booking.reservation_id)
                .collect(),
            stranded_count: u32::try_from(affected.len()).unwrap_or(u32::MAX),
        };
        let details = RulesOutcome { version: changed.version, is_new: true, affected };
        let events = vec![changed.into()];
        let subject = EventSubject::venue(venue_id);
        let new_events = new_events(&events, &subject, self.context, executor.env.as_ref(), attempt.now)?;
        // A booking made meanwhile might be affected and unnamed. If bookings never stop, the rules are
        // recorded in the end.
        let bookings = (!attempt.is_last).then(|| Tag::venue(venue_id));
        let tags = std::iter::once(Tag::rules(venue_id)).chain(bookings).collect();
        Ok(Decision { events, new_events, tags, read_position: None, details })
    }

    async fn outcome(
        &self,
        executor: &Executor,
        _: Self::Subject,
        decision: Decision<RulesOutcome>,
        at: Option<RecordedAt>,
    ) -> Result<RulesOutcome, CommandError> {
        if let Some(at) = at {
            // The rules count once the projections contain them.
            executor.projections.wait_until(at.position).await;
        }
        Ok(decision.details)
    }

    fn replay(&self, _: EarlierOutcome) -> Result<RulesOutcome, CommandError> {
        Err(CommandError::KeyReused)
    }
}
