//! Offering free tables to the waitlist: in turn, and by hand.

use access::Object;
use events::event::Event;
use events::{TableId, Tag, VenueId, WaitlistId};

use super::tags::booking_tags;
use super::waitlist::{changed, load_entry, refused};
use crate::app::event_builder::{EventSubject, new_events};
use crate::app::executor::{Attempt, CommandError, Decision, EarlierOutcome, Executor, Loaded, Operation};
use crate::app::objects::object_of_entry;
use crate::app::outcome::WaitlistOutcome;
use crate::app::request_context::RequestContext;
use crate::domain::waitlist::{WaitlistEntry, next_offer, offer_to};
use crate::domain::{RecordedAt, Refusal};

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

/// Offers a table to one party, as a host decides.
struct OfferByHand<'a> {
    id: WaitlistId,
    /// The table; by default the one that the venue would choose.
    table: Option<&'a TableId>,
    context: &'a RequestContext,
}

impl Operation for OfferByHand<'_> {
    type Subject = WaitlistEntry;
    type Details = ();
    type Outcome = WaitlistOutcome;

    async fn load(&self, executor: &Executor) -> Result<Loaded<WaitlistEntry>, CommandError> {
        load_entry(executor, self.id).await
    }

    fn version(&self, entry: &WaitlistEntry) -> Option<u64> {
        Some(entry.version)
    }

    fn object<'s>(&'s self, entry: &'s WaitlistEntry) -> Option<Object<'s>> {
        Some(object_of_entry(entry))
    }

    fn hidden(&self) -> CommandError {
        CommandError::UnknownWaitlistEntry(self.id)
    }

    async fn decide(
        &self,
        executor: &Executor,
        entry: &WaitlistEntry,
        attempt: Attempt,
    ) -> Result<Decision, CommandError> {
        let (venue_id, now) = (&entry.joined.venue_id, attempt.now);
        executor.catch_up().await?;
        let snapshot = executor.projections.waitlist_snapshot(venue_id);
        let minutes = snapshot.venue.as_ref().map(|venue| venue.offer_minutes);
        let minutes = minutes.ok_or_else(|| CommandError::UnknownVenue(venue_id.clone()))?;
        let (decided, read_position) = executor.decide_with_snapshot(&snapshot, |context, _| {
            let offered = offer_to(entry, self.table, context, minutes, now)?;
            let tags = booking_tags(venue_id, context.rules, &offered.window);
            Ok::<_, Refusal>((offered, tags))
        });
        let (offered, mut tags) = decided.map_err(|refusal| refused(executor, refusal, entry))?;
        let (events, subject) = (vec![Event::from(offered)], EventSubject::waiting(entry));
        let new_events = new_events(&events, &subject, self.context, executor.env.as_ref(), now)?;
        tags.push(Tag::waitlist(self.id));
        Ok(Decision { events, new_events, tags, read_position: Some(read_position), details: () })
    }

    async fn outcome(
        &self,
        _: &Executor,
        entry: WaitlistEntry,
        decision: Decision,
        at: Option<RecordedAt>,
    ) -> Result<WaitlistOutcome, CommandError> {
        Ok(changed(entry, &decision, at))
    }

    fn replay(&self, earlier: EarlierOutcome) -> Result<WaitlistOutcome, CommandError> {
        earlier.waitlist()
    }
}

impl Executor {
    /// Offers `table` to the waitlist entry `id`, or the tables that the venue would choose.
    ///
    /// # Errors
    /// [`CommandError`]; nothing was appended.
    pub async fn offer_by_hand(
        &self,
        id: WaitlistId,
        table: Option<&TableId>,
        context: &RequestContext,
    ) -> Result<WaitlistOutcome, CommandError> {
        self.execute(&OfferByHand { id, table, context }, context).await
    }
}
