//! Recording how many requests were refused.

use access::Object;
use events::VenueId;
use events::event::{RefusedCount, RequestsRefused};

use crate::app::event_builder::{EventSubject, new_events};
use crate::app::executor::{Attempt, CommandError, Decision, EarlierOutcome, Executor, Loaded, Operation};
use crate::app::request_context::RequestContext;
use crate::domain::RecordedAt;

impl Executor {
    /// Records counts of requests that a venue refused, and waits until the projections contain them.
    ///
    /// # Errors
    /// [`CommandError`]; nothing was appended.
    pub async fn record_refusals(
        &self,
        venue_id: &VenueId,
        counts: &[RefusedCount],
        context: &RequestContext,
    ) -> Result<(), CommandError> {
        self.execute(&RecordRefusals { venue_id, counts, context }, context).await
    }
}

/// Records counts of refused requests. They depend on nothing, so that nothing guards the append.
struct RecordRefusals<'a> {
    venue_id: &'a VenueId,
    counts: &'a [RefusedCount],
    context: &'a RequestContext,
}

impl Operation for RecordRefusals<'_> {
    type Subject = ();
    type Details = ();
    type Outcome = ();

    async fn load(&self, _: &Executor) -> Result<Loaded<()>, CommandError> {
        Ok(Loaded { subject: (), read_position: None })
    }

    fn object<'s>(&'s self, (): &'s ()) -> Option<Object<'s>> {
        Some(Object { venue_id: self.venue_id, guest: None })
    }

    async fn decide(&self, executor: &Executor, (): &(), attempt: Attempt) -> Result<Decision, CommandError> {
        let refused = RequestsRefused { venue_id: self.venue_id.clone(), counts: self.counts.to_vec() };
        let events = vec![refused.into()];
        let subject = EventSubject::venue(self.venue_id);
        let new_events = new_events(&events, &subject, self.context, executor.env.as_ref(), attempt.now)?;
        Ok(Decision { events, new_events, ..Decision::default() })
    }

    async fn outcome(
        &self,
        executor: &Executor,
        (): (),
        _: Decision,
        at: Option<RecordedAt>,
    ) -> Result<(), CommandError> {
        if let Some(at) = at {
            executor.projections.wait_until(at.position).await;
        }
        Ok(())
    }

    fn replay(&self, _: EarlierOutcome) -> Result<(), CommandError> {
        Err(CommandError::KeyReused)
    }
}
