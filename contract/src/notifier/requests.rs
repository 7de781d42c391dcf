//! Requests of guests, providers and operators.

use chrono::{DateTime, Utc};
use events::{PaymentId, ReservationId};

use super::words::{Decision, EffectStatus, PaymentStatus, ReportFormat};
use crate::request::requests;
use crate::values::{Line, Whole};

requests! {
    /// The amount to refund.
    body Refund {
        /// Minor units; all that is left by default.
        #[example = 5_000_000]
        optional amount_minor: Whole<1, { i64::MAX }>,
    }

    /// The reason for discarding a dead letter.
    body Discard {
        /// Free text for the log, without personal data.
        #[example = "the guest was called"]
        required reason: Line<200>,
    }

    /// The reason for retrying a dead letter.
    body Retry {
        /// Free text for the log, without personal data.
        #[example = "the mail server is back"]
        optional reason: Line<200>,
    }

    /// The decision of a guest at the simulated provider.
    body SimulatedDecision {
        /// The provider's reference of the payment.
        #[example = "sim_8c4f"]
        required reference: Line<64>,
        /// The first decision stands.
        required outcome: Decision,
    }

    /// A selection of payments.
    query ListPayments {
        /// Only payments with this status.
        optional status: PaymentStatus,
        /// Only payments of this reservation.
        optional reservation_id: ReservationId,
        /// `next_cursor` of the previous page.
        optional cursor: Line<300>,
        /// The length of the page, 100 by default.
        optional limit: Whole<1, 1_000>,
    }

    /// A selection of effects.
    query ListEffects {
        /// Only effects with this status; `dead` are the dead letters.
        optional status: EffectStatus,
        /// Only effects of this reservation.
        optional reservation_id: ReservationId,
        /// `next_cursor` of the previous page.
        optional cursor: Line<300>,
        /// The length of the page, 100 by default.
        optional limit: Whole<1, 1_000>,
    }

    /// The period and the format of a reconciliation.
    query Reconcile {
        /// Payments opened since then; the last 90 days by default.
        optional since: DateTime<Utc>,
        /// By default what `Accept` prefers.
        optional format: ReportFormat,
    }

    /// The path of a payment.
    path PaymentPath {
        /// The payment.
        required payment_id: PaymentId,
    }

    /// The path of an effect.
    path EffectPath {
        /// The key of the effect.
        required id: Line<200>,
    }

    /// The path of a webhook subscription.
    path SubscriptionPath {
        /// The id of the subscription.
        required id: Line<64>,
    }
}
