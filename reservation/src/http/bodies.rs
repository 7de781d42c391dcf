//! The bodies of requests as `/openapi.json` describes them.
//!
//! They are read field by field in `request`, so that all faults are told at once; a test sends
//! every example and every field named here through that.
#![expect(dead_code, reason = "described here, read as forms")]

use utoipa::{IntoResponses, ToSchema};

use super::representation::ReservationView;

/// A booking.
#[derive(ToSchema)]
pub(super) struct CreateReservation {
    /// Whoever books, as the caller names them.
    #[schema(min_length = 1, max_length = 64, example = "cust-42")]
    customer_id: String,
    contact_info: ContactInfo,
    /// RFC 3339; without an offset it is local time of the venue. Not in the past, at most 365 days ahead.
    #[schema(example = "2026-12-24T19:30")]
    start_time: String,
    #[schema(minimum = 15, maximum = 480, default = 90)]
    duration_minutes: Option<u32>,
    #[schema(minimum = 1, maximum = 50, default = 2)]
    party_size: Option<u8>,
    /// Without it, the first venue.
    #[schema(example = "bandung-dago")]
    venue_id: Option<String>,
    /// An area of the house: nowhere else then. Only where tables are not given by hand.
    #[schema(max_length = 64, example = "Teras")]
    area: Option<String>,
    #[schema(max_length = 64)]
    table_preference: Option<String>,
    #[schema(max_length = 500)]
    special_requests: Option<String>,
    /// One of the notifier's payment channels.
    #[schema(example = "qris")]
    payment_channel: Option<String>,
    /// The language to write in: id or en.
    #[schema(example = "id")]
    locale: Option<String>,
}

/// How to reach the guest.
#[derive(ToSchema)]
pub(super) struct ContactInfo {
    #[schema(min_length = 1, max_length = 120, example = "Sari Wulandari")]
    name: String,
    /// International, or national for the country of the venue.
    #[schema(max_length = 32, example = "+62 812 3456 7890")]
    phone: String,
    #[schema(max_length = 254, example = "sari@example.com")]
    email: String,
}

/// A party in the door.
#[derive(ToSchema)]
pub(super) struct WalkIn {
    #[schema(minimum = 1, maximum = 50, example = 2)]
    party_size: u8,
    /// Without it, the first venue.
    #[schema(example = "bandung-dago")]
    venue_id: Option<String>,
    #[schema(max_length = 64, example = "Teras")]
    area: Option<String>,
    /// As the caller names them.
    #[schema(max_length = 64, default = "walk-in")]
    customer_id: Option<String>,
    #[schema(max_length = 120)]
    name: Option<String>,
}

/// A party that would wait.
#[derive(ToSchema)]
pub(super) struct JoinWaitlist {
    /// As the caller names them.
    #[schema(min_length = 1, max_length = 64, example = "cust-42")]
    customer_id: String,
    contact_info: ContactInfo,
    /// The earliest arrival; without it, now.
    #[schema(example = "2026-12-24T18:00")]
    earliest_time: Option<String>,
    /// The latest arrival, at most 24 hours after the earliest.
    #[schema(example = "2026-12-24T20:00")]
    latest_time: String,
    #[schema(minimum = 1, maximum = 50, default = 2)]
    party_size: Option<u8>,
    /// Without it, the first venue.
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
    /// Confirm although the deposit is not paid.
    waive_deposit: Option<bool>,
}

/// A table for the party.
#[derive(ToSchema)]
pub(super) struct AssignTable {
    #[schema(max_length = 32, example = "T3")]
    table_id: String,
    /// Needed for a table that is not in the venue file.
    #[schema(minimum = 1, maximum = 50)]
    capacity: Option<u8>,
    /// Needed for a table that is not in the venue file.
    #[schema(max_length = 64)]
    area: Option<String>,
}

/// Another time.
#[derive(ToSchema)]
pub(super) struct Reschedule {
    #[schema(example = "2026-12-24T20:30")]
    start_time: String,
    /// Without it, as long as before.
    #[schema(minimum = 15, maximum = 480)]
    duration_minutes: Option<u32>,
    /// Without it, where the party wanted to sit before.
    #[schema(max_length = 64, example = "Teras")]
    area: Option<String>,
}

