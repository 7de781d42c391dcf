//! What happens if a command arrives now. Pure, synchronous, total.
//!
//! The state machine, with a row for each command:
//!
//! | | PENDING | CONFIRMED | CHECKED_IN | COMPLETED | CANCELLED | NO_SHOW |
//! |---|---|---|---|---|---|---|
//! | confirm | → CONFIRMED | done | ✗ | ✗ | ✗ | ✗ |
//! | assign-table | stays | stays | stays | ✗ | ✗ | ✗ |
//! | reschedule, party-size | stays | stays | ✗ | ✗ | ✗ | ✗ |
//! | check-in | ✗ | → CHECKED_IN | done | ✗ | ✗ | ✗ |
//! | complete | ✗ | ✗ | → COMPLETED | done | ✗ | ✗ |
//! | no-show | ✗ | → NO_SHOW | ✗ | ✗ | ✗ | done |
//! | cancel | → CANCELLED | → CANCELLED | ✗ | ✗ | done | ✗ |

use chrono::{DateTime, TimeDelta, Utc};
use events::event::{
    ContactErased, Event, PaymentCompleted, PaymentFailed, PaymentRefunded, Refund, ReservationCancelled,
    ReservationCompleted, ReservationConfirmed, ReservationNoShow, TableReleased,
};
use events::values::{CancelledBy, Money, ReleaseCause};

use super::command::{Command, NotificationResult, PaymentOutcome, PaymentResult};
use super::floor::Floor;
use super::refusal::Refusal;
use super::reservation::{Deadline, Deposit, DepositPaid, Reservation, Status};

/// The reason code of a hold that was not paid for in time.
pub const DEPOSIT_UNPAID: &str = "deposit_unpaid";

