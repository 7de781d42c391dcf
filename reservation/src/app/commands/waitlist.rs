//! Joining the waitlist, and changing a waitlist entry.

use access::Object;
use events::event::WaitlistJoined;
use events::values::{Scope, Scopes};
use events::{Tag, WaitlistId};

use crate::app::event_builder::{EventSubject, new_events};
use crate::app::executor::{
    Attempt, CommandError, Decision, EarlierOutcome, Executor, Loaded, NewParty, Operation, RefusedRequest,
};
use crate::app::objects::object_of_entry;
use crate::app::outcome::WaitlistOutcome;
use crate::app::projections::ContactKeys;
use crate::app::repository::{self, AsOf};
use crate::app::request_context::RequestContext;
use crate::domain::availability::{BookingRules, Unavailable};
use crate::domain::refusal::UNPROVEN_PER_CONTACT_MAX;
use crate::domain::waitlist::{self, WAITLIST_PARTIES_MAX, WaitlistCommand, WaitlistEntry};
use crate::domain::{RecordedAt, Refusal};

/// From this length on, every party that joins is counted exactly, and so is every one with an unproved contact. Otherwise a few
/// concurrent ones do no harm.
const EXACT_COUNT_FROM: usize = WAITLIST_PARTIES_MAX - 100;

/// Adds a party to the waitlist.
pub(super) struct JoinWaitlist<'a> {
    pub(super) id: WaitlistId,
    pub(super) joined: &'a WaitlistJoined,
    /// The guest. A guest can be on the waitlist only once for a business day.
    pub(super) guest: Option<ContactKeys>,
    pub(super) context: &'a RequestContext,
}

impl Operation for JoinWaitlist<'_> {
    type Subject = ();
    type Details = ();
    type Outcome = WaitlistOutcome;

    async fn load(&self, _: &Executor) -> Result<Loaded<()>, CommandError> {
        Ok(Loaded { subject: (), read_position: None })
    }

    fn guest(&self, _: &Executor, (): &()) -> Option<ContactKeys> {
        self.guest
    }

    /// Only staff at the door quote a wait.
    fn new_party(&self) -> Option<NewParty> {
        Some(if self.joined.quoted_minutes.is_some() { NewParty::AtDoor } else { NewParty::Expected })
    }

    fn object<'s>(&'s self, (): &'s ()) -> Option<Object<'s>> {
        let object = Object { venue_id: &self.joined.venue_id, guest: None };
        (!self.context.caller.is_guest()).then_some(object)
    }

    fn needs(&self) -> Scopes {
        self.joined.quoted_minutes.map(|_| Scope::Floor).into_iter().collect()
    }

    async fn decide(&self, executor: &Executor, (): &(), attempt: Attempt) -> Result<Decision, CommandError> {
        let (joined, now) = (self.joined, attempt.now);
        let venue = executor.venues.get(Some(&joined.venue_id));
        let venue = venue.ok_or_else(|| CommandError::UnknownVenue(joined.venue_id.clone()))?;
        executor.catch_up().await?;
        let date = venue.date_of(joined.acceptable.start);
        let ((decided, waiting, is_waiting), read_position) =
            executor.decide_with_availability(&joined.venue_id, &joined.acceptable, |context, _| {
                let (waiting, is_waiting) = executor.projections.waiting_on(&venue, date, self.guest);
                (waitlist::join(joined.clone(), context, waiting, now), waiting, is_waiting)
            });
        let refused = |refusal| CommandError::refused(refusal, RefusedRequest::waitlist(joined, &venue));
        let events = decided.map_err(&refused)?;
        let unproven = self.guest.filter(|_| joined.contact_proof.is_some());
        let unproven = unproven.map(|guest| executor.projections.unproven_of(guest));
        if unproven.is_some_and(|count| count >= UNPROVEN_PER_CONTACT_MAX) {
            return Err(refused(Refusal::TooManyUnproven));
        }
        if is_waiting {
            return Err(refused(Refusal::AlreadyWaiting));
        }
        let subject = EventSubject::joining(self.id, joined);
        let new_events = new_events(&events, &subject, self.context, executor.env.as_ref(), now)?;
        let is_exact = waiting.parties >= EXACT_COUNT_FROM || joined.contact_proof.is_some();
        let exact = is_exact.then(|| Tag::waiting(&joined.venue_id));
        let tags = [Tag::waitlist(self.id), Tag::rules(&joined.venue_id)];
        let tags = tags.into_iter().chain(exact).collect();
        Ok(Decision { events, new_events, tags, read_position: Some(read_position), details: () })
    }

    async fn outcome(
        &self,
        _: &Executor,
        (): (),
        decision: Decision,
        at: Option<RecordedAt>,
    ) -> Result<WaitlistOutcome, CommandError> {
        let at = at.ok_or(CommandError::UnknownWaitlistEntry(self.id))?;
        let mut entry = WaitlistEntry::begin(self.id, self.joined, at);
        decision.events.iter().skip(1).for_each(|event| entry.evolve(event, at.time));
        Ok(WaitlistOutcome { entry, recorded: true, replayed: false })
    }

    fn replay(&self, earlier: EarlierOutcome) -> Result<WaitlistOutcome, CommandError> {
        earlier.waitlist()
    }
}

