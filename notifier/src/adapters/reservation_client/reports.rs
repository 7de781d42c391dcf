//! Results of payments and messages, as the reservation service expects them. Part of [`super`].

use contract::reservation::results;
use contract::values::{Code, Whole};

use crate::domain::effect::{NotificationOutcome, NotificationResult, PaymentOutcome, PaymentResult};

/// The result of a payment as the reservation service expects it.
pub(super) fn payment_result(result: &PaymentResult) -> results::PaymentResult {
    let payment_id = result.payment_id;
    match result.outcome.clone() {
        PaymentOutcome::Completed { amount, channel, provider_reference } => {
            results::PaymentResult::Completed(results::CompletedPayment {
                payment_id,
                amount_minor: Whole::known(amount.amount_minor),
                currency: amount.currency,
                channel: Code::known(channel),
                provider_reference: Code::known(provider_reference),
            })
        }
        PaymentOutcome::Refunded { amount, provider_reference } => {
            results::PaymentResult::Refunded(results::RefundedPayment {
                payment_id,
                amount_minor: Whole::known(amount.amount_minor),
                currency: amount.currency,
                provider_reference: Code::known(provider_reference),
            })
        }
        PaymentOutcome::Failed { reason_code } => results::PaymentResult::Failed(results::FailedPayment {
            payment_id,
            reason_code: Code::known(reason_code),
        }),
    }
}

/// The result of a message as the reservation service expects it.
pub(super) fn notification_result(result: &NotificationResult) -> results::NotificationResult {
    let notification_id = Code::known(result.notification_id.0.clone());
    let (template, medium) = (Code::known(result.template.name()), result.medium);
    match result.outcome.clone() {
        NotificationOutcome::Sent => {
            results::NotificationResult::Sent(results::SentNotification { notification_id, template, medium })
        }
        NotificationOutcome::Failed { reason_code } => {
            let reason_code = Some(Code::known(reason_code));
            results::NotificationResult::Failed(results::FailedNotification {
                notification_id,
                template,
                medium,
                reason_code,
            })
        }
    }
}
