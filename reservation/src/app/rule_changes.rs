//! Changes of the rules of a venue, and what follows from them for its offers and bookings.

use events::{VenueId, WaitlistId};

use super::App;
use super::affected::{each_future_booking, reason};
use super::commands::{RulesChange, RulesOutcome};
use super::executor::CommandError;
use super::request_context::RequestContext;
use crate::domain::Command;
use crate::domain::waitlist::WaitlistCommand;

/// What followed from rules: offers that were withdrawn, and commands that failed.
#[derive(Debug, Default)]
pub struct Settled {
    /// Waiting parties whose offer does not comply with the rules. They keep waiting.
    pub withdrawn: Vec<WaitlistId>,
    /// Why an offer was not withdrawn or a booking was not marked.
    pub failed: Vec<CommandError>,
}

impl App {
    /// Changes the rules of a venue, and does what follows from them for its offers and bookings.
    ///
    /// # Errors
    /// [`CommandError`]; the rules did not change.
    pub async fn change_rules(
        &self,
        change: &RulesChange<'_>,
        context: &RequestContext,
    ) -> Result<(RulesOutcome, Settled), CommandError> {
        let outcome = self.executor.change_rules(change, context).await?;
        let settled =
            if outcome.is_new { self.settle_rules(change.venue_id).await } else { Settled::default() };
        Ok((outcome, settled))
    }

    /// Withdraws the offers that do not comply with the rules of a venue, and marks its bookings that do not. Repeating
    /// it changes nothing, so that it can be continued after a crash.
    pub async fn settle_rules(&self, venue_id: &VenueId) -> Settled {
        let mut settled = Settled::default();
        self.projections.wait_until(self.store.known_head()).await;
        let Some(recorded) = self.projections.recorded_rules(venue_id) else { return settled };
        let (before, after) = (recorded.before.as_deref(), recorded.venue());
        let after = after.as_deref();
        let (entries, _) = self.projections.waitlist(venue_id);
        for entry in entries {
            if entry.offer().is_none_or(|offered| after.is_some_and(|venue| venue.can_keep(offered))) {
                continue;
            }
            let context = RequestContext::system("venues", self.env.as_ref());
            match self.executor.change_waitlist_entry(entry.id, &WaitlistCommand::Withdraw, &context).await {
                Ok(_) => settled.withdrawn.push(entry.id),
                Err(error) => settled.failed.push(error),
            }
        }
        let mut marks = Vec::new();
        each_future_booking(&self.projections, venue_id, self.env.now(), |reservation| {
            let reason = reason(reservation, before, after);
            if reservation.affected.as_deref() != reason {
                marks.push((reservation.id, reason.map(str::to_owned)));
            }
        });
        for (id, reason) in marks {
            let context = RequestContext::system("venues", self.env.as_ref());
            let command = Command::MarkAffected { reason, rules_version: recorded.version };
            if let Err(error) = self.executor.change_reservation(id, None, &command, &context).await {
                settled.failed.push(error);
            }
        }
        settled
    }
}
