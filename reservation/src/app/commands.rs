//! The commands of the service. Each says what it reads, what it decides and what its result is; the
//! executor does the rest.

mod accept;
mod access;
mod book;
mod change;
mod change_rules;
mod closures;
mod correct;
mod extend;
mod import;
mod mark;
mod offer;
mod refusals;
mod swap;
mod tables;
mod tags;
mod waitlist;

use ::access::first::FirstKey;
use ::access::link::LinkSecret;
use chrono::{DateTime, TimeDelta, Utc};
use events::event::{ReservationCreated, WaitlistJoined};
use events::values::TimeWindow;
use events::{ClosureId, KeyId, PaymentId, Position, ReservationId, TableId, VenueId, WaitlistId};
use parking_lot::Mutex;

use self::accept::AcceptOffer;
pub use self::access::{
    AccessCommand, AccountCommand, DeviceCommand, Issue, KeyCommand, NewSession, SessionCommand, StaffCommand,
};
use self::access::{ChangeAccess, ChangeKey, IssueFirstKeys};
use self::book::Book;
use self::change::ChangeReservation;
use self::change_rules::ChangeRules;
pub use self::change_rules::{RulesChange, RulesOutcome};
pub use self::closures::ClosureCommand;
use self::closures::{CancelUnderClosure, ChangeClosure};
pub(in crate::app) use self::closures::{Declaration, declare};
use self::correct::CorrectDetails;
use self::extend::ExtendVisit;
use self::import::Import;
use self::mark::MarkAffected;
use self::offer::OfferTables;
use self::swap::SwapTables;
use self::waitlist::{ChangeWaitlistEntry, JoinWaitlist};
use super::correction::Correction;
use super::executor::{CommandError, Executor, Loaded};
use super::outcome::{ClosureOutcome, KeyOutcome, ReservationOutcome, WaitlistOutcome};
use super::projections::{ContactKeys, VenueSnapshot};
use super::request_context::RequestContext;
use crate::domain::availability::{Overrule, SeatingContext};
use crate::domain::reservation::booking::BookingRequest;
use crate::domain::venue::Venue;
use crate::domain::waitlist::WaitlistCommand;
use crate::domain::{Command, Reservation};

impl Executor {
    /// Books a table for `guest`, or seats a walk-in. With `allow_duplicate` the same guest may have another booking at
    /// that time.
    ///
    /// # Errors
    /// [`CommandError`]; nothing was appended.
    pub async fn book(
        &self,
        request: &BookingRequest,
        guest: Option<ContactKeys>,
        allow_duplicate: bool,
        context: &RequestContext,
    ) -> Result<ReservationOutcome, CommandError> {
        let id = self.id_with_free_code(&request.venue_id);
        let payment_id = PaymentId(self.env.new_id());
        self.execute(&Book { id, payment_id, request, guest, allow_duplicate, context }, context).await
    }

    /// Records a booking that was made in another system, with `tables` if they are free. It has a mark afterwards if it does not
    /// comply with the rules of the venue.
    ///
    /// # Errors
    /// [`CommandError`]; with [`CommandError::KeyReused`] the booking was imported before with another time, size or status.
    pub async fn import(
        &self,
        created: &ReservationCreated,
        tables: &[TableId],
        context: &RequestContext,
    ) -> Result<ReservationOutcome, CommandError> {
        let id = self.id_with_free_code(&created.venue_id);
        let outcome = self.execute(&Import { id, created, tables, context }, context).await?;
        if outcome.replayed { Ok(outcome) } else { self.marked_again(outcome).await }
    }

    /// Runs `command` for the reservation `id`. A caller that has just loaded the reservation passes it with
    /// its read position, and it is not loaded again.
    ///
    /// # Errors
    /// [`CommandError`]; nothing was appended.
    pub async fn change_reservation(
        &self,
        id: ReservationId,
        loaded: Option<(Reservation, Position)>,
        command: &Command,
        context: &RequestContext,
    ) -> Result<ReservationOutcome, CommandError> {
        let loaded = loaded.map(|(reservation, at)| Loaded { subject: reservation, read_position: Some(at) });
        let (loaded, guest) = (Mutex::new(loaded), Mutex::new(None));
        let operation = ChangeReservation { id, loaded, guest, command, context };
        let outcome = self.execute(&operation, context).await?;
        match command {
            // The rules may have changed while the reservation was not expected.
            Command::Undo(_) if !outcome.replayed => self.marked_again(outcome).await,
            _ => Ok(outcome),
        }
    }

    /// The reservation of `outcome` with the mark of the rules that count. If the mark cannot be recorded now, the next start
    /// or change of the rules records it.
    async fn marked_again(&self, outcome: ReservationOutcome) -> Result<ReservationOutcome, CommandError> {
        let context = RequestContext::system("venues", self.env.as_ref());
        let (id, recorded) = (outcome.reservation.id, outcome.recorded);
        let marked = self.mark_affected(id, &context).await.inspect_err(|error| {
            let error = error as &dyn std::error::Error;
            tracing::warn!(error, %id, "could not compare a reservation with the rules of its venue");
        });
        Ok(ReservationOutcome { recorded, ..marked.unwrap_or(outcome) })
    }

