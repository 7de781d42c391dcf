//! The aggregate: the state of one reservation, folded from its events.

mod accounts;
mod affected;
pub mod booking;
mod charge;
mod command;
mod decide;
mod deposits;
mod extend;
mod seating;
mod status;
mod swap;
mod undo;

use chrono::{DateTime, TimeDelta, Utc};
use events::access_events;
use events::event::{Event, ReservationCancelled, ReservationCreated, ReservationRescheduled, TableAssigned};
use events::values::{Initiator, PartySize, TimeWindow};
use events::venue_events;
use events::{AssignmentId, Position, ReservationId, TableId};

pub use self::accounts::ClosedPayment;
pub use self::affected::{Mark, Noncompliance};
pub use self::charge::{Charge, ChargeDue, ChargePaid};
pub use self::command::{
    Command, NotificationResult, PaymentOutcome, PaymentResult, SizeChange, TableChoice, Undo,
};
pub use self::decide::{Corrector, DEPOSIT_UNPAID, FEE_PAYMENT_PERIOD};
pub use self::extend::Extension;
pub use self::status::Status;
pub use self::swap::{Swap, swap};
use crate::domain::attendance::Attendance;
use crate::domain::contact_proof::{AskedProof, ContactProof};
use crate::domain::recorded_at::RecordedAt;

/// A reservation: one party, one visit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// The id.
    pub id: ReservationId,
    /// The booking, with the current party size and window.
    pub booking: ReservationCreated,
    /// The status.
    pub status: Status,
    /// The assigned tables.
    pub tables: Vec<TableAssignment>,
    /// Whether staff gave a table of the party to another one, and it has too few seats since then.
    pub lost_table: bool,
    /// The tables that the party had when the reservation ended; empty before.
    pub left_tables: Vec<TableAssignment>,
    /// The deposit.
    pub deposit: Charge,
    /// Deposits that were requested anew and fees that were withdrawn. Money that still arrives for them goes back.
    pub closed_payments: Vec<ClosedPayment>,
    /// The no-show fee, as far as the deposit did not cover it.
    pub fee: Option<Box<Charge>>,
    /// Number of changes of the reservation, starting at 1. Messages about it do not count.
    pub version: u64,
    /// Where and when it was booked.
    pub created: RecordedAt,
    /// The position of the event whose confidential payload holds the contact, the wishes and the notes.
    pub contact_at: Position,
    /// The tags of the staff.
    pub tags: Box<[String]>,
    /// Whether the personal data was erased.
    pub contact_erased: bool,
    /// The positions of the confidential payloads besides the contact: the descriptions of cancellations.
    pub descriptions: Vec<Position>,
    /// When the party was seated, if it was.
    pub seated_at: Option<DateTime<Utc>>,
    /// How long the party stayed, in minutes, if it has left.
    pub turn_minutes: Option<u16>,
    /// When a change of the status was last undone.
    pub undone_at: Option<DateTime<Utc>>,
    /// What the guest was asked about this visit.
    pub attendance: Option<Box<Attendance>>,
    /// Until when the guest can cancel and gets the deposit back.
    pub free_until: DateTime<Utc>,
    /// Why the reservation does not comply with the rules of the venue.
    pub affected: Option<Box<Mark>>,
    /// The reason that still holds once the restaurant is open again.
    pub affected_before: Option<Box<Mark>>,
    /// The generation of the guest's links that are valid, from 0.
    pub link_generation: u32,
    /// Whether the contact is vouched for.
    pub contact_proof: ContactProof,
    /// Whether the guest had to prove the contact of this booking, or to pay a deposit instead.
    pub needed_proof: bool,
    /// How often it was changed in ways that are open to its guest.
    pub guest_changes: u32,
    /// The position of the event that last changed its time, its tables, or `affected`.
    pub arranged_at: Position,
    /// The position of the event that last gave it a time or tables.
    pub placed_at: Position,
}

