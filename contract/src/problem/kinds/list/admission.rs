//! Kinds of problems of requests that are malformed or not admitted: 400 to 403. Part of [`super`].

use super::{Kind, kind};

pub(super) const ADMISSION: &[Kind] = &[
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
        "repeated_header",
        400,
        "The request has several lines of a header that counts only once: `Host` or `Idempotency-Key`.",
        "Send one line.",
    ),
    kind(
        "approval_failed",
        401,
        "The header `Meja-Approval` does not approve the request.",
        "Send the id of a person with a role at the venue, a space and the PIN, on a device at the stand.",
    ),
    kind(
        "bad_signature",
        401,
        "The signature of a webhook does not match its body.",
        "Check the signing secret.",
    ),
    kind(
        "code_over",
        401,
        "The code of a device is wrong, was used, or its time is over.",
        "Ask for another one.",
    ),
    kind(
        "code_required",
        401,
        "The password is right, and a code of the authenticator app is needed too.",
        "Repeat the request with the code.",
    ),
    kind(
        "credential_invalid",
        401,
        "The credential is unknown or damaged, was revoked, or has expired.",
        "Send another one, or none if the operation needs none.",
    ),
    kind(
        "credential_required",
        401,
        "The request has no credential.",
        "Send one as `Authorization: Bearer …`.",
    ),
    kind("no_signature", 401, "A webhook has no signature.", "Check the sender of the webhook."),
    kind(
        "proof_required",
        401,
        "The operation requires a proof of identity from the last five minutes.",
        "Send the password to `POST /api/sessions/current/proof`, then repeat the request.",
    ),
    kind(
        "sign_in_failed",
        401,
        "The address, the password, the code or the PIN is wrong.",
        "Check them, or reset the password.",
    ),
    kind(
        "signature_out_of_time",
        401,
        "The signature of a webhook is older than five minutes.",
        "Check the clocks of both machines.",
    ),
    kind(
        "all_venues_required",
        403,
        "The operation concerns all venues, and the credential is limited to some.",
        "Ask an owner for a credential without a limit.",
    ),
    kind(
        "credential_outlived",
        403,
        "The credential ends before the key that it would grant.",
        "Set expires_at to the end of the credential or earlier, or present one that does not end.",
    ),
    kind(
        "cross_site",
        403,
        "A page of another site sent the request.",
        "Send it from a page of the same site.",
    ),
    kind(
        "scope_missing",
        403,
        "The credential does not have the scope that the operation needs.",
        "Ask an owner for a credential with that scope.",
    ),
    kind(
        "venue_missing",
        403,
        "The credential is limited to some venues, and the key would be valid for others.",
        "Name only venues of your own.",
    ),
    kind(
        "wrong_credential",
        403,
        "The operation needs a credential of another kind.",
        "Send the kind that the description of the operation names.",
    ),
];
