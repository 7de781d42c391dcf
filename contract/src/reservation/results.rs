//! Results that the notifier reports: of payments and of messages.

use events::PaymentId;
use events::values::{Currency, Medium};

use crate::request::{requests, tagged};
use crate::values::{Code, Whole};

/// An amount in minor units of its currency.
pub type AmountMinor = Whole<1, 100_000_000_000_000>;

requests! {
    /// The guest paid.
    body CompletedPayment {
        /// The payment.
        required payment_id: PaymentId,
        /// Minor units of the currency.
        #[example = 30_000_000]
        required amount_minor: AmountMinor,
        /// ISO 4217.
        #[example = "IDR"]
        required currency: Currency,
        /// The payment channel.
        #[example = "qris"]
        required channel: Code<32>,
        /// The provider's reference.
        #[example = "sim_01939f3e"]
        required provider_reference: Code<128>,
    }

    /// Some or all of a payment was refunded.
    body RefundedPayment {
        /// The payment.
        required payment_id: PaymentId,
        /// Minor units of the currency.
        #[example = 30_000_000]
        required amount_minor: AmountMinor,
        /// ISO 4217.
        #[example = "IDR"]
        required currency: Currency,
        /// The provider's reference of the refund.
        #[example = "re_01939f3e"]
        required provider_reference: Code<128>,
    }

    /// A payment failed.
    body FailedPayment {
        /// The payment.
        required payment_id: PaymentId,
        /// The reason, as a stable code.
        #[example = "expired"]
        required reason_code: Code<64>,
    }

    /// A message was sent.
    body SentNotification {
        /// The key of the message.
        #[example = "n-1"]
        required notification_id: Code<128>,
        /// The template of the message.
        #[example = "confirmed"]
        required template: Code<64>,
        /// The medium.
        required medium: Medium,
    }

    /// A message could not be sent.
    body FailedNotification {
        /// The key of the message.
        #[example = "n-1"]
        required notification_id: Code<128>,
        /// The template of the message.
        #[example = "confirmed"]
        required template: Code<64>,
        /// The medium.
        required medium: Medium,
        /// `unknown` by default.
        #[example = "mailbox_full"]
        optional reason_code: Code<64>,
    }
}

tagged! {
    /// The result of a payment.
    PaymentResult by "outcome" {
        Completed(CompletedPayment) = "completed",
        Refunded(RefundedPayment) = "refunded",
        Failed(FailedPayment) = "failed",
    }

    /// The result of a message.
    NotificationResult by "outcome" {
        Sent(SentNotification) = "sent",
        Failed(FailedNotification) = "failed",
    }
}