/// A table assigned to a reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableAssignment {
    /// This assignment.
    pub id: AssignmentId,
    /// The table.
    pub table_id: TableId,
    /// Number of guests the table seats.
    pub capacity: u8,
    /// The area the table is in.
    pub area: String,
    /// The time the table is assigned for.
    pub window: TimeWindow,
}

/// What happens to a reservation when a deadline passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deadline {
    /// The deposit is unpaid: the hold expires.
    Hold,
    /// The contact was not proved: the hold expires.
    Proof,
    /// The party has not arrived: the reservation becomes a no-show.
    NoShow,
}

/// Whether guests cause such events repeatedly. Each of them stays in the log.
fn is_open_to_guests(event: &Event) -> bool {
    match event {
        Event::ReservationRescheduled(moved) => moved.moved_by == Some(Initiator::Guest),
        Event::PaymentRequested(requested) => requested.replaces.is_some(),
        Event::PartySizeChanged(_)
        | Event::GuestAnswered(_)
        | Event::GuestLinkRenewed(_)
        | Event::DetailsChanged(_) => true,
        _ => false,
    }
}

/// How long after a visit its guest can still change something, for example cancel a booking that the restaurant
/// forgot.
pub const GUEST_ACTS_AFTER: TimeDelta = TimeDelta::hours(24);

impl Reservation {
    /// Until when the guest can change something by their link.
    #[must_use]
    pub fn guest_acts_until(&self) -> DateTime<Utc> {
        self.window().end + GUEST_ACTS_AFTER
    }

    /// Creates a reservation from its first event.
    #[must_use]
    pub fn begin(id: ReservationId, created: &ReservationCreated, at: RecordedAt) -> Self {
        Self {
            id,
            booking: created.clone(),
            status: created.imported.as_deref().map_or(Status::Pending, Status::imported),
            tables: Vec::new(),
            lost_table: false,
            left_tables: Vec::new(),
            deposit: Charge::NotRequired,
            closed_payments: Vec::new(),
            fee: None,
            version: 1,
            created: at,
            contact_at: at.position,
            tags: Box::default(),
            contact_erased: false,
            descriptions: Vec::new(),
            seated_at: None,
            turn_minutes: None,
            undone_at: None,
            attendance: None,
            free_until: free_until(created, created.window.start),
            affected: None,
            affected_before: None,
            link_generation: 0,
            contact_proof: ContactProof::begin(created.contact_proof),
            needed_proof: created.contact_proof.is_some(),
            guest_changes: 0,
            arranged_at: at.position,
            placed_at: at.position,
        }
    }