    /// Changes the end of the visit `id`, which has begun. With `overrule` the next party at its tables loses them.
    ///
    /// # Errors
    /// [`CommandError`]; nothing was appended.
    pub async fn extend_visit(
        &self,
        id: ReservationId,
        end: DateTime<Utc>,
        overrule: Option<&Overrule>,
        context: &RequestContext,
    ) -> Result<ReservationOutcome, CommandError> {
        self.execute(&ExtendVisit { id, end, overrule, context }, context).await
    }

    /// Corrects details of the reservation `id`.
    ///
    /// # Errors
    /// [`CommandError`]; nothing was appended.
    pub async fn correct_details(
        &self,
        id: ReservationId,
        correction: &Correction,
        context: &RequestContext,
    ) -> Result<ReservationOutcome, CommandError> {
        self.execute(&CorrectDetails { id, correction, context }, context).await
    }

    /// Exchanges the tables of the reservations `id` and `with`.
    ///
    /// # Errors
    /// [`CommandError`]; nothing was appended.
    pub async fn swap_tables(
        &self,
        id: ReservationId,
        with: ReservationId,
        context: &RequestContext,
    ) -> Result<ReservationOutcome, CommandError> {
        self.execute(&SwapTables { id, with, context }, context).await
    }

    /// Marks the reservation `id` if it does not comply with the rules of its venue, and removes the mark if it does.
    ///
    /// # Errors
    /// [`CommandError`]; nothing was appended.
    pub async fn mark_affected(
        &self,
        id: ReservationId,
        context: &RequestContext,
    ) -> Result<ReservationOutcome, CommandError> {
        self.execute(&MarkAffected { id, context }, context).await
    }

    /// Adds a party to the waitlist. `guest` is given unless the same guest may wait twice.
    ///
    /// # Errors
    /// [`CommandError`]; nothing was appended.
    pub async fn join_waitlist(
        &self,
        joined: &WaitlistJoined,
        guest: Option<ContactKeys>,
        context: &RequestContext,
    ) -> Result<WaitlistOutcome, CommandError> {
        let id = WaitlistId(self.env.new_id());
        self.execute(&JoinWaitlist { id, joined, guest, context }, context).await
    }

    /// Runs `command` for the waitlist entry `id`.
    ///
    /// # Errors
    /// [`CommandError`]; nothing was appended.
    pub async fn change_waitlist_entry(
        &self,
        id: WaitlistId,
        command: &WaitlistCommand,
        context: &RequestContext,
    ) -> Result<WaitlistOutcome, CommandError> {
        self.execute(&ChangeWaitlistEntry { id, command, context }, context).await
    }

    /// Offers free tables to the first party on the waitlist of `venue` that they fit. Returns that party, or
    /// `None` if no free table fits any.
    ///
    /// # Errors
    /// [`CommandError`]; nothing was appended.
    pub async fn offer_tables(
        &self,
        venue: &VenueId,
        context: &RequestContext,
    ) -> Result<Option<WaitlistId>, CommandError> {
        self.execute(&OfferTables { venue, context }, context).await
    }

    /// Turns the offer to the waitlist entry `id` into a reservation. With `allow_duplicate` the same guest may have
    /// another booking at that time.
    ///
    /// # Errors
    /// [`CommandError`]; nothing was appended.
    pub async fn accept_offer(
        &self,
        id: WaitlistId,
        allow_duplicate: bool,
        context: &RequestContext,
    ) -> Result<ReservationOutcome, CommandError> {
        let venue = self.projections.venue_of_entry(id);
        let reservation_id =
            venue.map_or_else(|| ReservationId(self.env.new_id()), |venue| self.id_with_free_code(&venue));
        let payment_id = PaymentId(self.env.new_id());
        self.execute(&AcceptOffer { id, reservation_id, payment_id, allow_duplicate, context }, context).await
    }

    /// Changes the rules of a venue, unless they count already. When this returns, the new rules count.
    ///
    /// # Errors
    /// [`CommandError`]; nothing was appended.
    pub async fn change_rules(
        &self,
        change: &RulesChange<'_>,
        context: &RequestContext,
    ) -> Result<RulesOutcome, CommandError> {
        self.execute(&ChangeRules { change, context }, context).await
    }

    /// Runs `command` for the closure `id` of `venue`. When this returns, the change counts.
    ///
    /// # Errors
    /// [`CommandError`]; nothing was appended.
    pub async fn change_closure(
        &self,
        venue: &VenueId,
        id: ClosureId,
        command: &ClosureCommand,
        context: &RequestContext,
    ) -> Result<ClosureOutcome, CommandError> {
        self.execute(&ChangeClosure { venue_id: venue, id, command, context }, context).await
    }

