//! The decision: the events that follow if a command arrives now. Pure, synchronous, total.
//!
//! The state machine, with a row for each command:
//!
//! | | PENDING | CONFIRMED | CHECKED_IN | COMPLETED | CANCELLED | NO_SHOW |
//! |---|---|---|---|---|---|---|
//! | confirm | → CONFIRMED | done | ✗ | ✗ | ✗ | ✗ |
//! | prove the contact | stays, → CONFIRMED | done | done | done | ✗ | done |
//! | assign-table | stays | stays | stays | ✗ | ✗ | ✗ |
//! | reschedule, party-size | stays | stays | ✗ | ✗ | ✗ | ✗ |
//! | check-in | ✗ | → CHECKED_IN | done | ✗ | ✗ | ✗ |
//! | complete | ✗ | ✗ | → COMPLETED | done | ✗ | ✗ |
//! | no-show | ✗ | → NO_SHOW | ✗ | ✗ | ✗ | done |
//! | cancel | → CANCELLED | → CANCELLED | ✗ | ✗ | done | ✗ |
//! | renew the deposit | stays | ✗ | ✗ | ✗ | ✗ | ✗ |
//! | ask, answer | ✗ | stays | ✗ | ✗ | ✗ | ✗ |
//! | undo a check-in | ✗ | done | → CONFIRMED | ✗ | ✗ | ✗ |
//! | undo a completion | ✗ | ✗ | done | → CHECKED_IN | ✗ | ✗ |
//! | undo a no-show | ✗ | done | ✗ | ✗ | ✗ | → CONFIRMED |
//! | undo a cancellation | done | done | ✗ | ✗ | → PENDING, CONFIRMED | ✗ |

use chrono::{DateTime, TimeDelta, Utc};

use events::event::{
    ContactErased, ContactRead, Detail, DetailsChanged, Event, GuestLinkRenewed, GuestQuestion,
    PaymentCompleted, PaymentFailed, PaymentRefunded, PaymentRequested, Refund, ReservationCancelled,
    ReservationCompleted, ReservationConfirmed, ReservationNoShow, ReservationRescheduled, StandSilence,
    TableReleased,
};
use events::values::{ConfidentialDigest, Initiator, Money, PartySize, Purpose, ReleaseCause};

use super::{Charge, ChargePaid, Command, Deadline, PaymentOutcome, PaymentResult, Reservation, Status};
use crate::domain::attendance::Attendance;
use crate::domain::availability::{SeatingContext, Unavailable};
use crate::domain::contact_proof::CONTACT_UNPROVED;
use crate::domain::refusal::Refusal;

/// The reason code of a hold that expired unpaid.
pub const DEPOSIT_UNPAID: &str = "deposit_unpaid";
/// How long a party has to pay its no-show fee.
pub const FEE_PAYMENT_PERIOD: TimeDelta = TimeDelta::days(14);

/// The side that corrects details.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Corrector {
    /// The staff, or a program.
    Staff,
    /// The guest.
    Guest {
        /// Whether the venue asks its guests for a proof of contact.
        needs_proof: bool,
    },
}

/// How long after a booking without a proof of contact the guest can correct the e-mail address.
const EMAIL_OPEN_PERIOD: TimeDelta = TimeDelta::hours(1);

