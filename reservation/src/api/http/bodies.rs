//! The bodies of requests and errors, as `/openapi.json` describes them.
//!
//! `request` reads bodies field by field to report all faults at once. A test sends every example and every
//! field in this file through it.
#![expect(dead_code, reason = "only descriptions; bodies are read as forms")]

use utoipa::{IntoResponses, ToSchema};

use crate::app::queries::reservation_view::ReservationView;

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
    #[schema(minimum = 15, maximum = 480, default = 90)]
    duration_minutes: Option<u32>,
    #[schema(minimum = 1, maximum = 50, default = 2)]
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
    #[schema(max_length = 64, default = "walk-in")]
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
    #[schema(minimum = 1, maximum = 50, default = 2)]
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

/// An error, RFC 9457.
#[derive(ToSchema)]
pub(super) struct Problem {
    #[schema(example = "/problems/table_taken")]
    r#type: String,
    #[schema(example = "Conflict")]
    title: String,
    #[schema(example = 409)]
    status: u16,
    /// A stable code for programs.
    #[schema(example = "table_taken")]
    code: String,
    /// A description; for 422 a list of faults.
    #[schema(example = "Table T3 is taken at that time. Choose another table or another time.")]
    detail: String,
    /// Tables that are free at that time, if that helps.
    alternatives: Option<Vec<Alternative>>,
}

/// A free table.
#[derive(ToSchema)]
pub(super) struct Alternative {
    #[schema(example = "T4")]
    table_id: String,
    area: String,
    capacity: u8,
    start_time: String,
}

/// All faults of a request.
#[derive(ToSchema)]
pub(super) struct InvalidRequest {
    #[schema(example = "invalid_request")]
    code: String,
    status: u16,
    detail: Vec<FieldFault>,
}

/// A fault of a request, in the format of FastAPI.
#[derive(ToSchema)]
pub(super) struct FieldFault {
    #[schema(example = json!(["body", "contact_info", "email"]))]
    loc: Vec<String>,
    #[schema(example = "Field required")]
    msg: String,
    #[schema(example = "missing")]
    r#type: String,
}

/// The responses to commands.
#[derive(IntoResponses)]
#[expect(clippy::large_enum_variant, reason = "only a description")]
pub(super) enum CommandResponses {
    /// The current state of the reservation
    #[response(status = 200)]
    Done(ReservationView),
    /// The body is not JSON
    #[response(status = 400, content_type = "application/problem+json")]
    Malformed(Problem),
    /// The reservation does not exist
    #[response(status = 404, content_type = "application/problem+json")]
    Unknown(Problem),
    /// A business rule refused the command; `code` names it
    #[response(status = 409, content_type = "application/problem+json")]
    Refused(Problem),
    /// `If-Match` contains an outdated version
    #[response(status = 412, content_type = "application/problem+json")]
    Stale(Problem),
    /// The body is too large
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Problem),
    /// The body has another media type
    #[response(status = 415, content_type = "application/problem+json")]
    OtherType(Problem),
    /// All faults of the request
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(InvalidRequest),
    /// The queue or the disk is full; `Retry-After` contains the time to wait in seconds
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem),
}
