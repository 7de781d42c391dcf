//! The line of a house: joining it, leaving it, being offered something, taking it.

use std::collections::HashSet;
use std::time::Duration;

use chrono::TimeDelta;
use events::event::{Event, WaitlistJoined};
use events::store::AppendCondition;
use events::values::TimeWindow;
use events::{PaymentId, Position, ReservationId, Tag, VenueId, WaitlistId};
use tokio::sync::watch;

use super::error::refused;
use super::guard::{booked, guard};
use super::{ATTEMPTS_MAX, Attempt, HandleError, Handled, Handler, Refused};
use crate::domain::venue::Venue;
use crate::domain::waiting::{self, Entry, Taking, WAITING_MAX, WaitCommand};
use crate::domain::{Floor, Refusal, Stamp};
use crate::record::{About, Submission, entries};
use crate::stream::{self, Until};
use crate::views::Line;

/// Nobody who books waits longer for those who were there first.
pub(super) const LINE_MAX: Duration = Duration::from_secs(1);

/// So near the end every join is counted: before, a few at once do no harm.
const COUNTED_FROM: usize = WAITING_MAX - 100;

/// Up to where in the log those who wait were offered what was free.
#[derive(Debug)]
pub(super) struct Offers(watch::Sender<Offered>);

/// Everywhere up to `position`, but for the venues that are behind.
#[derive(Debug, Default)]
struct Offered {
    position: Position,
    behind: HashSet<VenueId>,
}

impl Default for Offers {
    fn default() -> Self {
        Self(watch::Sender::new(Offered::default()))
    }
}

impl Offered {
    fn reaches(&self, venue: &VenueId, position: Position) -> bool {
        self.position >= position && !self.behind.contains(venue)
    }
}

impl Offers {
    pub(super) fn reach(&self, venue: &VenueId, position: Position) -> bool {
        self.0.borrow().reaches(venue, position)
    }

    pub(super) async fn reached(&self, venue: &VenueId, position: Position) {
        // The sender lives as long as this.
        let _ = self.0.subscribe().wait_for(|offered| offered.reaches(venue, position)).await;
    }
}

/// What a command led to.
#[derive(Debug, Clone)]
pub struct Waited {
    /// The party that waits after it.
    pub entry: Entry,
    /// Whether this is the answer to an earlier request with the same Idempotency-Key.
    pub replayed: bool,
}

