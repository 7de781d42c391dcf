//! Kinds of problems of requests that are too large, too many or too early for the service: from 413. Part of [`super`].

use super::{Kind, kind};

pub(super) const MACHINE: &[Kind] = &[
    kind("body_too_large", 413, "The body is larger than 64 KiB.", "Send less."),
    kind(
        "unsupported_media_type",
        415,
        "The body has another media type, charset or encoding.",
        "Send JSON in UTF-8 without a Content-Encoding.",
    ),
    kind(
        "foreign_host",
        421,
        "The request names a host under which the service does not answer.",
        "Use the name of the service in the URL, or add the name to `MEJA_HOSTS`.",
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
        "rate_limited",
        429,
        "The client has sent as many requests as a limit admits.",
        "Wait as long as `Retry-After` says. The fields `RateLimit-Policy` and `RateLimit` name the limit.",
    ),
    kind(
        "too_many_attempts",
        429,
        "There were too many failed attempts to sign in.",
        "Wait as long as `Retry-After` says, or reset the password.",
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
    kind(
        "unanswered",
        502,
        "The service did not answer, and the outcome of the request is unknown.",
        "Read the resource, or repeat the request with its Idempotency-Key.",
    ),
    kind("busy", 503, "Another request of this kind is under way.", "Try again after `Retry-After`."),
    kind(
        "credential_unchecked",
        503,
        "The notifier cannot check the credential, because it does not reach the reservation service.",
        "Try again after the number of seconds in the header Retry-After.",
    ),
    kind(
        "disk_full",
        503,
        "The service cannot store new events. Nothing was done.",
        "Try again later; an operator has to free space.",
    ),
    kind(
        "gateway_busy",
        503,
        "The gateway has as many requests in progress as its limit admits. Nothing was done.",
        "Try again after `Retry-After`.",
    ),
    kind(
        "log_full",
        503,
        "The log has reached its maximum number of events. Nothing was done.",
        "Contact the operator.",
    ),
    kind(
        "no_checkpoint",
        503,
        "The log is not signed at the moment.",
        "Try again in a minute; if it stays so, the operator finds the reason in the log of the process.",
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
    kind(
        "service_down",
        503,
        "The gateway could not reach the service. Nothing was done.",
        "Try again after `Retry-After`.",
    ),
    kind("sign_in_busy", 503, "Too many attempts to sign in are waiting.", "Try again."),
    kind("stopping", 503, "The service is stopping.", "Try again after `Retry-After`."),
    kind("stuck", 503, "The feed cannot be continued without an operator.", "See the manual of operations."),
    kind(
        "too_many_connections",
        503,
        "There are too many connections.",
        "Try again, and use one connection for several requests.",
    ),
    kind(
        "too_many_waiting",
        503,
        "Too many requests are waiting for events.",
        "Try again after `Retry-After`, or ask without waiting: `timeout=0`.",
    ),
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