impl Reservation {
    /// What happens if `command` arrives now. No event: already so.
    ///
    /// The occupancy of `floor` must know whoever has the tables that the command wants.
    ///
    /// # Errors
    /// The house rule that says no.
    pub fn decide(
        &self,
        command: &Command,
        floor: &Floor<'_>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::Confirm { waive_deposit } => self.decide_confirm(*waive_deposit),
            Command::AssignTable(choice) => self.decide_table(choice, floor),
            Command::Reschedule { window, area } => {
                self.decide_reschedule(*window, area.as_ref(), floor, now)
            }
            Command::ChangePartySize { size, area } => self.decide_size(*size, area.as_ref(), floor),
            Command::CheckIn => self.decide_check_in(floor, now),
            Command::Complete => match &self.status {
                Status::CheckedIn => Ok(self.end(ReservationCompleted {}, ReleaseCause::Completed)),
                Status::Completed => Ok(vec![]),
                other => Err(Refusal::of(other, Refusal::NotCheckedIn)),
            },
            Command::NoShow => match &self.status {
                Status::Confirmed if now < self.window().start => Err(Refusal::NotStarted),
                Status::Confirmed => Ok(self.end(ReservationNoShow {}, ReleaseCause::NoShow)),
                Status::NoShow => Ok(vec![]),
                other => Err(Refusal::of(other, Refusal::NotConfirmed)),
            },
            Command::Cancel { by, reason_code, description_digest } => match &self.status {
                Status::Pending | Status::Confirmed => {
                    let cancelled = ReservationCancelled {
                        cancelled_by: *by,
                        reason_code: reason_code.clone(),
                        description_digest: description_digest.clone(),
                        refund: self.refund_when_cancelled(*by, now),
                    };
                    Ok(self.end(cancelled, ReleaseCause::Cancelled))
                }
                Status::Cancelled { .. } => Ok(vec![]),
                other => Err(Refusal::of(other, Refusal::CheckedIn)),
            },
            Command::Expire => Ok(self.decide_expiry(now)),
            Command::RecordPayment(result) => self.decide_payment(result),
            Command::RecordNotification(NotificationResult::Sent(sent)) => Ok(vec![sent.clone().into()]),
            Command::RecordNotification(NotificationResult::Failed(failed)) => {
                Ok(vec![failed.clone().into()])
            }
            Command::EraseContact { .. } if self.contact_erased => Ok(vec![]),
            Command::EraseContact { reason_code } => {
                Ok(vec![ContactErased { reason_code: reason_code.clone() }.into()])
            }
        }
    }

    fn decide_confirm(&self, waive_deposit: bool) -> Result<Vec<Event>, Refusal> {
        match (&self.status, &self.deposit) {
            (Status::Pending, Deposit::Due(due)) if !waive_deposit => Err(Refusal::DepositDue(due.amount)),
            (Status::Pending, deposit) => {
                let deposit_waived = matches!(deposit, Deposit::Due(_));
                Ok(vec![ReservationConfirmed { window: self.window(), deposit_waived }.into()])
            }
            (Status::Confirmed, _) => Ok(vec![]),
            (other, _) => Err(Refusal::of(other, Refusal::NotConfirmed)),
        }
    }

    /// A deadline that comes too late or too early finds nothing to do.
    fn decide_expiry(&self, now: DateTime<Utc>) -> Vec<Event> {
        match self.deadline() {
            Some((at, Deadline::Hold)) if now >= at => {}
            Some((at, Deadline::NoShow)) if now >= at => {
                return self.end(ReservationNoShow {}, ReleaseCause::NoShow);
            }
            _ => return vec![],
        }
        let cancelled = ReservationCancelled {
            cancelled_by: CancelledBy::System,
            reason_code: DEPOSIT_UNPAID.into(),
            description_digest: None,
            refund: None,
        };
        self.end(cancelled, ReleaseCause::Cancelled)
    }

    fn decide_payment(&self, result: &PaymentResult) -> Result<Vec<Event>, Refusal> {
        let payment_id = result.payment_id;
        if self.deposit.payment_id() != Some(payment_id) {
            return Err(Refusal::UnknownPayment);
        }
        match (&result.outcome, &self.deposit) {
            (_, Deposit::NotRequired) => Err(Refusal::UnknownPayment),
            (
                PaymentOutcome::Completed { amount, channel, provider_reference },
                Deposit::Due(due) | Deposit::Waived(due),
            ) => {
                if *amount != due.amount {
                    return Err(Refusal::AmountMismatch { asked: due.amount, came: *amount });
                }
                let held = matches!(self.status, Status::Pending | Status::Confirmed | Status::CheckedIn);
                let completed = PaymentCompleted {
                    payment_id,
                    amount: *amount,
                    channel: channel.clone(),
                    provider_reference: provider_reference.clone(),
                    // Money for a table that is no longer held goes back at once.
                    refund: (!held).then_some(Refund { payment_id, amount: *amount }),
                };
                let confirmed = matches!(self.status, Status::Pending)
                    .then(|| ReservationConfirmed { window: self.window(), deposit_waived: false });
                Ok(std::iter::once(completed.into()).chain(confirmed.map(Event::from)).collect())
            }
            (PaymentOutcome::Failed { reason_code }, Deposit::Due(_) | Deposit::Waived(_)) => {
                Ok(vec![PaymentFailed { payment_id, reason_code: reason_code.clone() }.into()])
            }
            // The money is there: it came before this news of a failure, or this is a repeat.
            (PaymentOutcome::Completed { .. } | PaymentOutcome::Failed { .. }, Deposit::Paid(_)) => {
                Ok(vec![])
            }
            (PaymentOutcome::Refunded { .. }, Deposit::Due(_) | Deposit::Waived(_)) => {
                Err(Refusal::UnknownPayment)
            }
            (PaymentOutcome::Refunded { amount, provider_reference }, Deposit::Paid(paid)) => {
                refund(paid, *amount, provider_reference)
            }
        }
    }

    /// What has to go back if the reservation is cancelled now: everything when the house or the
    /// system cancels, or when the guest does so in time.
    fn refund_when_cancelled(&self, by: CancelledBy, now: DateTime<Utc>) -> Option<Refund> {
        let Deposit::Paid(paid) = &self.deposit else { return None };
        let free_until = self.window().start
            - TimeDelta::minutes(i64::from(self.booking.policy.free_cancellation_minutes));
        let free = by != CancelledBy::Guest || now <= free_until;
        let left_minor = paid.amount.amount_minor - paid.refunded_minor;
        (free && left_minor > 0).then_some(Refund {
            payment_id: paid.payment_id,
            amount: Money { amount_minor: left_minor, ..paid.amount },
        })
    }

    fn end(&self, ending: impl Into<Event>, cause: ReleaseCause) -> Vec<Event> {
        std::iter::once(ending.into()).chain(self.release(cause)).collect()
    }

    pub(super) fn release(&self, cause: ReleaseCause) -> Vec<Event> {
        let released = |table: &super::reservation::TableAssignment| {
            let (assignment_id, table_id, window) = (table.id, table.table_id.clone(), table.window);
            TableReleased { assignment_id, table_id, window, cause }.into()
        };
        self.tables.iter().map(released).collect()
    }
}

fn refund(paid: &DepositPaid, amount: Money, provider_reference: &str) -> Result<Vec<Event>, Refusal> {
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
