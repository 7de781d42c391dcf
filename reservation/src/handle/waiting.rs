//! The line of a house: joining it, leaving it, being offered something, taking it.

use std::time::Duration;

use events::event::{Event, WaitlistJoined};
use events::store::AppendCondition;
use events::{PaymentId, Position, ReservationId, Tag, VenueId, WaitlistId};
use tokio::sync::watch;

use super::error::refused;
use super::guard::{booked, guard};
use super::{ATTEMPTS_MAX, HandleError, Handled, Handler, Refused};
use crate::domain::waiting::{self, Entry, State, WaitCommand};
use crate::domain::{Floor, Stamp};
use crate::record::{About, Submission, entries};
use crate::stream::{self, Until};
use crate::views::Line;

/// Nobody who books waits longer for those who were there first.
const LINE_MAX: Duration = Duration::from_secs(1);

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
            self.venues.get(Some(venue)).ok_or_else(|| HandleError::NoVenue(venue.clone()))?;
            self.views.caught_up(self.store.head()).await;
            let decide =
                |floor: &Floor<'_>, line: &Line| waiting::join(joined.clone(), floor, line.len(), now);
            let (decided, at) = self.look_at_floor(venue, decide);
            if let Some(earlier) = self.earlier(submission.key.as_ref()).await? {
                return earlier.waited();
            }
            let event = decided.map_err(|refusal| refused(refusal, Refused::waiting(joined)))?;
            let events = [event];
            let entries =
                entries(&events, &About::joining(id, joined), submission, self.clock.as_ref(), now)?;
            let guard = guard([Tag::waitlist(id), Tag::rules(venue)], submission.key.as_ref());
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
            stale(&entry, submission)?;
            let now = self.clock.now();
            let decided = entry.decide(command, now);
            let events = decided.map_err(|refusal| refused(refusal, Refused::waiting(&entry.joined)))?;
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
                let offer = |entry: &Entry| Some((entry.clone(), entry.offered(floor, minutes, now)?));
                let (entry, offered) = line.values().find_map(offer)?;
                Some((entry, booked(venue, floor.house, &offered.window), offered))
            };
            let (found, at) = self.look_at_floor(venue, decide);
            let Some((entry, looked_for, offered)) = found else { return Ok(None) };
            let events = [Event::from(offered)];
            let entries = entries(&events, &About::waiting(&entry), submission, self.clock.as_ref(), now)?;
            // Nobody may have joined or left the line, nor taken anything.
            let guard = guard(looked_for.into_iter().chain([Tag::waiting(venue)]), None);
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
            if let State::Accepted(id) = entry.state {
                let (reservation, _) = stream::load(self.store.as_ref(), id, Until::Now).await?;
                let reservation = reservation.ok_or(HandleError::NotFound(id))?;
                return Ok(Handled { reservation, replayed: false });
            }
            stale(&entry, submission)?;
            let (now, venue) = (self.clock.now(), &entry.joined.venue_id);
            let rules = self.venues.get(Some(venue)).ok_or_else(|| HandleError::NoVenue(venue.clone()))?;
            let policy = rules.policy_for(entry.joined.party_size);
            let accepted = entry
                .accept(reservation_id, policy, &self.assignment_ids(), payment_id, now)
                .map_err(|refusal| refused(refusal, Refused::waiting(&entry.joined)))?;
            // The contact moves along: the party's is forgotten in the same append.
            let contact = self.store.private(entry.at.position).await.map_err(stream::StreamError::from)?;
            let booking = Submission { private: contact, ..submission.clone() };
            let (clock, about) = (self.clock.as_ref(), About::booking(reservation_id, &accepted.booking));
            let mut all = entries(&[accepted.event.into()], &About::waiting(&entry), submission, clock, now)?;
            all.extend(entries(&accepted.events, &about, &booking, clock, now)?);
            let guard = guard([Tag::waitlist(id), Tag::reservation(reservation_id)], submission.key.as_ref());
            if let Some(appended) = self.put(all, AppendCondition::unchanged(guard, at)).await? {
                let mut reservation = None;
                let positions = (appended.first.0 + 1..).map(Position);
                for (position, event) in positions.zip(&accepted.events) {
                    stream::fold(&mut reservation, reservation_id, event, Stamp { position, time: now });
                }
                let reservation = reservation.ok_or(HandleError::NotFound(reservation_id))?;
                return Ok(Handled { reservation, replayed: false });
            }
        }
        Err(HandleError::Contended)
    }

    /// Tells those who book that everybody in a line was offered what was free up to `position`.
    pub fn has_offered(&self, position: Position) {
        self.offered.send_replace(position);
    }

    /// Up to where everybody in a line was offered what was free.
    #[must_use]
    pub fn offered(&self) -> watch::Receiver<Position> {
        self.offered.subscribe()
    }

    /// Returns once those who wait at `venue` were offered what has become free: who asks now was not there first.
    pub(super) async fn after_who_waits(&self, venue: &VenueId) {
        if !self.views.has_line(venue) {
            return;
        }
        let head = self.views.position();
        let mut offered = self.offered();
        let _ = tokio::time::timeout(LINE_MAX, offered.wait_for(|position| *position >= head)).await;
    }
}

fn stale(entry: &Entry, submission: &Submission) -> Result<(), HandleError> {
    let current = entry.version;
    match submission.if_match.as_ref().is_some_and(|seen| !seen.contains(&current)) {
        true => Err(HandleError::Stale { current }),
        false => Ok(()),
    }
}

impl Refused {
    /// What a party waits for.
    fn waiting(joined: &WaitlistJoined) -> Self {
        Self {
            venue_id: joined.venue_id.clone(),
            window: joined.acceptable,
            size: joined.party_size,
            area: joined.area.clone(),
            walks_in: false,
            reservation: None,
            keeps: Vec::new(),
            only_then: false,
        }
    }
}