    /// Applies one event. It has no rules and cannot fail: the event has happened.
    pub fn evolve(&mut self, event: &Event, at: RecordedAt) {
        self.arrange(event, at);
        self.guest_changes += u32::from(is_open_to_guests(event));
        self.contact_proof.evolve(event);
        match event {
            // The first event creates the reservation; there is no second one.
            Event::ReservationCreated(_) => return,
            Event::NotificationSent(_) | Event::NotificationFailed(_) | Event::ContactRead(_) => return,
            // The links of a reservation are not a part of it.
            Event::GuestLinkRenewed(renewed) => {
                self.link_generation = renewed.generation;
                return;
            }
            Event::WaitlistJoined(_)
            | Event::WaitlistOffered(_)
            | Event::WaitlistWithdrawn(_)
            | Event::WaitlistAccepted(_)
            | Event::WaitlistLeft(_)
            | venue_events!()
            | access_events!() => return,
            Event::ReservationConfirmed(confirmed) => self.confirm(confirmed.deposit_waived),
            Event::ReservationCheckedIn(arrived) => {
                (self.status, self.seated_at) = (Status::CheckedIn, arrived.occurred_at.or(Some(at.time)));
            }
            Event::ReservationCompleted(left) => self.complete(left.occurred_at.unwrap_or(at.time)),
            Event::ReservationNoShow(no_show) => {
                self.status = Status::NoShow;
                self.order_refund(no_show.refund);
            }
            Event::ReservationCancelled(cancelled) => self.cancel(cancelled, at.position),
            Event::ReservationUndone(undone) => self.undo(undone, at.time),
            Event::ReservationRescheduled(moved) => {
                self.free_until = self.free_until_after(moved, at.time);
                self.booking.window = moved.to;
                if let Some(timezone) = &moved.timezone {
                    self.booking.timezone.clone_from(timezone);
                }
                self.set_area(moved.area.as_ref());
                self.attendance = None;
            }
            Event::GuestAsked(_) | Event::GuestAnswered(_) => {
                Attendance::evolve(&mut self.attendance, event, at.time);
            }
            Event::PartySizeChanged(changed) => {
                self.booking.party_size = changed.to;
                self.booking.window = changed.window.unwrap_or(self.booking.window);
                self.set_area(changed.area.as_ref());
                self.deposit.evolve(event);
            }
            Event::VisitEndChanged(changed) => self.booking.window = changed.to,
            Event::DetailsChanged(changed) => {
                self.contact_at = at.position;
                self.tags = changed.tags.clone().into();
            }
            // Nothing follows from it later.
            Event::RulesOverruled(_) => {}
            // See `contact_proof`.
            Event::ContactProofRequested(_) | Event::ContactProved(_) => {}
            Event::TableAssigned(assigned) => self.take_table(assigned),
            Event::TableReleased(released) => self.release_table(released),
            Event::PaymentRequested(_)
            | Event::PaymentCompleted(_)
            | Event::PaymentFailed(_)
            | Event::PaymentRefunded(_) => self.evolve_money(event),
            // See `arrange`.
            Event::ReservationAffected(_) => {}
            Event::ContactErased(_) => {
                self.contact_erased = true;
                self.descriptions.clear();
            }
        }
        self.version += 1;
    }

    fn complete(&mut self, at: DateTime<Utc>) {
        self.status = Status::Completed;
        let stayed = self.seated_at.map(|seated_at| (at - seated_at).num_minutes());
        self.turn_minutes = stayed.map(|minutes| u16::try_from(minutes.max(0)).unwrap_or(u16::MAX));
    }

    fn take_table(&mut self, assigned: &TableAssigned) {
        // Nearly always one table, for as long as the reservation is in memory.
        self.tables.reserve_exact(1);
        self.tables.push(TableAssignment {
            id: assigned.assignment_id,
            table_id: assigned.table_id.clone(),
            capacity: assigned.capacity,
            area: assigned.area.clone(),
            window: assigned.window,
        });
        let has_seats = || self.seats().is_some_and(|seats| seats >= self.party_size().get().into());
        self.lost_table = self.lost_table && !has_seats();
    }

    fn cancel(&mut self, cancelled: &ReservationCancelled, at: Position) {
        let described_at = cancelled.description_digest.as_ref().map(|_| at);
        self.descriptions.extend(described_at);
        self.order_refund(cancelled.refund);
        self.deposit.close();
        self.status = Status::Cancelled {
            by: cancelled.cancelled_by,
            reason_code: cancelled.reason_code.clone(),
            described_at,
            was_confirmed: self.status == Status::Confirmed,
            by_closure: cancelled.closure_id.is_some(),
        };
    }

    fn confirm(&mut self, deposit_waived: bool) {
        self.status = Status::Confirmed;
        if let (true, Charge::Due(due)) = (deposit_waived, &self.deposit) {
            self.deposit = Charge::Waived(due.clone());
        }
    }

