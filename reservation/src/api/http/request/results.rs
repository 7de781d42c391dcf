//! Results that the notifier reports.

use contract::form::Form;
use events::PaymentId;
use events::event::{NotificationFailed, NotificationSent};
use events::values::{Currency, Medium, Money};

use super::code;
use crate::domain::Command;
use crate::domain::reservation::{NotificationResult, PaymentOutcome, PaymentResult};

pub(in crate::api::http) fn payment_result(form: &mut Form) -> Option<Command> {
    let payment_id = form.parsed("payment_id", 36, str::parse::<PaymentId>);
    let outcome = form.text("outcome", 20);
    let amount_minor = form.optional_integer("amount_minor", 1, 100_000_000_000_000);
    let currency = form.optional_parsed("currency", 3, |text| {
        Currency::from_code(text)
            .ok_or_else(|| format!("{text:?} is not an ISO 4217 currency code such as IDR"))
    });
    let channel = form.optional_parsed("channel", 32, code);
    let provider_reference = form.optional_parsed("provider_reference", 128, code);
    let reason_code = form.optional_parsed("reason_code", 64, code);
    let amount = amount_minor.zip(currency).map(|(amount_minor, currency)| Money { amount_minor, currency });
    let members = [
        ("amount_minor", amount_minor.is_some()),
        ("currency", currency.is_some()),
        ("provider_reference", provider_reference.is_some()),
        ("channel", channel.is_some()),
        ("reason_code", reason_code.is_some()),
    ];
    let required: &[&str] = match outcome.as_deref() {
        Some("completed") => &["amount_minor", "currency", "provider_reference", "channel"],
        Some("refunded") => &["amount_minor", "currency", "provider_reference"],
        Some("failed") => &["reason_code"],
        Some(other) => {
            form.fault(
                "outcome",
                "enum",
                "Input should be completed, failed or refunded",
                Some(other.into()),
            );
            &[]
        }
        None => &[],
    };
    for (name, is_present) in members {
        if required.contains(&name) && !is_present && !form.has_fault(name) {
            form.fault(name, "missing", "Field required for this outcome", None);
        }
    }
    let outcome = match outcome?.as_str() {
        "completed" => PaymentOutcome::Completed {
            amount: amount?,
            channel: channel?,
            provider_reference: provider_reference?,
        },
        "refunded" => PaymentOutcome::Refunded { amount: amount?, provider_reference: provider_reference? },
        _ => PaymentOutcome::Failed { reason_code: reason_code? },
    };
    Some(Command::RecordPayment(PaymentResult { payment_id: payment_id?, outcome }))
}

pub(in crate::api::http) fn notification_result(form: &mut Form) -> Option<Command> {
    message_result(form).map(Command::RecordNotification)
}

/// The result of a message to a guest or to a waiting party.
pub(in crate::api::http) fn message_result(form: &mut Form) -> Option<NotificationResult> {
    let notification_id = form.parsed("notification_id", 128, code);
    let template = form.parsed("template", 64, code);
    let medium = form.parsed("medium", 8, |text| match text {
        "mail" => Ok(Medium::Mail),
        "sms" => Ok(Medium::Sms),
        other => Err(format!("{other:?} is neither mail nor sms")),
    });
    let outcome = form.text("outcome", 20);
    let reason_code = form.optional_parsed("reason_code", 64, code);
    match outcome.as_deref() {
        Some("sent") => Some(NotificationResult::Sent(NotificationSent {
            notification_id: notification_id?,
            template: template?,
            medium: medium?,
        })),
        Some("failed") => Some(NotificationResult::Failed(NotificationFailed {
            notification_id: notification_id?,
            template: template?,
            medium: medium?,
            reason_code: reason_code.unwrap_or_else(|| "unknown".into()),
        })),
        Some(other) => {
            form.fault("outcome", "enum", "Input should be sent or failed", Some(other.into()));
            None
        }
        None => None,
    }
}
