//! Money that a reservation requests: the deposit, and the no-show fee.

use chrono::{DateTime, Utc};
use events::PaymentId;
use events::event::{Event, Refund};
use events::values::Money;

/// The state of a requested amount: the deposit, or the no-show fee.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Charge {
    /// Nothing was requested.
    NotRequired,
    /// Requested and unpaid.
    Due(ChargeDue),
    /// Requested, and waived by staff.
    Waived(ChargeDue),
    /// Paid.
    Paid(ChargePaid),
}

/// An amount that was requested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargeDue {
    /// The payment.
    pub payment_id: PaymentId,
    /// The amount.
    pub amount: Money,
    /// The requested payment channel, if any.
    pub channel: Option<String>,
    /// When the hold expires; for a fee, the last time to pay it.
    pub expires_at: DateTime<Utc>,
    /// The reason code of the last failed attempt to pay, if any.
    pub failure: Option<String>,
    /// Whether the payment was closed, because the restaurant is closed at the time of the visit or the reservation was
    /// cancelled. Money that still arrives for it goes back.
    pub is_closed: bool,
}

/// An amount that was paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargePaid {
    /// The payment.
    pub payment_id: PaymentId,
    /// The amount.
    pub amount: Money,
    /// The payment channel it was received through.
    pub channel: String,
    /// The provider's reference.
    pub provider_reference: String,
    /// The amount refunded so far, in minor units.
    pub refunded_minor: i64,
    /// Refunds that were decided and not yet reported, in minor units.
    pub decided_refunds_minor: Vec<i64>,
}

impl ChargePaid {
    /// The amount that can still be refunded, in minor units. Never negative: an operator may have refunded a part of what
    /// was decided, so that the provider returned less than was decided.
    #[must_use]
    pub fn left_minor(&self) -> i64 {
        let decided: i64 = self.decided_refunds_minor.iter().sum();
        (self.amount.amount_minor - self.refunded_minor - decided).max(0)
    }

    /// A refund of `minor`, unless nothing is left to refund.
    pub(super) fn refund(&self, minor: i64) -> Option<Refund> {
        let amount = Money { amount_minor: minor, ..self.amount };
        (minor > 0).then_some(Refund { payment_id: self.payment_id, amount })
    }
}

impl Charge {
    /// The requested amount, if any.
    #[must_use]
    pub fn amount(&self) -> Option<Money> {
        match self {
            Self::NotRequired => None,
            Self::Due(due) | Self::Waived(due) => Some(due.amount),
            Self::Paid(paid) => Some(paid.amount),
        }
    }

    /// When the amount is due; `None` if it is not due.
    #[must_use]
    pub fn due_by(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Due(due) => Some(due.expires_at),
            Self::NotRequired | Self::Waived(_) | Self::Paid(_) => None,
        }
    }

    pub(super) fn evolve(&mut self, event: &Event) {
        match (event, &mut *self) {
            (Event::PaymentRequested(requested), _) => {
                *self = Self::Due(ChargeDue {
                    payment_id: requested.payment_id,
                    amount: requested.amount,
                    channel: requested.channel.clone(),
                    expires_at: requested.expires_at,
                    failure: None,
                    is_closed: false,
                });
            }
            (Event::PaymentCompleted(completed), _) => {
                *self = Self::Paid(ChargePaid {
                    payment_id: completed.payment_id,
                    amount: completed.amount,
                    channel: completed.channel.clone(),
                    provider_reference: completed.provider_reference.clone(),
                    refunded_minor: 0,
                    decided_refunds_minor: completed.refund.iter().map(|r| r.amount.amount_minor).collect(),
                });
            }
            (Event::PartySizeChanged(changed), Self::Paid(paid)) => {
                paid.decided_refunds_minor.extend(changed.refund.map(|refund| refund.amount.amount_minor));
            }
            (Event::PartySizeChanged(changed), Self::Due(due)) if changed.waives_deposit => {
                *self = Self::Waived(due.clone());
            }
            (Event::PaymentFailed(failed), Self::Due(due)) => due.failure = Some(failed.reason_code.clone()),
            (Event::PaymentRefunded(refunded), Self::Paid(paid)) => {
                let minor = refunded.amount.amount_minor;
                paid.refunded_minor += minor;
                // A refund of another amount was ordered by an operator.
                let decided = paid.decided_refunds_minor.iter().position(|decided| *decided == minor);
                decided.map(|place| paid.decided_refunds_minor.swap_remove(place));
            }
            _ => {}
        }
    }

    /// Notes that the payment was closed.
    pub(super) fn close(&mut self) {
        if let Self::Due(due) | Self::Waived(due) = self {
            due.is_closed = true;
        }
    }

    /// The requested payment, if any.
    #[must_use]
    pub fn payment_id(&self) -> Option<PaymentId> {
        match self {
            Self::NotRequired => None,
            Self::Due(due) | Self::Waived(due) => Some(due.payment_id),
            Self::Paid(paid) => Some(paid.payment_id),
        }
    }
}
