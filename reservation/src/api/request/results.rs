//! Results reported by the notifier.

use contract::form::Form;
use contract::reservation::results::{self, AmountMinor};
use events::event::{NotificationFailed, NotificationSent};
use events::values::{Currency, Money};

use crate::domain::Command;
use crate::domain::reservation::{NotificationResult, PaymentOutcome, PaymentResult};

pub(in crate::api) fn payment_result(form: &mut Form) -> Option<Command> {
    let (payment_id, outcome) = match results::PaymentResult::take(form)? {
        results::PaymentResult::Completed(paid) => (
            paid.payment_id,
            PaymentOutcome::Completed {
                amount: money(paid.amount_minor, paid.currency),
                channel: paid.channel.into(),
                provider_reference: paid.provider_reference.into(),
            },
        ),
        results::PaymentResult::Refunded(refunded) => (
            refunded.payment_id,
            PaymentOutcome::Refunded {
                amount: money(refunded.amount_minor, refunded.currency),
                provider_reference: refunded.provider_reference.into(),
            },
        ),
        results::PaymentResult::Failed(failed) => {
            (failed.payment_id, PaymentOutcome::Failed { reason_code: failed.reason_code.into() })
        }
    };
    Some(Command::RecordPayment(PaymentResult { payment_id, outcome }))
}

fn money(amount_minor: AmountMinor, currency: Currency) -> Money {
    Money { amount_minor: amount_minor.get(), currency }
}

pub(in crate::api) fn notification_result(form: &mut Form) -> Option<Command> {
    message_result(form).map(Command::RecordNotification)
}

/// The result of a message to a guest or to a waiting party.
pub(in crate::api) fn message_result(form: &mut Form) -> Option<NotificationResult> {
    Some(match results::NotificationResult::take(form)? {
        results::NotificationResult::Sent(sent) => NotificationResult::Sent(NotificationSent {
            notification_id: sent.notification_id.into(),
            template: sent.template.into(),
            medium: sent.medium,
        }),
        results::NotificationResult::Failed(failed) => NotificationResult::Failed(NotificationFailed {
            notification_id: failed.notification_id.into(),
            template: failed.template.into(),
            medium: failed.medium,
            reason_code: failed.reason_code.map_or_else(|| "unknown".into(), String::from),
        }),
    })
}
