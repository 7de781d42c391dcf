//! A waitlist entry: its state, folded from its events, and the decisions about it.
//!
//! | | WAITING | OFFERED | ACCEPTED | LEFT |
//! |---|---|---|---|---|
//! | offer, in turn or by hand | → OFFERED | ✗ | ✗ | ✗ |
//! | withdraw | done | → WAITING | done | done |
//! | accept | ✗ | → ACCEPTED, and a reservation | done | ✗ |
//! | decline | ✗ | → LEFT | ✗ | done |
//! | leave | → LEFT | → LEFT | ✗ | done |
//! | erase the contact | → LEFT | → LEFT | done | done |
//! | prove the contact | stays | done | done | ✗ |
//! | ready, answer | stays | stays | ✗ | ✗ |
//! | deadline passes | → LEFT | → LEFT | – | – |

use chrono::{DateTime, Utc};
use events::event::{
    ContactRead, Event, GuestAnswered, GuestLinkRenewed, GuestQuestion, OfferedTable, ReservationCreated,
    TableAssigned, WaitlistAccepted, WaitlistJoined, WaitlistLeft, WaitlistOffered, WaitlistWithdrawn,
};
use events::values::TimeWindow;
use events::{AssignmentId, PaymentId, ReservationId, WaitlistId};

use crate::domain::attendance::Attendance;
use crate::domain::contact_proof::{CONTACT_UNPROVED, ContactProof};
use crate::domain::recorded_at::RecordedAt;
use crate::domain::refusal::Refusal;
use crate::domain::reservation::{GUEST_ACTS_AFTER, NotificationResult, booking};
use crate::domain::venue::Venue;

/// The source of a booking that was on the waitlist.
const FROM_WAITLIST: &str = "waitlist";

/// The reason code of a party that did not answer its offer.
pub const OFFER_EXPIRED: &str = "offer_expired";

/// A party on the waitlist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitlistEntry {
    /// The id.
    pub id: WaitlistId,
    /// The request.
    pub joined: WaitlistJoined,
    /// Where and when it joined, which is its place on the waitlist.
    pub at: RecordedAt,
    /// The state.
    pub state: WaitlistState,
    /// Number of changes, starting at 1. Messages about it do not count.
    pub version: u64,
    /// The generation of the guest's link that is valid, from 0.
    pub link_generation: u32,
    /// What the guest was asked.
    pub attendance: Option<Box<Attendance>>,
    /// Whether the contact is vouched for.
    pub contact_proof: ContactProof,
}

/// The state of a waitlist entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WaitlistState {
    /// No suitable table is free.
    Waiting,
    /// Tables are held for it.
    Offered(WaitlistOffered),
    /// It accepted an offer.
    Accepted(ReservationId),
    /// It left the waitlist.
    Left {
        /// The reason as a stable code.
        reason_code: String,
    },
}

/// A command for a waitlist entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WaitlistCommand {
    /// Decline the offer.
    Decline,
    /// Leave the waitlist.
    Leave,
    /// Withdraw the offer, because the restaurant cannot keep it.
    Withdraw {
        /// The reason as a stable code.
        reason_code: &'static str,
    },
    /// Erase the personal data. A party that cannot be reached does not wait.
    EraseContact,
    /// The deadline passed: the offer expires, or the requested time is over.
    Expire,
    /// The guest proved the contact.
    ProveContact {
        /// The number of the request that the proof answers.
        number: u32,
    },
    /// Give the guest a new link. Earlier ones are no longer valid.
    RenewLink,
    /// Tell the guest that the table is ready, and ask whether the party comes.
    CallIn,
    /// Record the answer of the guest.
    Answer(GuestAnswered),
    /// Record the result of a message.
    RecordNotification(NotificationResult),
    /// Record that the personal data was read.
    RecordReading,
}

/// The result of accepting an offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acceptance {
    /// A reservation is created.
    New(Box<AcceptedOffer>),
    /// The offer had been accepted before and became this reservation.
    Existing(ReservationId),
}

/// The events of accepting an offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedOffer {
    /// The event of the waitlist entry.
    pub event: WaitlistAccepted,
    /// The booking of the new reservation.
    pub booking: ReservationCreated,
    /// The events of the new reservation, including the booking.
    pub events: Vec<Event>,
}

impl WaitlistEntry {
    /// Creates an entry from its first event.
    #[must_use]
    pub fn begin(id: WaitlistId, joined: &WaitlistJoined, at: RecordedAt) -> Self {
        Self {
            id,
            joined: joined.clone(),
            at,
            state: WaitlistState::Waiting,
            version: 1,
            link_generation: 0,
            attendance: None,
            contact_proof: ContactProof::begin(joined.contact_proof),
        }
    }

