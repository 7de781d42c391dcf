//! Offering free tables to the waitlist.

use access::Object;
use events::event::Event;
use events::{Tag, VenueId, WaitlistId};

use super::tags::booking_tags;
use crate::app::event_builder::{EventSubject, new_events};
use crate::app::executor::{Attempt, CommandError, Decision, EarlierOutcome, Executor, Loaded, Operation};
use crate::app::request_context::RequestContext;
use crate::domain::RecordedAt;
use crate::domain::waitlist::next_offer;

/// Offers free tables to the first party on the waitlist that they fit.
pub(super) struct OfferTables<'a> {
    pub(super) venue: &'a VenueId,
    pub(super) context: &'a RequestContext,
}

impl Operation for OfferTables<'_> {
    type Subject = ();
    type Details = Option<WaitlistId>;
    type Outcome = Option<WaitlistId>;

    async fn load(&self, executor: &Executor) -> Result<Loaded<()>, CommandError> {
        executor.catch_up().await?;
        Ok(Loaded { subject: (), read_position: None })
    }

    fn object<'s>(&'s self, (): &'s ()) -> Option<Object<'s>> {
        Some(Object { venue_id: self.venue, guest: None })
    }

    async fn decide(
        &self,
        executor: &Executor,
        (): &(),
        attempt: Attempt,
    ) -> Result<Decision<Option<WaitlistId>>, CommandError> {
        let (venue, now) = (self.venue, attempt.now);
        let snapshot = executor.projections.waitlist_snapshot(venue);
        let Some(minutes) = snapshot.venue.as_ref().map(|venue| venue.offer_minutes) else {
            return Ok(Decision::default());
        };
        let (found, read_position) = executor.decide_with_snapshot(&snapshot, |context, snapshot| {
            let entries = snapshot.waitlist.iter().map(AsRef::as_ref);
            let (entry, offered) = next_offer(entries, context, minutes, now)?;
            Some((entry.clone(), booking_tags(venue, context.rules, &offered.window), offered))
        });
        let Some((entry, mut tags, offered)) = found else { return Ok(Decision::default()) };
        let (events, subject) = (vec![Event::from(offered)], EventSubject::waiting(&entry));
        let new_events = new_events(&events, &subject, self.context, executor.env.as_ref(), now)?;
        // A party that joins meanwhile comes after this one, and a party that leaves was not to get this offer:
        // neither makes the decision wrong.
        tags.push(Tag::waitlist(entry.id));
        Ok(Decision { events, new_events, tags, read_position: Some(read_position), details: Some(entry.id) })
    }

    async fn outcome(
        &self,
        executor: &Executor,
        (): (),
        decision: Decision<Option<WaitlistId>>,
        at: Option<RecordedAt>,
    ) -> Result<Option<WaitlistId>, CommandError> {
        if let Some(at) = at {
            // The next offer must see this one.
            executor.projections.wait_until(at.position).await;
        }
        Ok(decision.details)
    }

    fn replay(&self, _: EarlierOutcome) -> Result<Option<WaitlistId>, CommandError> {
        Err(CommandError::KeyReused)
    }
}