impl Reservation {
    /// The events that follow if `command` arrives now. No events: the command is already fulfilled.
    ///
    /// The occupancy in `context` must include every holder of a table that the command may take.
    ///
    /// # Errors
    /// The rule that refuses the command.
    pub fn decide(
        &self,
        command: &Command,
        context: &SeatingContext<'_>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::Confirm { waive_deposit } => self.decide_confirm(*waive_deposit),
            Command::AssignTable(choice) => self.decide_table(choice, context, now),
            Command::Reschedule { window, area, by, timezone, overrule, .. } => {
                let moved = ReservationRescheduled {
                    from: self.window(),
                    to: *window,
                    area: area.clone(),
                    moved_by: Some(*by),
                    timezone: timezone.clone().filter(|zone| *zone != self.booking.timezone),
                };
                self.decide_reschedule(moved, overrule.as_ref(), context, now)
            }
            Command::ChangePartySize(change) => self.decide_size(change, context, now),
            Command::CheckIn(occurred_at) => self.decide_check_in(*occurred_at, context, now),
            Command::Complete(occurred_at) => match &self.status {
                Status::CheckedIn => {
                    // The clocks of two devices can differ, but a party does not leave before it came.
                    let occurred_at =
                        occurred_at.map(|at| self.seated_at.map_or(at, |seated| at.max(seated)));
                    let left = ReservationCompleted { occurred_at };
                    Ok(self.end(left, ReleaseCause::Completed))
                }
                Status::Completed => Ok(vec![]),
                other => Err(other.refusal(Refusal::NotCheckedIn)),
            },
            Command::NoShow => match &self.status {
                Status::Confirmed if now < self.window().start => Err(Refusal::NotStarted),
                Status::Confirmed => Ok(self.end_as_no_show(None, now)),
                Status::NoShow => Ok(vec![]),
                other => Err(other.refusal(Refusal::NotConfirmed)),
            },
            Command::Cancel { by, reason_code, description_digest, closure_id } => match &self.status {
                Status::Pending | Status::Confirmed => {
                    let cancelled = ReservationCancelled {
                        cancelled_by: *by,
                        reason_code: reason_code.clone(),
                        description_digest: description_digest.clone(),
                        refund: self.refund_when_cancelled(*by, now),
                        closure_id: *closure_id,
                    };
                    Ok(self.end(cancelled, ReleaseCause::Cancelled))
                }
                Status::Cancelled { .. } => Ok(vec![]),
                other => Err(other.refusal(Refusal::CheckedIn)),
            },
            Command::Undo(undo) => self.decide_undo(undo, context, now),
            Command::Expire(silence) => Ok(self.decide_expiry(*silence, now)),
            Command::RecordPayment(result) => self.decide_payment(result),
            Command::RecordNotification(result) => Ok(vec![result.event()]),
            Command::MarkAffected { found, rules_version } => {
                Ok(self.decide_mark(*found, *rules_version, now))
            }
            Command::Ask => self.decide_question(now),
            Command::Answer(answered) => {
                self.check_expected()?;
                Attendance::answer(self.attendance.as_deref(), answered)
            }
            Command::ProveContact { number } => self.decide_proof(*number),
            Command::RenewDeposit { channel } => self.decide_renewed_deposit(channel.as_ref(), now),
            Command::RenewLink => Ok(vec![GuestLinkRenewed { generation: self.link_generation + 1 }.into()]),
            Command::RecordReading if self.contact_erased => Ok(vec![]),
            Command::RecordReading => Ok(vec![ContactRead {}.into()]),
            // A description that was added since then is erased too.
            Command::EraseContact { .. } if self.contact_erased && self.descriptions.is_empty() => Ok(vec![]),
            Command::EraseContact { reason_code } => {
                Ok(vec![ContactErased { reason_code: reason_code.clone() }.into()])
            }
        }
    }

    /// Asks the guest whether the party comes.
    fn decide_question(&self, now: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
        self.check_expected()?;
        if self.contact_erased {
            return Err(Refusal::ContactErased);
        }
        if self.is_called_off() {
            return Err(Unavailable::Closed.into());
        }
        Attendance::ask(self.attendance.as_deref(), GuestQuestion::StillComing, now)
    }

    /// Corrects details, of which the digest `contact_digest` is that of the new confidential payload. With another e-mail
    /// address the guest gets new links, because earlier ones may have reached a stranger. A proof that was asked for is due at the
    /// same time as before if the guest corrects the address.
    ///
    /// # Errors
    /// [`Refusal::ContactErased`] or [`Refusal::EmailFixed`].
    pub fn decide_details(
        &self,
        changed: Vec<Detail>,
        tags: Vec<String>,
        contact_digest: ConfidentialDigest,
        by: Corrector,
        now: DateTime<Utc>,
    ) -> Result<Vec<Event>, Refusal> {
        if self.contact_erased {
            return Err(Refusal::ContactErased);
        }
        if changed.is_empty() {
            return Ok(vec![]);
        }
        if let Corrector::Guest { needs_proof } = by
            && changed.contains(&Detail::Email)
            && !self.is_email_open(needs_proof, now)
        {
            return Err(Refusal::EmailFixed);
        }
        let renewed = GuestLinkRenewed { generation: self.link_generation + 1 };
        let has_new_address = changed.contains(&Detail::Email);
        let renewed = has_new_address.then(|| renewed.into());
        // The request to prove the address went to the previous one.
        let asked = self.requested_proof().filter(|_| has_new_address);
        let asked = asked.and_then(|_| match by {
            Corrector::Guest { .. } => self.contact_proof.ask_in_the_same_time(),
            Corrector::Staff => self.contact_proof.ask(now),
        });
        let changed = DetailsChanged { changed, tags, contact_digest }.into();
        Ok(renewed.into_iter().chain([changed]).chain(asked).collect())
    }

    /// Whether the guest can correct the e-mail address: until it is proved, or for a short time if no proof was needed. Later, a link
    /// that a stranger found must not be enough to take the booking over.
    fn is_email_open(&self, needs_proof: bool, now: DateTime<Utc>) -> bool {
        match self.contact_proof.missing() {
            Some(_) => true,
            // Without `needed_proof` the contact can still have been proved before.
            None => !needs_proof && !self.needed_proof && now <= self.created.time + EMAIL_OPEN_PERIOD,
        }
    }

    /// Whether the restaurant expects the party.
    fn check_expected(&self) -> Result<(), Refusal> {
        match &self.status {
            Status::Confirmed => Ok(()),
            other => Err(other.refusal(Refusal::NotConfirmed)),
        }
    }

    fn decide_confirm(&self, waive_deposit: bool) -> Result<Vec<Event>, Refusal> {
        match (&self.status, &self.deposit) {
            // The guest would get no confirmation. Another table or time, or a lifted closure, comes first.
            (Status::Pending, _) if self.is_called_off() => Err(Unavailable::Closed.into()),
            (Status::Pending, Charge::Due(due)) if !waive_deposit => Err(Refusal::DepositDue(due.amount)),
            (Status::Pending, deposit) => {
                let deposit_waived = matches!(deposit, Charge::Due(_));
                Ok(vec![ReservationConfirmed { window: self.window(), deposit_waived }.into()])
            }
            (Status::Confirmed, _) => Ok(vec![]),
            (other, _) => Err(other.refusal(Refusal::NotConfirmed)),
        }
    }

    /// The guest proved the contact. The booking is confirmed if nothing else is missing.
    fn decide_proof(&self, number: u32) -> Result<Vec<Event>, Refusal> {
        if matches!(self.status, Status::Cancelled { .. }) {
            return Err(Refusal::Cancelled);
        }
        let Some(proved) = self.contact_proof.prove(number)? else { return Ok(vec![]) };
        let is_confirmed = self.booking.policy.auto_confirm && !self.is_called_off();
        let confirmed = ReservationConfirmed { window: self.window(), deposit_waived: false };
        Ok(std::iter::once(proved).chain(is_confirmed.then(|| confirmed.into())).collect())
    }

    /// Does nothing if the deadline was moved or was already handled.
    fn decide_expiry(&self, silence: Option<StandSilence>, now: DateTime<Utc>) -> Vec<Event> {
        let reason_code = match self.deadline() {
            Some((at, Deadline::Hold)) if now >= at => DEPOSIT_UNPAID,
            Some((at, Deadline::Proof)) if now >= at => CONTACT_UNPROVED,
            Some((at, Deadline::NoShow)) if now >= at => return self.end_as_no_show(silence, now),
            _ => return vec![],
        };
        let cancelled = ReservationCancelled {
            cancelled_by: Initiator::System,
            reason_code: reason_code.into(),
            description_digest: None,
            refund: None,
            closure_id: None,
        };
        self.end(cancelled, ReleaseCause::Cancelled)
    }

    fn decide_payment(&self, result: &PaymentResult) -> Result<Vec<Event>, Refusal> {
        let payment_id = result.payment_id;
        let (account, purpose) = self.account(payment_id).ok_or(Refusal::UnknownPayment)?;
        match (&result.outcome, account) {
            (_, Charge::NotRequired) => Err(Refusal::UnknownPayment),
            (
                PaymentOutcome::Completed { amount, channel, provider_reference },
                Charge::Due(due) | Charge::Waived(due),
            ) => {
                if *amount != due.amount {
                    return Err(Refusal::AmountMismatch { asked: due.amount, came: *amount });
                }
                let successor = self.successor(payment_id);
                let is_kept = match purpose {
                    // The restaurant is closed at that time, so the booking cannot be confirmed.
                    Purpose::Deposit if self.status == Status::Pending && self.is_called_off() => false,
                    Purpose::Deposit if successor.is_some() => self.status == Status::Pending,
                    _ if due.is_closed || self.is_closed(payment_id) => false,
                    Purpose::Deposit => {
                        matches!(self.status, Status::Pending | Status::Confirmed | Status::CheckedIn)
                    }
                    Purpose::NoShowFee => true,
                };
                // Refund everything if the table is no longer held, and the excess if the party shrank before it paid.
                let kept_minor = match (is_kept, purpose) {
                    (false, _) => 0,
                    (true, Purpose::Deposit) => {
                        self.deposit_owed_minor(self.party_size(), amount.amount_minor)
                    }
                    (true, Purpose::NoShowFee) => amount.amount_minor,
                };
                let excess = Money { amount_minor: amount.amount_minor - kept_minor, ..*amount };
                let completed = PaymentCompleted {
                    payment_id,
                    amount: *amount,
                    channel: channel.clone(),
                    provider_reference: provider_reference.clone(),
                    refund: (excess.amount_minor > 0).then_some(Refund { payment_id, amount: excess }),
                    closes: successor.filter(|_| is_kept),
                };
                // Money for a deposit that no longer applied goes back, and confirms nothing.
                let is_due = matches!(account, Charge::Due(_));
                let confirmed = (purpose.is_deposit() && is_kept && is_due && self.status == Status::Pending)
                    .then(|| ReservationConfirmed { window: self.window(), deposit_waived: false });
                Ok(std::iter::once(completed.into()).chain(confirmed.map(Event::from)).collect())
            }
            (PaymentOutcome::Failed { reason_code }, Charge::Due(_) | Charge::Waived(_)) => {
                Ok(vec![PaymentFailed { payment_id, reason_code: reason_code.clone() }.into()])
            }
            // Already paid: the payment preceded this report of a failure, or this is a repetition.
            (PaymentOutcome::Completed { .. } | PaymentOutcome::Failed { .. }, Charge::Paid(_)) => Ok(vec![]),
            (PaymentOutcome::Refunded { .. }, Charge::Due(_) | Charge::Waived(_)) => {
                Err(Refusal::UnknownPayment)
            }
            (PaymentOutcome::Refunded { amount, provider_reference }, Charge::Paid(paid)) => {
                refund(paid, *amount, provider_reference)
            }
        }
    }

    /// The party never arrived. The fee in the policy snapshot is deducted from the deposit and the rest is
    /// refunded; what the deposit does not cover is requested. Without a fee the restaurant keeps the deposit.
    fn end_as_no_show(&self, stand_silence: Option<StandSilence>, now: DateTime<Utc>) -> Vec<Event> {
        let policy = &self.booking.policy;
        let fee = policy.no_show_fee.map(|fee| fee.due(self.party_size()));
        let paid = match &self.deposit {
            Charge::Paid(paid) => Some((paid.payment_id, paid.left_minor())),
            Charge::NotRequired | Charge::Due(_) | Charge::Waived(_) => None,
        };
        let back = fee.zip(paid).and_then(|(fee, (payment_id, paid_minor))| {
            let amount = Money { amount_minor: paid_minor - fee.amount_minor, ..fee };
            (amount.amount_minor > 0).then_some(Refund { payment_id, amount })
        });
        let owed = fee.and_then(|fee| {
            let amount_minor = fee.amount_minor - paid.map_or(0, |(_, paid_minor)| paid_minor);
            (amount_minor > 0).then_some(Money { amount_minor, ..fee })
        });
        let asked = owed.map(|amount| PaymentRequested {
            payment_id: self.next_fee_payment(),
            amount,
            channel: self.booking.payment_channel.clone(),
            expires_at: now + FEE_PAYMENT_PERIOD,
            purpose: Purpose::NoShowFee,
            replaces: None,
        });
        let no_show = ReservationNoShow { fee, refund: back, stand_silence };
        let mut events = self.end(no_show, ReleaseCause::NoShow);
        events.extend(asked.map(Event::from));
        events
    }

    /// The refund if the reservation is cancelled now: everything if the restaurant or the system cancels, or
    /// if the guest cancels in time or because the restaurant is closed.
    fn refund_when_cancelled(&self, by: Initiator, now: DateTime<Utc>) -> Option<Refund> {
        let Charge::Paid(paid) = &self.deposit else { return None };
        let is_free = by != Initiator::Guest || self.is_free_at(now);
        paid.refund(paid.left_minor()).filter(|_| is_free)
    }

    /// The refund if the party becomes `size` now: the part of a paid deposit that no longer applies, if the policy
    /// refunds it and the guest could still cancel free of charge.
    pub(super) fn refund_when_smaller(&self, size: PartySize, now: DateTime<Utc>) -> Option<Refund> {
        let Charge::Paid(paid) = &self.deposit else { return None };
        let left_minor = paid.left_minor();
        let owed_minor = self.deposit_owed_minor(size, left_minor);
        paid.refund(left_minor - owed_minor).filter(|_| self.is_free_at(now))
    }

    /// Whether the guest can cancel free of charge at `now`.
    fn is_free_at(&self, now: DateTime<Utc>) -> bool {
        now <= self.free_until || self.is_called_off()
    }

    /// The part of `deposit_minor` that a party of `size` owes.
    #[must_use]
    pub fn deposit_owed_minor(&self, size: PartySize, deposit_minor: i64) -> i64 {
        let policy = &self.booking.policy;
        match policy.refund_on_shrink {
            true => policy.deposit_due(size).map_or(0, |due| due.amount_minor).min(deposit_minor),
            false => deposit_minor,
        }
    }

    fn end(&self, ending: impl Into<Event>, cause: ReleaseCause) -> Vec<Event> {
        std::iter::once(ending.into()).chain(self.release(cause)).collect()
    }

    pub(super) fn release(&self, cause: ReleaseCause) -> Vec<Event> {
        let released = |table: &super::TableAssignment| {
            let (assignment_id, table_id, window) = (table.id, table.table_id.clone(), table.window);
            TableReleased { assignment_id, table_id, window, cause }.into()
        };
        self.tables.iter().map(released).collect()
    }
}

fn refund(paid: &ChargePaid, amount: Money, provider_reference: &str) -> Result<Vec<Event>, Refusal> {
    if amount.currency != paid.amount.currency {
        return Err(Refusal::AmountMismatch { asked: paid.amount, came: amount });
    }
    let left_minor = paid.amount.amount_minor - paid.refunded_minor;
    if amount.amount_minor > left_minor {
        return Err(Refusal::RefundExceedsPayment { left_minor, asked_minor: amount.amount_minor });
    }
    let provider_reference = provider_reference.to_owned();
    Ok(vec![PaymentRefunded { payment_id: paid.payment_id, amount, provider_reference }.into()])
}