    /// Applies one event. It has no rules and cannot fail.
    pub fn evolve(&mut self, event: &Event, at: DateTime<Utc>) {
        if let Event::GuestLinkRenewed(renewed) = event {
            self.link_generation = renewed.generation;
        }
        self.contact_proof.evolve(event);
        self.state = match event {
            Event::ContactProofRequested(_) | Event::ContactProved(_) => {
                self.version += 1;
                return;
            }
            Event::GuestAsked(_) | Event::GuestAnswered(_) => {
                Attendance::evolve(&mut self.attendance, event, at);
                self.version += 1;
                return;
            }
            Event::WaitlistOffered(offered) => WaitlistState::Offered(offered.clone()),
            Event::WaitlistAccepted(accepted) => WaitlistState::Accepted(accepted.reservation_id),
            Event::WaitlistWithdrawn(_) => WaitlistState::Waiting,
            Event::WaitlistLeft(left) => WaitlistState::Left { reason_code: left.reason_code.clone() },
            _ => return,
        };
        self.version += 1;
    }

    /// Until when the guest can change something by their link.
    #[must_use]
    pub fn guest_acts_until(&self) -> DateTime<Utc> {
        self.joined.acceptable.end + GUEST_ACTS_AFTER
    }

    /// The current offer.
    #[must_use]
    pub fn offer(&self) -> Option<&WaitlistOffered> {
        match &self.state {
            WaitlistState::Offered(offered) => Some(offered),
            WaitlistState::Waiting | WaitlistState::Accepted(_) | WaitlistState::Left { .. } => None,
        }
    }

    /// Whether its contact is unproved. An entry with an unproved contact gets no offer.
    #[must_use]
    pub fn is_unproven(&self) -> bool {
        self.contact_proof.missing().is_some()
    }

