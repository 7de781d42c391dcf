//! The aggregate: what the events about one reservation add up to.

use chrono::{DateTime, TimeDelta, Utc};
use events::event::{
    Event, PaymentCompleted, PaymentFailed, PaymentRefunded, PaymentRequested, ReservationCreated,
};
use events::values::{CancelledBy, Money, PartySize, Purpose, TimeWindow};
use events::{AssignmentId, PaymentId, Position, ReservationId, TableId};

/// Where and when an event stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Its place in the log.
    pub position: Position,
    /// When it happened.
    pub time: DateTime<Utc>,
}

/// One party, one visit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// Which one.
    pub id: ReservationId,
    /// What was booked, with the party size and the window as they are now.
    pub booking: ReservationCreated,
    /// How far it is.
    pub status: Status,
    /// The tables it has.
    pub tables: Vec<TableAssignment>,
    /// What became of the deposit.
    pub deposit: Deposit,
    /// What became of the fee for not having come, as far as the deposit did not cover it.
    pub fee: Option<Box<Deposit>>,
    /// Counts the changes of the reservation itself; messages about it do not count.
    pub version: u64,
    /// When it was booked.
    pub created: Stamp,
    /// Whether the personal data was forgotten.
    pub contact_erased: bool,
    /// When the party sat down, if it has.
    pub seated_at: Option<DateTime<Utc>>,
}

/// How far a reservation is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Asked for; a hold if a deposit is due.
    Pending,
    /// The house expects the party.
    Confirmed,
    /// The party is there.
    CheckedIn,
    /// The party has left.
    Completed,
    /// Called off.
    Cancelled {
        /// By whom.
        by: CancelledBy,
        /// Why, as a stable code.
        reason_code: String,
        /// Where the words are, in the private part of that event.
        described_at: Option<Position>,
    },
    /// The party never came.
    NoShow,
}

/// A table that a reservation has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableAssignment {
    /// This assignment.
    pub id: AssignmentId,
    /// The table.
    pub table_id: TableId,
    /// Guests it seats.
    pub capacity: u8,
    /// The area it stands in.
    pub area: String,
    /// The time it is taken for.
    pub window: TimeWindow,
}

/// What happens to a reservation by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deadline {
    /// The deposit was not paid in time: the hold ends.
    Hold,
    /// The party did not come in time.
    NoShow,
}

/// What became of money that was asked for: the deposit, or the fee for not having come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deposit {
    /// None is needed.
    NotRequired,
    /// Asked for and not paid yet.
    Due(DepositDue),
    /// Asked for, and staff did without it.
    Waived(DepositDue),
    /// Paid.
    Paid(DepositPaid),
}

/// A deposit that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DepositDue {
    /// Which payment.
    pub payment_id: PaymentId,
    /// How much.
    pub amount: Money,
    /// When the hold ends; of a fee, by when it is to be paid.
    pub expires_at: DateTime<Utc>,
    /// Why the last try failed, if one did.
    pub failure: Option<String>,
}

/// A deposit that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DepositPaid {
    /// Which payment.
    pub payment_id: PaymentId,
    /// How much.
    pub amount: Money,
    /// The channel it came by.
    pub channel: String,
    /// The provider's name for it.
    pub provider_reference: String,
    /// What went back so far, in minor units.
    pub refunded_minor: i64,
}

impl Status {
    /// The word that stands in answers.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Confirmed => "CONFIRMED",
            Self::CheckedIn => "CHECKED_IN",
            Self::Completed => "COMPLETED",
            Self::Cancelled { .. } => "CANCELLED",
            Self::NoShow => "NO_SHOW",
        }
    }

    /// Every word there is.
    pub const WORDS: [&str; 6] = ["PENDING", "CONFIRMED", "CHECKED_IN", "COMPLETED", "CANCELLED", "NO_SHOW"];
}

impl Deposit {
    /// How much was asked for; nothing if none was.
    #[must_use]
    pub fn amount(&self) -> Option<Money> {
        match self {
            Self::NotRequired => None,
            Self::Due(due) | Self::Waived(due) => Some(due.amount),
            Self::Paid(paid) => Some(paid.amount),
        }
    }

    /// By when it is to be paid; nothing if it is not due.
    #[must_use]
    pub fn due_by(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Due(due) => Some(due.expires_at),
            Self::NotRequired | Self::Waived(_) | Self::Paid(_) => None,
        }
    }

    fn evolve(&mut self, event: &Event) {
        match (event, &mut *self) {
            (Event::PaymentRequested(requested), _) => {
                *self = Self::Due(DepositDue {
                    payment_id: requested.payment_id,
                    amount: requested.amount,
                    expires_at: requested.expires_at,
                    failure: None,
                });
            }
            (Event::PaymentCompleted(completed), _) => {
                *self = Self::Paid(DepositPaid {
                    payment_id: completed.payment_id,
                    amount: completed.amount,
                    channel: completed.channel.clone(),
                    provider_reference: completed.provider_reference.clone(),
                    refunded_minor: 0,
                });
            }
            (Event::PaymentFailed(failed), Self::Due(due)) => due.failure = Some(failed.reason_code.clone()),
            (Event::PaymentRefunded(refunded), Self::Paid(paid)) => {
                paid.refunded_minor += refunded.amount.amount_minor;
            }
            _ => {}
        }
    }

    /// Which payment was asked for.
    #[must_use]
    pub fn payment_id(&self) -> Option<PaymentId> {
        match self {
            Self::NotRequired => None,
            Self::Due(due) | Self::Waived(due) => Some(due.payment_id),
            Self::Paid(paid) => Some(paid.payment_id),
        }
    }
}