    /// Until when the guest can cancel free of charge after `moved`, which happened at `at`. By moving, a guest cannot
    /// regain a deadline that has passed. A move by the restaurant never makes the deadline earlier.
    fn free_until_after(&self, moved: &ReservationRescheduled, at: DateTime<Utc>) -> DateTime<Utc> {
        let of_new_time = free_until(&self.booking, moved.to.start);
        match moved.moved_by {
            // Versions that did not record the side let the deadline follow the visit.
            None => of_new_time,
            Some(Initiator::Guest) if at > self.free_until => self.free_until,
            // A limit that is later because of an earlier move by the restaurant stays.
            Some(Initiator::Guest) if self.free_until <= free_until(&self.booking, moved.from.start) => {
                of_new_time
            }
            Some(Initiator::Guest | Initiator::Staff | Initiator::System) => {
                of_new_time.max(self.free_until).min(moved.to.start)
            }
        }
    }

    fn set_area(&mut self, area: Option<&String>) {
        if area.is_some() {
            self.booking.area = area.cloned();
        }
    }

    /// When the hold expires: `None` unless the reservation is pending with a deposit due, at a time at which the
    /// restaurant is open.
    #[must_use]
    pub fn hold_expires_at(&self) -> Option<DateTime<Utc>> {
        match (&self.status, &self.deposit) {
            (Status::Pending, Charge::Due(due)) if !self.is_called_off() => Some(due.expires_at),
            _ => None,
        }
    }

    /// The proof of contact that the guest was asked for, while it can be given.
    #[must_use]
    pub fn requested_proof(&self) -> Option<AskedProof> {
        self.contact_proof.asked().filter(|_| self.status == Status::Pending)
    }

    /// Whether it holds its tables with an unproved contact.
    #[must_use]
    pub fn is_unproven(&self) -> bool {
        self.status == Status::Pending && self.contact_proof.missing().is_some()
    }

    /// The next deadline of the reservation, and what happens then.
    #[must_use]
    pub fn deadline(&self) -> Option<(DateTime<Utc>, Deadline)> {
        let proof = self.requested_proof().map(|asked| (asked.expires_at, Deadline::Proof));
        let hold = proof.or(self.hold_expires_at().map(|at| (at, Deadline::Hold)));
        // A guest who finds the restaurant closed is not a no-show.
        // Nor is one whose table the restaurant has given away.
        let is_kept_waiting = self.is_called_off() || self.lost_table;
        let is_awaited = self.status == Status::Confirmed && !is_kept_waiting && !self.booking.walk_in;
        let grace = self.booking.policy.no_show_grace_minutes.filter(|_| is_awaited);
        let no_show = grace.map(|minutes| self.window().start + TimeDelta::minutes(i64::from(minutes)));
        // Staff who undo a change after that know where the party is.
        let no_show = no_show.filter(|at| self.undone_at.is_none_or(|undone_at| undone_at < *at));
        hold.or(no_show.map(|at| (at, Deadline::NoShow)))
    }

    /// The tables that it has, or had when it ended.
    pub fn visited_tables(&self) -> impl Iterator<Item = &TableId> {
        self.tables.iter().chain(&self.left_tables).map(|table| &table.table_id)
    }

    /// Number of guests that its tables seat; `None` without a table.
    #[must_use]
    pub fn seats(&self) -> Option<u32> {
        (!self.tables.is_empty()).then(|| self.tables.iter().map(|table| u32::from(table.capacity)).sum())
    }

    /// The smallest time that contains the visit and the assignments of its tables.
    #[must_use]
    pub fn held(&self) -> TimeWindow {
        self.tables.iter().fold(self.window(), |held, table| TimeWindow {
            start: held.start.min(table.window.start),
            end: held.end.max(table.window.end),
        })
    }

    /// The number of guests.
    #[must_use]
    pub fn party_size(&self) -> PartySize {
        self.booking.party_size
    }

    /// The time of the visit.
    #[must_use]
    pub fn window(&self) -> TimeWindow {
        self.booking.window
    }
}

/// Until when a visit that starts at `start` can be cancelled free of charge, by the policy snapshot of its booking.
fn free_until(booking: &ReservationCreated, start: DateTime<Utc>) -> DateTime<Utc> {
    start - TimeDelta::minutes(i64::from(booking.policy.free_cancellation_minutes))
}