    /// Whether it is on the waitlist, with or without an offer.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        matches!(self.state, WaitlistState::Waiting | WaitlistState::Offered(_))
    }

    /// The next deadline.
    #[must_use]
    pub fn deadline(&self) -> Option<DateTime<Utc>> {
        match &self.state {
            WaitlistState::Waiting => {
                let proof = self.contact_proof.asked().map(|asked| asked.expires_at);
                Some(proof.map_or(self.joined.acceptable.end, |at| at.min(self.joined.acceptable.end)))
            }
            WaitlistState::Offered(offered) => Some(offered.expires_at),
            WaitlistState::Accepted(_) | WaitlistState::Left { .. } => None,
        }
    }

    /// The events that follow if `command` arrives now. No events: the command is already fulfilled.
    ///
    /// # Errors
    /// The rule that refuses the command.
    pub fn decide(&self, command: &WaitlistCommand, now: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
        let left = |reason_code: &str| vec![WaitlistLeft { reason_code: reason_code.into() }.into()];
        match (command, &self.state) {
            (WaitlistCommand::Decline, WaitlistState::Offered(_)) => Ok(left("declined")),
            (WaitlistCommand::EraseContact, _) if self.is_waiting() => Ok(left("contact_erased")),
            // Its contact was forgotten, or belongs to the reservation.
            (WaitlistCommand::EraseContact, _) => Ok(vec![]),
            (WaitlistCommand::Leave, WaitlistState::Waiting | WaitlistState::Offered(_)) => {
                Ok(left("gave_up"))
            }
            (WaitlistCommand::Decline, WaitlistState::Waiting) => Err(Refusal::NothingOffered),
            (WaitlistCommand::Decline | WaitlistCommand::Leave, WaitlistState::Left { .. }) => Ok(vec![]),
            (WaitlistCommand::Decline | WaitlistCommand::Leave, WaitlistState::Accepted(id)) => {
                Err(Refusal::OfferAccepted(*id))
            }
            (WaitlistCommand::Withdraw { reason_code }, WaitlistState::Offered(_)) => {
                Ok(vec![WaitlistWithdrawn { reason_code: (*reason_code).into() }.into()])
            }
            (WaitlistCommand::Withdraw { .. }, _) => Ok(vec![]),
            // Does nothing if the deadline was moved or was already handled.
            (WaitlistCommand::Expire, _) if self.deadline().is_none_or(|at| now < at) => Ok(vec![]),
            (WaitlistCommand::Expire, WaitlistState::Offered(_)) => Ok(left(OFFER_EXPIRED)),
            (WaitlistCommand::Expire, _) if now < self.joined.acceptable.end => Ok(left(CONTACT_UNPROVED)),
            (WaitlistCommand::Expire, _) => Ok(left("time_passed")),
            (WaitlistCommand::ProveContact { .. }, WaitlistState::Left { .. }) => Err(Refusal::LeftWaitlist),
            (WaitlistCommand::ProveContact { number }, _) => {
                Ok(self.contact_proof.prove(*number)?.into_iter().collect())
            }
            (WaitlistCommand::CallIn | WaitlistCommand::Answer(_), WaitlistState::Accepted(id)) => {
                Err(Refusal::OfferAccepted(*id))
            }
            (WaitlistCommand::CallIn | WaitlistCommand::Answer(_), WaitlistState::Left { .. }) => {
                Err(Refusal::LeftWaitlist)
            }
            (WaitlistCommand::CallIn, WaitlistState::Offered(_)) => Err(Refusal::AlreadyOffered),
            (WaitlistCommand::CallIn, _) => {
                Attendance::ask(self.attendance.as_deref(), GuestQuestion::TableReady, now)
            }
            (WaitlistCommand::Answer(answered), _) => {
                Attendance::answer(self.attendance.as_deref(), answered)
            }
            (WaitlistCommand::RenewLink, _) => {
                Ok(vec![GuestLinkRenewed { generation: self.link_generation + 1 }.into()])
            }
            (WaitlistCommand::RecordNotification(result), _) => Ok(vec![result.event()]),
            (WaitlistCommand::RecordReading, _) if self.is_waiting() => Ok(vec![ContactRead {}.into()]),
            // Its contact was forgotten, or belongs to the reservation.
            (WaitlistCommand::RecordReading, _) => Ok(vec![]),
        }
    }

    /// Accepts the offer under the rules of `venue`: the held tables become the tables of a new reservation.
    ///
    /// # Errors
    /// [`Refusal::NothingOffered`], [`Refusal::OfferExpired`], [`Refusal::OfferWithdrawn`] or [`Refusal::LeftWaitlist`].
    pub fn accept(
        &self,
        reservation_id: ReservationId,
        venue: &Venue,
        assignment_ids: &[AssignmentId],
        payment_id: PaymentId,
        now: DateTime<Utc>,
    ) -> Result<Acceptance, Refusal> {
        let offered = match &self.state {
            WaitlistState::Offered(offered) if now >= offered.expires_at => {
                return Err(Refusal::OfferExpired);
            }
            WaitlistState::Offered(offered) if !venue.can_keep(offered) => {
                return Err(Refusal::OfferWithdrawn);
            }
            WaitlistState::Offered(offered) => offered,
            WaitlistState::Left { reason_code } if reason_code == OFFER_EXPIRED => {
                return Err(Refusal::OfferExpired);
            }
            WaitlistState::Left { .. } => return Err(Refusal::LeftWaitlist),
            WaitlistState::Waiting => return Err(Refusal::NothingOffered),
            WaitlistState::Accepted(id) => return Ok(Acceptance::Existing(*id)),
        };
        let WaitlistJoined { venue_id, customer_id, party_size, locale, .. } = &self.joined;
        let booking = ReservationCreated {
            venue_id: venue_id.clone(),
            customer_id: customer_id.clone(),
            party_size: *party_size,
            window: offered.window,
            timezone: self.joined.timezone.clone(),
            locale: *locale,
            policy: venue.policy_for(*party_size),
            area: self.joined.area.clone(),
            payment_channel: self.joined.payment_channel.clone(),
            contact_digest: self.joined.contact_digest.clone(),
            walk_in: false,
            source: Some(FROM_WAITLIST.into()),
            imported: None,
            // Without a proof there is no offer.
            contact_proof: None,
        };
        let assigned = |(id, table): (&AssignmentId, &OfferedTable)| {
            let OfferedTable { table_id, capacity, area } = table.clone();
            TableAssigned { assignment_id: *id, table_id, capacity, area, window: offered.window }.into()
        };
        let assigned = assignment_ids.iter().zip(&offered.tables).map(assigned).collect();
        let events = booking::booking_events(booking.clone(), assigned, payment_id, now);
        let event = WaitlistAccepted { reservation_id };
        Ok(Acceptance::New(Box::new(AcceptedOffer { event, booking, events })))
    }

    /// The time that is held for it.
    #[must_use]
    pub fn held(&self) -> Option<TimeWindow> {
        self.offer().map(|offered| offered.window)
    }
}