impl Reservation {
    /// Begins a reservation.
    #[must_use]
    pub fn begin(id: ReservationId, created: &ReservationCreated, at: Stamp) -> Self {
        Self {
            id,
            booking: created.clone(),
            status: Status::Pending,
            tables: Vec::new(),
            deposit: Deposit::NotRequired,
            fee: None,
            version: 1,
            created: at,
            contact_erased: false,
            seated_at: None,
        }
    }

    /// Adds one event. No rules, no failure: what happened, happened.
    pub fn evolve(&mut self, event: &Event, at: Stamp) {
        match event {
            // The first event begins the reservation; there is no second one.
            Event::ReservationCreated(_) => return,
            Event::NotificationSent(_) | Event::NotificationFailed(_) => return,
            Event::WaitlistJoined(_)
            | Event::WaitlistOffered(_)
            | Event::WaitlistWithdrawn(_)
            | Event::WaitlistAccepted(_)
            | Event::WaitlistLeft(_)
            | Event::VenueChanged(_) => return,
            Event::ReservationConfirmed(confirmed) => self.confirm(confirmed.deposit_waived),
            Event::ReservationCheckedIn(_) => {
                (self.status, self.seated_at) = (Status::CheckedIn, Some(at.time));
            }
            Event::ReservationCompleted(_) => self.status = Status::Completed,
            Event::ReservationNoShow(_) => self.status = Status::NoShow,
            Event::ReservationCancelled(cancelled) => {
                self.status = Status::Cancelled {
                    by: cancelled.cancelled_by,
                    reason_code: cancelled.reason_code.clone(),
                    described_at: cancelled.description_digest.as_ref().map(|_| at.position),
                }
            }
            Event::ReservationRescheduled(moved) => {
                self.booking.window = moved.to;
                self.wish(moved.area.as_ref());
            }
            Event::PartySizeChanged(changed) => {
                self.booking.party_size = changed.to;
                self.wish(changed.area.as_ref());
            }
            Event::TableAssigned(assigned) => {
                // Nearly always one, for as long as the reservation is kept in memory.
                self.tables.reserve_exact(1);
                self.tables.push(TableAssignment {
                    id: assigned.assignment_id,
                    table_id: assigned.table_id.clone(),
                    capacity: assigned.capacity,
                    area: assigned.area.clone(),
                    window: assigned.window,
                });
            }
            Event::TableReleased(released) => self.tables.retain(|table| table.id != released.assignment_id),
            Event::PaymentRequested(_)
            | Event::PaymentCompleted(_)
            | Event::PaymentFailed(_)
            | Event::PaymentRefunded(_) => self.evolve_money(event),
            Event::ContactErased(_) => self.contact_erased = true,
        }
        self.version += 1;
    }

    fn confirm(&mut self, deposit_waived: bool) {
        self.status = Status::Confirmed;
        if let (true, Deposit::Due(due)) = (deposit_waived, &self.deposit) {
            self.deposit = Deposit::Waived(due.clone());
        }
    }

    fn wish(&mut self, area: Option<&String>) {
        if area.is_some() {
            self.booking.area = area.cloned();
        }
    }

    /// What became of the money of `payment`, and what it was asked for.
    #[must_use]
    pub fn account(&self, payment: PaymentId) -> Option<(&Deposit, Purpose)> {
        let deposit = (&self.deposit, Purpose::Deposit);
        let fee = self.fee.as_deref().map(|fee| (fee, Purpose::NoShowFee));
        std::iter::once(deposit).chain(fee).find(|(account, _)| account.payment_id() == Some(payment))
    }

    fn account_mut(&mut self, payment: PaymentId) -> &mut Deposit {
        match &mut self.fee {
            Some(fee) if fee.payment_id() == Some(payment) => fee,
            _ => &mut self.deposit,
        }
    }

    fn evolve_money(&mut self, event: &Event) {
        let payment = match event {
            Event::PaymentRequested(requested) if requested.purpose == Purpose::NoShowFee => {
                let mut fee = Deposit::NotRequired;
                fee.evolve(event);
                self.fee = Some(Box::new(fee));
                return;
            }
            Event::PaymentRequested(PaymentRequested { payment_id, .. })
            | Event::PaymentCompleted(PaymentCompleted { payment_id, .. })
            | Event::PaymentFailed(PaymentFailed { payment_id, .. })
            | Event::PaymentRefunded(PaymentRefunded { payment_id, .. }) => payment_id,
            _ => return,
        };
        self.account_mut(*payment).evolve(event);
    }

    /// When the hold ends, if this is one: pending with a deposit due.
    #[must_use]
    pub fn hold_expires_at(&self) -> Option<DateTime<Utc>> {
        match (&self.status, &self.deposit) {
            (Status::Pending, Deposit::Due(due)) => Some(due.expires_at),
            _ => None,
        }
    }

    /// When something happens to it by itself, and what.
    #[must_use]
    pub fn deadline(&self) -> Option<(DateTime<Utc>, Deadline)> {
        let hold = self.hold_expires_at().map(|at| (at, Deadline::Hold));
        let grace = self.booking.policy.no_show_grace_minutes.filter(|_| self.status == Status::Confirmed);
        let no_show = grace
            .map(|minutes| (self.window().start + TimeDelta::minutes(i64::from(minutes)), Deadline::NoShow));
        hold.or(no_show)
    }

    /// How many guests its tables seat; `None` while it has no table.
    #[must_use]
    pub fn seats(&self) -> Option<u32> {
        (!self.tables.is_empty()).then(|| self.tables.iter().map(|table| u32::from(table.capacity)).sum())
    }

    /// How many guests come.
    #[must_use]
    pub fn party_size(&self) -> PartySize {
        self.booking.party_size
    }

    /// When the party comes.
    #[must_use]
    pub fn window(&self) -> TimeWindow {
        self.booking.window
    }
}