/// More or fewer guests.
#[derive(ToSchema)]
pub(super) struct ChangePartySize {
    #[schema(minimum = 1, maximum = 50)]
    party_size: u8,
    /// Without it, where the party wanted to sit before.
    #[schema(max_length = 64, example = "Teras")]
    area: Option<String>,
}

/// Why it is called off.
#[derive(ToSchema)]
pub(super) struct Cancel {
    /// Letters, digits and _ - .
    #[schema(max_length = 64, example = "guest_request")]
    reason_code: String,
    /// In words. Kept apart from the event, and forgotten with the contact.
    #[schema(max_length = 500)]
    description: Option<String>,
    /// guest (the default) or staff.
    cancelled_by: Option<String>,
}

/// What became of a payment.
#[derive(ToSchema)]
pub(super) struct PaymentResult {
    payment_id: String,
    /// completed, failed or refunded.
    outcome: String,
    /// Minor units; needed unless it failed.
    amount_minor: Option<i64>,
    /// ISO 4217; needed unless it failed.
    currency: Option<String>,
    /// Needed when it completed.
    channel: Option<String>,
    /// Needed unless it failed.
    provider_reference: Option<String>,
    /// Needed when it failed.
    reason_code: Option<String>,
}

/// What became of a message.
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

/// Why the personal data is to be forgotten.
#[derive(ToSchema)]
pub(super) struct EraseContact {
    #[schema(example = "guest_request")]
    reason_code: Option<String>,
}

/// An error, RFC 9457.
#[derive(ToSchema)]
pub(super) struct Problem {
    #[schema(example = "/problems/table_taken")]
    r#type: String,
    #[schema(example = "Conflict")]
    title: String,
    #[schema(example = 409)]
    status: u16,
    /// Stable; for machines.
    #[schema(example = "table_taken")]
    code: String,
    /// In words; for 422 a list of faults.
    #[schema(example = "Table T3 is taken at that time. Choose another table or another time.")]
    detail: String,
    /// Tables that are free at that time, where that helps.
    alternatives: Option<Vec<Alternative>>,
}

/// A table that is free instead.
#[derive(ToSchema)]
pub(super) struct Alternative {
    #[schema(example = "T4")]
    table_id: String,
    area: String,
    capacity: u8,
    start_time: String,
}

/// Everything that is wrong with a request.
#[derive(ToSchema)]
pub(super) struct InvalidRequest {
    #[schema(example = "invalid_request")]
    code: String,
    status: u16,
    detail: Vec<FieldFault>,
}

/// One thing that is wrong with a request, as FastAPI tells it.
#[derive(ToSchema)]
pub(super) struct FieldFault {
    #[schema(example = json!(["body", "contact_info", "email"]))]
    loc: Vec<String>,
    #[schema(example = "Field required")]
    msg: String,
    #[schema(example = "missing")]
    r#type: String,
}

/// What every command answers.
#[derive(IntoResponses)]
#[expect(clippy::large_enum_variant, reason = "described, never made")]
pub(super) enum CommandAnswers {
    /// The reservation as it is now
    #[response(status = 200)]
    Done(ReservationView),
    /// The body is not JSON
    #[response(status = 400, content_type = "application/problem+json")]
    Malformed(Problem),
    /// There is no such reservation
    #[response(status = 404, content_type = "application/problem+json")]
    Unknown(Problem),
    /// A house rule said no; `code` says which
    #[response(status = 409, content_type = "application/problem+json")]
    Refused(Problem),
    /// `If-Match` names an old version
    #[response(status = 412, content_type = "application/problem+json")]
    Stale(Problem),
    /// The body is too large
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Problem),
    /// The body is of another type
    #[response(status = 415, content_type = "application/problem+json")]
    OtherType(Problem),
    /// Every fault of the request
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(InvalidRequest),
    /// The queue or the disk is full; `Retry-After` says when to try again
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem),
}
