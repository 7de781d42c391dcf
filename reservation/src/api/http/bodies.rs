//! The bodies of requests, as `/openapi.json` describes them.
//!
//! `request` reads bodies field by field to report all faults at once. A test sends every example and every
//! field in this file through it.
#![expect(dead_code, reason = "only descriptions; bodies are read as forms")]

use utoipa::ToSchema;

/// A booking.
#[derive(ToSchema)]
pub(super) struct CreateReservation {
    /// An opaque id of the customer. It is published in events and cannot be erased: do not use a name, a phone number or
    /// an e-mail address.
    #[schema(min_length = 1, max_length = 64, example = "cust-42")]
    customer_id: String,
    contact_info: ContactInfo,
    /// RFC 3339; without an offset, local time of the venue. Not in the past and at most 365 days ahead.
    #[schema(example = "2026-12-24T19:30")]
    start_time: String,
    /// By default the turn time of the venue for a party of that size, otherwise 90.
    #[schema(minimum = 15, maximum = 480)]
    duration_minutes: Option<u32>,
    /// 2 by default.
    #[schema(minimum = 1, maximum = 50)]
    party_size: Option<u8>,
    /// The first venue by default.
    #[schema(example = "bandung-dago")]
    venue_id: Option<String>,
    /// Only tables in this area. Not for venues that are managed by hand.
    #[schema(max_length = 64, example = "Teras")]
    area: Option<String>,
    #[schema(max_length = 64)]
    table_preference: Option<String>,
    #[schema(max_length = 500)]
    special_requests: Option<String>,
    /// One of the notifier's payment channels.
    #[schema(example = "qris")]
    payment_channel: Option<String>,
    /// The language of messages: id or en.
    #[schema(example = "id")]
    locale: Option<String>,
}

/// The contact of the guest.
#[derive(ToSchema)]
pub(super) struct ContactInfo {
    #[schema(min_length = 1, max_length = 120, example = "Sari Wulandari")]
    name: String,
    /// International, or national in the country of the venue.
    #[schema(max_length = 32, example = "+62 812 3456 7890")]
    phone: String,
    #[schema(max_length = 254, example = "sari@example.com")]
    email: String,
}

/// A walk-in.
#[derive(ToSchema)]
pub(super) struct WalkIn {
    #[schema(minimum = 1, maximum = 50, example = 2)]
    party_size: u8,
    /// The first venue by default.
    #[schema(example = "bandung-dago")]
    venue_id: Option<String>,
    #[schema(max_length = 64, example = "Teras")]
    area: Option<String>,
    /// An opaque id of the customer. It is published in events and cannot be erased: do not use a name, a phone number or
    /// an e-mail address.
    /// `walk-in` by default.
    #[schema(max_length = 64)]
    customer_id: Option<String>,
    #[schema(max_length = 120)]
    name: Option<String>,
}

/// A request to join a waitlist.
#[derive(ToSchema)]
pub(super) struct JoinWaitlist {
    /// An opaque id of the customer. It is published in events and cannot be erased: do not use a name, a phone number or
    /// an e-mail address.
    #[schema(min_length = 1, max_length = 64, example = "cust-42")]
    customer_id: String,
    contact_info: ContactInfo,
    /// The earliest arrival; now by default.
    #[schema(example = "2026-12-24T18:00")]
    earliest_time: Option<String>,
    /// The latest arrival, at most 24 hours after the earliest.
    #[schema(example = "2026-12-24T20:00")]
    latest_time: String,
    /// 2 by default.
    #[schema(minimum = 1, maximum = 50)]
    party_size: Option<u8>,
    /// The first venue by default.
    #[schema(example = "bandung-dago")]
    venue_id: Option<String>,
    #[schema(max_length = 64, example = "Teras")]
    area: Option<String>,
    #[schema(max_length = 500)]
    special_requests: Option<String>,
    #[schema(example = "qris")]
    payment_channel: Option<String>,
    #[schema(example = "id")]
    locale: Option<String>,
}

/// A confirmation.
#[derive(ToSchema)]
pub(super) struct Confirm {
    /// Confirm although the deposit was not paid.
    waive_deposit: Option<bool>,
}

/// A table assignment.
#[derive(ToSchema)]
pub(super) struct AssignTable {
    #[schema(max_length = 32, example = "T3")]
    table_id: String,
    /// Required for a table that is not in the venue file.
    #[schema(minimum = 1, maximum = 50)]
    capacity: Option<u8>,
    /// Required for a table that is not in the venue file.
    #[schema(max_length = 64)]
    area: Option<String>,
}

/// A change of the time.
#[derive(ToSchema)]
pub(super) struct Reschedule {
    #[schema(example = "2026-12-24T20:30")]
    start_time: String,
    /// The previous duration by default.
    #[schema(minimum = 15, maximum = 480)]
    duration_minutes: Option<u32>,
    /// The previously requested area by default.
    #[schema(max_length = 64, example = "Teras")]
    area: Option<String>,
}

/// A change of the party size.
#[derive(ToSchema)]
pub(super) struct ChangePartySize {
    #[schema(minimum = 1, maximum = 50)]
    party_size: u8,
    /// The previously requested area by default.
    #[schema(max_length = 64, example = "Teras")]
    area: Option<String>,
}

/// A cancellation.
#[derive(ToSchema)]
pub(super) struct Cancel {
    /// Letters, digits and _ - .
    #[schema(max_length = 64, example = "guest_request")]
    reason_code: String,
    /// Free text. Stored separately from the event, and forgotten together with the contact.
    #[schema(max_length = 500)]
    description: Option<String>,
    /// guest (the default) or staff.
    cancelled_by: Option<String>,
}

/// The result of a payment.
#[derive(ToSchema)]
pub(super) struct PaymentResult {
    payment_id: String,
    /// completed, failed or refunded.
    outcome: String,
    /// Minor units; required unless it failed.
    amount_minor: Option<i64>,
    /// ISO 4217; required unless it failed.
    currency: Option<String>,
    /// Required if it completed.
    channel: Option<String>,
    /// Required unless it failed.
    provider_reference: Option<String>,
    /// Required if it failed.
    reason_code: Option<String>,
}

/// The result of a message.
#[derive(ToSchema)]
pub(super) struct NotificationResult {
    notification_id: String,
    #[schema(example = "confirmed")]
    template: String,
    /// mail or sms.
    medium: String,
    /// sent or failed.
    outcome: String,
    reason_code: Option<String>,
}

/// A request to forget personal data.
#[derive(ToSchema)]
pub(super) struct EraseContact {
    #[schema(example = "guest_request")]
    reason_code: Option<String>,
}