impl Handler {
    /// Lets a party join the line.
    ///
    /// # Errors
    /// [`HandleError`]; nothing was appended then.
    pub async fn join(
        &self,
        joined: &WaitlistJoined,
        submission: &Submission,
    ) -> Result<Waited, HandleError> {
        let (id, venue) = (WaitlistId(self.clock.new_id()), &joined.venue_id);
        for _ in 0..ATTEMPTS_MAX {
            let now = self.clock.now();
            let rules = self.venues.get(Some(venue)).ok_or_else(|| HandleError::NoVenue(venue.clone()))?;
            self.views.caught_up(self.store.head()).await;
            let decide = |floor: &Floor<'_>, line: &Line| {
                (waiting::join(joined.clone(), floor, line.len(), now), line.len())
            };
            let ((decided, waiting), at) = self.look_at_floor(venue, decide);
            if let Some(earlier) = self.earlier(submission.key.as_ref()).await? {
                return earlier.waited();
            }
            let event = decided.map_err(|refusal| refused(refusal, Refused::waiting(joined, &rules)))?;
            let about = About::joining(id, joined);
            let entries = entries(&[event], &about, submission, self.clock.as_ref(), now)?;
            let counted = (waiting >= COUNTED_FROM).then(|| Tag::waiting(venue));
            let looked_at = [Tag::waitlist(id), Tag::rules(venue)].into_iter().chain(counted);
            let guard = guard(looked_at, submission.key.as_ref());
            if let Some(appended) = self.put(entries, AppendCondition::unchanged(guard, at)).await? {
                let entry = Entry::begin(id, joined, Stamp { position: appended.first, time: now });
                return Ok(Waited { entry, replayed: false });
            }
        }
        Err(HandleError::Contended)
    }

    /// Does what `command` asks of the party `id` that waits.
    ///
    /// # Errors
    /// [`HandleError`]; nothing was appended then.
    pub async fn wait(
        &self,
        id: WaitlistId,
        command: &WaitCommand,
        submission: &Submission,
    ) -> Result<Waited, HandleError> {
        for _ in 0..ATTEMPTS_MAX {
            let (entry, at) = stream::load_waiting(self.store.as_ref(), id, Until::Now).await?;
            if let Some(earlier) = self.earlier(submission.key.as_ref()).await? {
                return earlier.waited();
            }
            let mut entry = entry.ok_or(HandleError::NobodyWaits(id))?;
            submission.has_seen(entry.version)?;
            let now = self.clock.now();
            let events = entry.decide(command, now).map_err(|refusal| self.not_waited(refusal, &entry))?;
            let entries = entries(&events, &About::waiting(&entry), submission, self.clock.as_ref(), now)?;
            let guard = guard([Tag::waitlist(id)], submission.key.as_ref());
            if events.is_empty() || self.put(entries, AppendCondition::unchanged(guard, at)).await?.is_some()
            {
                events.iter().for_each(|event| entry.evolve(event));
                return Ok(Waited { entry, replayed: false });
            }
        }
        Err(HandleError::Contended)
    }

    /// Holds what is free for the first party in the line of `venue` that it fits, if it fits any.
    ///
    /// # Errors
    /// [`HandleError`]; nothing was appended then.
    pub async fn offer(
        &self,
        venue: &VenueId,
        submission: &Submission,
    ) -> Result<Option<WaitlistId>, HandleError> {
        for _ in 0..ATTEMPTS_MAX {
            let now = self.clock.now();
            let Some(minutes) = self.venues.get(Some(venue)).map(|venue| venue.offer_minutes) else {
                return Ok(None);
            };
            let decide = |floor: &Floor<'_>, line: &Line| {
                let (entry, offered) = waiting::next_offer(line.entries(), floor, minutes, now)?;
                Some((entry.clone(), booked(venue, floor.house, &offered.window), offered))
            };
            let (found, at) = self.look_at_floor(venue, decide);
            let Some((entry, looked_for, offered)) = found else { return Ok(None) };
            let (events, about) = ([Event::from(offered)], About::waiting(&entry));
            let entries = entries(&events, &about, submission, self.clock.as_ref(), now)?;
            // Who joins meanwhile is behind, who leaves was not to be offered anything: neither makes this wrong.
            let guard = guard(looked_for.into_iter().chain([Tag::waitlist(entry.id)]), None);
            if let Some(appended) = self.put(entries, AppendCondition::unchanged(guard, at)).await? {
                self.views.caught_up(appended.first).await;
                return Ok(Some(entry.id));
            }
            self.views.caught_up(self.store.head()).await;
        }
        Err(HandleError::Contended)
    }

    /// Makes a reservation of what is held for the party `id`.
    ///
    /// # Errors
    /// [`HandleError`]; nothing was appended then.
    pub async fn accept(&self, id: WaitlistId, submission: &Submission) -> Result<Handled, HandleError> {
        let reservation_id = ReservationId(self.clock.new_id());
        let payment_id = PaymentId(self.clock.new_id());
        for _ in 0..ATTEMPTS_MAX {
            let (entry, at) = stream::load_waiting(self.store.as_ref(), id, Until::Now).await?;
            if let Some(earlier) = self.earlier(submission.key.as_ref()).await? {
                return earlier.handled();
            }
            let entry = entry.ok_or(HandleError::NobodyWaits(id))?;
            submission.has_seen(entry.version)?;
            let (now, venue) = (self.clock.now(), &entry.joined.venue_id);
            let rules = self.venues.get(Some(venue)).ok_or_else(|| HandleError::NoVenue(venue.clone()))?;
            let taking = entry.accept(reservation_id, &rules, &self.assignment_ids(), payment_id, now);
            let accepted = match taking.map_err(|refusal| self.not_waited(refusal, &entry))? {
                Taking::Now(accepted) => accepted,
                Taking::Before(id) => {
                    let (reservation, _) = stream::load(self.store.as_ref(), id, Until::Now).await?;
                    let reservation = reservation.ok_or(HandleError::NotFound(id))?;
                    return Ok(Handled { reservation, replayed: false });
                }
            };
            // The contact moves along: the party's is forgotten in the same append.
            let contact = self.store.private(entry.at.position).await.map_err(stream::StreamError::from)?;
            let booking = Submission { private: contact, ..submission.clone() };
            let (clock, about) = (self.clock.as_ref(), About::booking(reservation_id, &accepted.booking));
            let first = Event::from(accepted.event);
            let mut all =
                entries(std::slice::from_ref(&first), &About::waiting(&entry), submission, clock, now)?;
            all.extend(entries(&accepted.events, &about, &booking, clock, now)?);
            let events: Vec<_> = std::iter::once(first).chain(accepted.events).collect();
            let looked_at = [Tag::waitlist(id), Tag::reservation(reservation_id), Tag::rules(venue)];
            let condition = AppendCondition::unchanged(guard(looked_at, submission.key.as_ref()), at);
            match self.keep(None, reservation_id, &events, all, condition).await? {
                Attempt::Done(handled) => return Ok(*handled),
                Attempt::Conflict => {}
            }
        }
        Err(HandleError::Contended)
    }

    fn not_waited(&self, refusal: Refusal, entry: &Entry) -> HandleError {
        let rules = self.venues.get(Some(&entry.joined.venue_id));
        match rules {
            Some(rules) => refused(refusal, Refused::waiting(&entry.joined, &rules)),
            None => HandleError::NoVenue(entry.joined.venue_id.clone()),
        }
    }

    /// Tells those who book that everybody in a line was offered what was free up to `position`, but for the venues
    /// that are `behind`.
    pub fn has_offered(&self, position: Position, behind: HashSet<VenueId>) {
        self.offers.0.send_replace(Offered { position, behind });
    }

    /// Returns once everybody in a line everywhere was offered what was free up to `position`.
    pub async fn offered(&self, position: Position) {
        let all = |offered: &Offered| offered.position >= position && offered.behind.is_empty();
        let _ = self.offers.0.subscribe().wait_for(all).await;
    }
}

impl Refused {
    /// What a party waits for.
    fn waiting(joined: &WaitlistJoined, rules: &Venue) -> Self {
        let stays = rules
            .house
            .as_ref()
            .map_or(joined.acceptable.minutes(), |house| i64::from(house.turn_minutes(joined.party_size)));
        let start = joined.acceptable.start;
        Self {
            venue_id: joined.venue_id.clone(),
            window: TimeWindow { start, end: start + TimeDelta::minutes(stays) },
            size: joined.party_size,
            area: joined.area.clone(),
            walks_in: false,
            reservation: None,
            keeps: Vec::new(),
            only_then: false,
        }
    }
}
