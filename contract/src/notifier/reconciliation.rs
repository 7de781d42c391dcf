//! Reconciliation: the differences between the records of payments.

use chrono::{DateTime, Utc};
use events::values::Currency;
use events::{PaymentId, ReservationId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::words::DifferenceKind;

/// The result of a reconciliation.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Report {
    /// The time of the reconciliation.
    pub checked_at: DateTime<Utc>,
    /// Payments opened before this time were not compared.
    pub since: DateTime<Utc>,
    /// Number of payments at the providers.
    #[schema(example = 3)]
    pub provider_payments: usize,
    /// Number of payments in the effect log.
    #[schema(example = 3)]
    pub journal_payments: usize,
    /// Number of payments in the log of the reservation service.
    #[schema(example = 3)]
    pub log_payments: usize,
    /// The differences, the oldest first.
    pub differences: Vec<Difference>,
}

/// A difference. Amounts are in minor units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Difference {
    /// The kind of a difference.
    pub kind: DifferenceKind,
    /// Our reference.
    pub payment_id: PaymentId,
    /// The reservation; null if it is unknown.
    pub reservation_id: Option<ReservationId>,
    /// The provider.
    pub provider: Option<String>,
    /// The provider's reference.
    pub provider_reference: Option<String>,
    /// ISO 4217.
    pub currency: Option<Currency>,
    /// The amount paid at the provider.
    pub provider_paid_minor: i64,
    /// The amount refunded by the provider.
    pub provider_returned_minor: i64,
    /// The paid amount in the effect log.
    pub journal_paid_minor: i64,
    /// The refunded amount in the effect log.
    pub journal_returned_minor: i64,
    /// The paid amount in the booking.
    pub log_paid_minor: i64,
    /// The refunded amount in the booking.
    pub log_returned_minor: i64,
    /// The amount that the booking requires to be refunded and was not.
    pub log_to_return_minor: i64,
    /// Whether effects of this reservation are under way, so that the difference may disappear.
    pub in_motion: bool,
    /// The time of the first record of the payment.
    pub since: DateTime<Utc>,
    /// The age of that record.
    pub age_seconds: i64,
}