    /// Cancels the reservation `id` if it is under the closure `closure`, of which the bookings are to be cancelled.
    ///
    /// # Errors
    /// [`CommandError`]; nothing was appended.
    pub async fn cancel_under_closure(
        &self,
        id: ReservationId,
        closure: ClosureId,
        context: &RequestContext,
    ) -> Result<ReservationOutcome, CommandError> {
        self.execute(&CancelUnderClosure { id, closure, context }, context).await
    }

    /// Creates or changes a key. When this returns, the change counts.
    ///
    /// # Errors
    /// [`CommandError`]; nothing was appended.
    pub async fn change_key(
        &self,
        command: &KeyCommand,
        context: &RequestContext,
    ) -> Result<KeyOutcome, CommandError> {
        self.execute(&ChangeKey { command, context }, context).await
    }

    /// Changes accounts, sessions or devices. When this returns, the change counts.
    ///
    /// # Errors
    /// [`CommandError`]; nothing was appended.
    pub async fn change_access<C: AccessCommand>(
        &self,
        command: &C,
        context: &RequestContext,
    ) -> Result<(), CommandError> {
        self.execute(&ChangeAccess { command, context }, context).await
    }

    /// Records first keys, and a key for the links of guests. Returns whether they were recorded.
    ///
    /// # Errors
    /// [`CommandError`]; nothing was appended.
    pub async fn issue_first_keys(
        &self,
        keys: &[FirstKey],
        link_key: Option<(&KeyId, &LinkSecret)>,
        mode: Issue,
        context: &RequestContext,
    ) -> Result<bool, CommandError> {
        self.execute(&IssueFirstKeys { keys, link_key, mode, context }, context).await
    }

    /// An id for a new reservation of `venue`, of which the code is free. Two bookings within the same few milliseconds could
    /// still get the same code, with a probability of one in a billion; a search shows both then.
    fn id_with_free_code(&self, venue: &VenueId) -> ReservationId {
        let now = self.env.now();
        let mut id = ReservationId(self.env.new_id());
        for _ in 1..CODES_TRIED_MAX {
            if !self.projections.has_code_of(venue, id, now) {
                break;
            }
            id = ReservationId(self.env.new_id());
        }
        id
    }

    /// Decides with the availability of `venue` around `window`, without waiting. Returns the position of the
    /// state that the decision saw.
    fn decide_with_availability<T>(
        &self,
        venue: &VenueId,
        window: &TimeWindow,
        decide: impl FnOnce(&SeatingContext<'_>, &VenueSnapshot) -> T,
    ) -> (T, Position) {
        let snapshot = self.projections.snapshot(venue, window);
        self.decide_with_snapshot(&snapshot, decide)
    }

    fn decide_with_snapshot<T>(
        &self,
        snapshot: &VenueSnapshot,
        decide: impl FnOnce(&SeatingContext<'_>, &VenueSnapshot) -> T,
    ) -> (T, Position) {
        let assignment_ids = self.assignment_ids();
        let rules = snapshot.venue.as_deref().and_then(|venue| venue.rules.as_ref());
        let occupancy = &snapshot.occupancy;
        let context = SeatingContext { occupancy, rules, assignment_ids: &assignment_ids };
        (decide(&context, snapshot), snapshot.position)
    }

    /// Decides with the availability of `venue`, after tables that became free have been offered to its
    /// waitlist: a new booking must not overtake a waiting party. Waits at most
    /// [`WAITLIST_WAIT_MAX`](super::commands::WAITLIST_WAIT_MAX) for that.
    async fn decide_after_waitlist<T>(
        &self,
        venue: &VenueId,
        window: &TimeWindow,
        decide: impl Fn(&SeatingContext<'_>, Option<&Venue>) -> T + Sync,
    ) -> Result<(T, Position), CommandError> {
        let deadline = self.env.now() + WAITLIST_WAIT_MAX;
        loop {
            self.catch_up().await?;
            let ((decided, freed_at), position) =
                self.decide_with_availability(venue, window, |context, snapshot| {
                    (decide(context, snapshot.venue.as_deref()), snapshot.freed_at)
                });
            match freed_at {
                Some(freed_at) if !self.waitlist_progress.covers(venue, freed_at) => {
                    let left = (deadline - self.env.now()).to_std().unwrap_or_default();
                    let offered = self.waitlist_progress.wait_for(venue, freed_at);
                    tokio::select! {
                        () = offered => {}
                        () = self.env.sleep(left) => {
                            tracing::warn!(%venue, "free tables could not be offered to the waitlist in time");
                            metrics::counter!("meja_lines_passed_total").increment(1);
                            return Ok((decided, position));
                        }
                    }
                }
                _ => return Ok((decided, position)),
            }
        }
    }
}

/// Maximum number of ids that are tried for a new reservation, until the code of one is free.
const CODES_TRIED_MAX: u32 = 32;

/// Maximum time that a booking waits for offers to the waitlist.
const WAITLIST_WAIT_MAX: TimeDelta = TimeDelta::seconds(1);