/// Runs a command for a waitlist entry.
pub(super) struct ChangeWaitlistEntry<'a> {
    pub(super) id: WaitlistId,
    pub(super) command: &'a WaitlistCommand,
    pub(super) context: &'a RequestContext,
}

impl Operation for ChangeWaitlistEntry<'_> {
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
        let decided = entry.decide(self.command, attempt.now);
        let events = decided.map_err(|refusal| refused(executor, refusal, entry))?;
        if matches!(self.command, WaitlistCommand::CallIn) {
            // A closure that is declared meanwhile finds the party on its way.
            let (venue, joined) = (executor.venues.get(Some(&entry.joined.venue_id)), &entry.joined);
            let rules = venue.as_ref().and_then(|venue| venue.rules.as_ref());
            let is_open =
                |rules: &BookingRules| rules.is_open_within(&joined.acceptable, joined.area.as_deref());
            if !rules.is_none_or(is_open) {
                return Err(refused(executor, Unavailable::Closed.into(), entry));
            }
        }
        let subject = EventSubject::waiting(entry);
        let new_events = new_events(&events, &subject, self.context, executor.env.as_ref(), attempt.now)?;
        Ok(Decision {
            events,
            new_events,
            tags: vec![Tag::waitlist(self.id)],
            read_position: None,
            details: (),
        })
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

/// The entry after the events of a decision, if they were recorded.
pub(super) fn changed(
    mut entry: WaitlistEntry,
    decision: &Decision,
    at: Option<RecordedAt>,
) -> WaitlistOutcome {
    if let Some(at) = at {
        decision.events.iter().for_each(|event| entry.evolve(event, at.time));
    }
    WaitlistOutcome { entry, recorded: at.is_some(), replayed: false }
}

/// Loads the waitlist entry `id`.
pub(super) async fn load_entry(
    executor: &Executor,
    id: WaitlistId,
) -> Result<Loaded<WaitlistEntry>, CommandError> {
    let (entry, at) = repository::load_waitlist_entry(executor.store.as_ref(), id, AsOf::Now).await?;
    let subject = entry.ok_or(CommandError::UnknownWaitlistEntry(id))?;
    Ok(Loaded { subject, read_position: Some(at) })
}

/// The error for a refused command about `entry`.
pub(super) fn refused(executor: &Executor, refusal: Refusal, entry: &WaitlistEntry) -> CommandError {
    match executor.venues.get(Some(&entry.joined.venue_id)) {
        Some(venue) => CommandError::refused(refusal, RefusedRequest::waitlist(&entry.joined, &venue)),
        None => CommandError::UnknownVenue(entry.joined.venue_id.clone()),
    }
}
