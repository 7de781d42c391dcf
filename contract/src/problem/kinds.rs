//! Every kind of problem: the pages to which the `type` of an error response refers.

use serde::Serialize;

use crate::request::requests;
use crate::values::Line;

requests! {
    /// The path of a kind of problem.
    path KindPath {
        /// The code.
        required code: Line<64>,
    }
}

/// A kind of problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Kind {
    /// The stable code.
    pub code: &'static str,
    /// The HTTP status of its responses.
    pub status: u16,
    /// What it means.
    pub meaning: &'static str,
    /// What the caller can do.
    pub remedy: &'static str,
}

/// The kind with this code.
#[must_use]
pub fn find(code: &str) -> Option<&'static Kind> {
    ALL.iter().find(|kind| kind.code == code)
}

const fn kind(code: &'static str, status: u16, meaning: &'static str, remedy: &'static str) -> Kind {
    Kind { code, status, meaning, remedy }
}

/// All kinds, by status, then by code.
pub const ALL: &[Kind] = &[
    kind(
        "body_incomplete",
        400,
        "The connection ended before the whole body arrived.",
        "Send the request again.",
    ),
    kind(
        "malformed_cursor",
        400,
        "The cursor is not the id of an event.",
        "Use the id of the last event that you have processed.",
    ),
    kind(
        "malformed_json",
        400,
        "The body is not JSON, or an object in it has two members with the same name.",
        "Correct the body.",
    ),
    kind("malformed_query", 400, "The query string cannot be decoded.", "Percent-encode it as UTF-8."),
    kind("malformed_request", 400, "The request is not HTTP/1.1.", "Use an HTTP client."),
    kind(
        "not_an_event",
        400,
        "The body of a webhook is not an event of its provider.",
        "Check the sender of the webhook.",
    ),
    kind(
        "bad_signature",
        401,
        "The signature of a webhook does not match its body.",
        "Check the signing secret.",
    ),
    kind(
        "credential_required",
        401,
        "The request has no credential, or one that is not valid.",
        "Send a valid one as `Authorization: Bearer …`.",
    ),
    kind("no_signature", 401, "A webhook has no signature.", "Check the sender of the webhook."),
    kind(
        "signature_out_of_time",
        401,
        "The signature of a webhook is older than five minutes.",
        "Check the clocks of both machines.",
    ),
    kind(
        "scope_missing",
        403,
        "The credential does not have the scope that the operation needs.",
        "Ask an owner for a credential with that scope.",
    ),
    kind(
        "no_webhook_secret",
        404,
        "The service has no secret for the webhooks of this provider.",
        "Set the signing secret.",
    ),
    kind("not_found", 404, "The resource does not exist.", "Check the path and the ids."),
    kind(
        "unknown_provider",
        404,
        "The payment provider is not configured.",
        "Use a configured provider, or configure it.",
    ),
    kind(
        "method_not_allowed",
        405,
        "The resource does not support the method.",
        "Use a method of the header Allow.",
    ),
    kind(
        "not_acceptable",
        406,
        "The service has no representation that the header Accept allows.",
        "Accept one of the media types in `detail`.",
    ),
    kind(
        "already_checked_in",
        409,
        "The party is checked in, so that only its tables can change.",
        "Complete the reservation when the party leaves.",
    ),
    kind(
        "already_waiting",
        409,
        "The phone number or e-mail address is already on the waitlist for that day.",
        "Leave the waitlist first to wait for another time.",
    ),
    kind("amount_mismatch", 409, "The reported amount differs from the requested one.", "Check the amount."),
    kind(
        "closed",
        409,
        "The restaurant takes no parties at that time.",
        "Choose a time of `GET /api/availability`.",
    ),
    kind("conflict", 409, "A concurrent change prevented the command. Nothing was done.", "Try again."),
    kind("contended", 409, "Concurrent changes kept preventing the command. Nothing was done.", "Try again."),
    kind(
        "cursor_not_in_log",
        409,
        "The event of the cursor is not in this log, which may have been replaced or restored.",
        "Compare your data with the log, then start again without a cursor.",
    ),
    kind(
        "deposit_changes",
        409,
        "The new party size needs a deposit that was not requested.",
        "Make a new booking for that size, and cancel this one.",
    ),
    kind("deposit_due", 409, "A deposit is due.", "Wait for the payment, or let staff waive it."),
    kind(
        "duplicate_booking",
        409,
        "The phone number or e-mail address already has a booking at that time.",
        "Change that booking, or let staff set `allow_duplicate`.",
    ),
    kind(
        "kept_by_hand",
        409,
        "The venue is managed by hand: it has no slots, walk-ins or waitlist.",
        "Request any time with `POST /api/reservations`.",
    ),
    kind(
        "left_waitlist",
        409,
        "The party has left the waitlist.",
        "Join it again, or book a time that is free.",
    ),
    kind(
        "no_table",
        409,
        "No suitable table is free for the whole visit.",
        "Choose another time or area, or join the waitlist.",
    ),
    kind("not_checked_in", 409, "The party is not checked in.", "Check it in first."),
    kind("not_confirmed", 409, "The reservation is not confirmed.", "Confirm it first, or cancel it."),
    kind("not_dead", 409, "Only a dead letter can be retried or discarded.", "Read the effect again."),
    kind(
        "not_refundable",
        409,
        "The amount exceeds the part of the payment that can still be refunded.",
        "Refund at most `refundable_minor`.",
    ),
    kind("not_started", 409, "The reservation has not started.", "Record a no-show after its start."),
    kind(
        "nothing_offered",
        409,
        "There is no offer for this party.",
        "Wait for the message, or read the entry again.",
    ),
    kind(
        "offer_expired",
        409,
        "The offer has expired and went to the next party.",
        "Join the waitlist again, or choose another time.",
    ),
    kind(
        "offer_taken",
        409,
        "The offer was accepted and became a reservation.",
        "Cancel that reservation instead.",
    ),
    kind(
        "offer_withdrawn",
        409,
        "The restaurant changed its hours or tables and withdrew the offer.",
        "Read the entry again: the party is still waiting.",
    ),
    kind("pacing", 409, "Too many guests arrive at that time already.", "Choose another time."),
    kind(
        "party_too_large",
        409,
        "No table or combination of tables seats that many guests.",
        "Ask for another area, or split the party.",
    ),
    kind(
        "provider_gone",
        409,
        "A payment belongs to a provider that is no longer configured.",
        "Configure the provider.",
    ),
    kind(
        "refund_exceeds_payment",
        409,
        "The reported refund exceeds what is left of the payment.",
        "Check the amount.",
    ),
    kind(
        "refund_is_dead",
        409,
        "An earlier refund of the payment is a dead letter.",
        "Retry or discard it first.",
    ),
    kind("reservation_cancelled", 409, "The reservation is cancelled.", "Make a new booking."),
    kind(
        "reservation_completed",
        409,
        "The party has left, and the reservation is completed.",
        "Make a new booking.",
    ),
    kind(
        "reservation_no_show",
        409,
        "The party never arrived, and the reservation is a no-show.",
        "Make a new booking.",
    ),
    kind(
        "table_taken",
        409,
        "Another party has the table for a part of the visit.",
        "Assign another table, or choose another time.",
    ),
    kind(
        "table_too_small",
        409,
        "The table has fewer seats than the party has guests.",
        "Assign a larger table.",
    ),
    kind(
        "too_early",
        409,
        "The visit is on a later business day.",
        "Check the party in on that day, or move the reservation.",
    ),
    kind(
        "too_late",
        409,
        "It is too late to book that time.",
        "Choose a later time, or come without a booking.",
    ),
    kind(
        "too_soon",
        409,
        "The restaurant does not take bookings that far in advance.",
        "Choose an earlier date, or try again later.",
    ),
    kind("unknown_payment", 409, "The reservation never requested that payment.", "Check the payment id."),
    kind("venue_gone", 409, "The venue no longer exists.", "Choose another one."),
    kind(
        "waitlist_full",
        409,
        "The waitlist has reached its maximum length.",
        "Try again later, or book a time that is free.",
    ),
    kind(
        "contact_erased",
        410,
        "The contact was erased, so that the guest cannot be reached.",
        "Do not ask again.",
    ),
    kind(
        "version_mismatch",
        412,
        "The resource has another version than `If-Match` requires. Nothing was done.",
        "Read it again, then decide.",
    ),
    kind("body_too_large", 413, "The body is larger than 64 KiB.", "Send less."),
    kind("uri_too_long", 414, "The URI is too long.", "Shorten the query."),
    kind(
        "unsupported_media_type",
        415,
        "The body has another media type, charset or encoding.",
        "Send JSON in UTF-8 without a Content-Encoding.",
    ),
    kind(
        "idempotency_key_reused",
        422,
        "The Idempotency-Key belongs to another request.",
        "Use a new key for a new request.",
    ),
    kind(
        "invalid_request",
        422,
        "The request has faults.",
        "Correct all faults in `detail`, and send it again.",
    ),
    kind(
        "headers_too_large",
        431,
        "The request has too many headers, or too large ones.",
        "Send fewer headers.",
    ),
    kind(
        "internal_error",
        500,
        "The service failed.",
        "Search its log output for the X-Request-Id of the response.",
    ),
    kind("busy", 503, "Another request of this kind is under way.", "Try again after `Retry-After`."),
    kind(
        "disk_full",
        503,
        "The service cannot store new events. Nothing was done.",
        "Try again later; an operator has to free space.",
    ),
    kind(
        "log_full",
        503,
        "The log has reached its maximum number of events. Nothing was done.",
        "Contact the operator.",
    ),
    kind(
        "overloaded",
        503,
        "Too many requests are waiting for the disk. Nothing was done.",
        "Try again after `Retry-After`.",
    ),
    kind(
        "provider_unavailable",
        503,
        "The payment provider is not available.",
        "Try again after `Retry-After`.",
    ),
    kind(
        "reservation_unavailable",
        503,
        "The reservation service did not respond.",
        "Read the resource again, then decide.",
    ),
    kind("stopping", 503, "The service is stopping.", "Try again after `Retry-After`."),
    kind("stuck", 503, "The feed cannot be continued without an operator.", "See the manual of operations."),
    kind(
        "unavailable",
        503,
        "The log cannot be written at the moment. Nothing was done.",
        "Try again after `Retry-After`.",
    ),
    kind("views_behind", 503, "The read models are behind the log.", "Try again after `Retry-After`."),
    kind(
        "timeout",
        504,
        "The request took too long, and its outcome is unknown.",
        "Read the resource, or repeat the request with its Idempotency-Key.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_listed_once_and_in_order() {
        for pair in ALL.windows(2) {
            let [before, after] = pair else { continue };
            assert!(
                (before.status, before.code) < (after.status, after.code),
                "{} {}",
                before.code,
                after.code
            );
            assert!(ALL.iter().filter(|other| other.code == after.code).count() == 1, "{}", after.code);
        }
    }
}
