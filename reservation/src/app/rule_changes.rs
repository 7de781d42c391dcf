//! Changes of the rules of a venue, and what follows from them for its offers and bookings.

use events::{ClosureId, VenueId, WaitlistId};
use futures::FutureExt as _;

use tokio::sync::oneshot;

use super::App;
use super::affected::{affected_bookings, each_future_booking, reason_now};
use super::commands::{ClosureCommand, RulesChange, RulesOutcome};
use super::executor::{CommandError, check_version};
use super::outcome::ClosureOutcome;
use super::request_context::RequestContext;
use crate::domain::reservation::Noncompliance;
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
    /// Changes the rules of a venue, and does what follows from them for its offers and bookings. If the rules count
    /// already, it completes what follows from them.
    ///
    /// # Errors
    /// [`CommandError`]; the rules did not change.
    pub async fn change_rules(
        &self,
        change: &RulesChange<'_>,
        context: &RequestContext,
    ) -> Result<(RulesOutcome, Settled), CommandError> {
        let outcome = self.executor.change_rules(change, context).await?;
        Ok((outcome, self.settle_rules(change.venue_id).await))
    }

    /// Runs `command` for the closure `id` of a venue, and does what follows from it for its offers and bookings.
    ///
    /// # Errors
    /// [`CommandError`]; nothing changed.
    pub async fn change_closure(
        &self,
        venue_id: &VenueId,
        id: ClosureId,
        command: &ClosureCommand,
        context: &RequestContext,
    ) -> Result<ClosureOutcome, CommandError> {
        let (app, venue_id) = (self.clone(), venue_id.clone());
        let (command, context) = (command.clone(), context.clone());
        let (sender, outcome) = oneshot::channel();
        // To its end, also if the client goes away: bookings without a mark would still be no-shows.
        let run = async move {
            let outcome = app.executor.change_closure(&venue_id, id, &command, &context).await;
            if outcome.is_ok() {
                app.settle_rules(&venue_id).await;
                // The outcome shows the marks.
                app.projections.wait_until(app.store.known_head()).await;
            }
            // The client may have gone away.
            let _ = sender.send(outcome);
        };
        self.env.spawn(run.boxed());
        outcome.await.unwrap_or(Err(CommandError::Contended))
    }

    /// What [`Self::change_rules`] would do. Nothing is recorded.
    ///
    /// # Errors
    /// [`CommandError::Stale`], or that the log cannot be read.
    pub async fn preview_rules(
        &self,
        change: &RulesChange<'_>,
        context: &RequestContext,
    ) -> Result<RulesOutcome, CommandError> {
        context
            .caller
            .may_use(change.venue_id)
            .map_err(|_| CommandError::HiddenVenue(change.venue_id.clone()))?;
        self.executor.catch_up().await?;
        let recorded = self.projections.recorded_rules(change.venue_id);
        let version = recorded.as_ref().map_or(0, |recorded| recorded.version);
        check_version(context, Some(version.into()))?;
        let before = recorded.and_then(|recorded| recorded.venue());
        let (after, now) = (self.projections.closed_rules(change.venue_id, change.rules), self.env.now());
        let affected =
            affected_bookings(&self.projections, change.venue_id, before.as_deref(), after.as_deref(), now);
        Ok(RulesOutcome { version, is_new: false, affected })
    }

    /// Withdraws the offers that do not comply with the rules of a venue, and marks its bookings that do not. Repeating
    /// it changes nothing, so that it can be continued after a crash.
    pub async fn settle_rules(&self, venue_id: &VenueId) -> Settled {
        let mut settled = Settled::default();
        self.projections.wait_until(self.store.known_head()).await;
        let Some(recorded) = self.projections.recorded_rules(venue_id) else { return settled };
        let after = recorded.venue();
        let after = after.as_deref();
        let withdraw = WaitlistCommand::Withdraw { reason_code: "rules_changed" };
        let (entries, _) = self.projections.waitlist(venue_id);
        for entry in entries {
            if entry.offer().is_none_or(|offered| after.is_some_and(|venue| venue.can_keep(offered))) {
                continue;
            }
            let context = RequestContext::system("venues", self.env.as_ref());
            match self.executor.change_waitlist_entry(entry.id, &withdraw, &context).await {
                Ok(_) => settled.withdrawn.push(entry.id),
                Err(error) => settled.failed.push(error),
            }
        }
        let mut marks = Vec::new();
        each_future_booking(&self.projections, venue_id, self.env.now(), |reservation| {
            if !Noncompliance::is_recorded(
                reason_now(reservation, &recorded),
                reservation.affected.as_deref(),
            ) {
                marks.push(reservation.id);
            }
        });
        for id in marks {
            let context = RequestContext::system("venues", self.env.as_ref());
            if let Err(error) = self.executor.mark_affected(id, &context).await {
                settled.failed.push(error);
            }
        }
        for error in &settled.failed {
            let error = error as &dyn std::error::Error;
            tracing::error!(%venue_id, error, "the rules count, but an offer was not withdrawn or a booking not marked: import or send the rules again to continue");
        }
        settled
    }
}
