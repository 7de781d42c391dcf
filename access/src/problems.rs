//! Why a request is not admitted, as a problem.

use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use chassis::problem::Problem;

use crate::caller::Denied;
use crate::door::Turned;
use crate::sign_in::SignInError;

/// For the header `WWW-Authenticate`, as RFC 9470 defines it: the identity must be proved again.
const STEP_UP: &str = r#"Bearer error="insufficient_user_authentication", max_age=300"#;

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Ended => Self::credential_invalid(),
            Denied::Hidden => Self::not_found("There is nothing with this id that this credential may use."),
            Denied::Venue => Self::venue_missing(),
            Denied::Outlived(end) => Self::credential_outlived(end),
            Denied::Scope(scope) => Self::scope_missing(scope.word()),
            Denied::Stale => Self::new(
                StatusCode::UNAUTHORIZED,
                "proof_required",
                "This request requires that you have proved who you are within the last five minutes. Send your password to POST /api/sessions/current/proof, then repeat the request.",
            )
            .header(WWW_AUTHENTICATE, HeaderValue::from_static(STEP_UP)),
        }
    }
}

impl From<SignInError> for Problem {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Wrong => unproved(
                "sign_in_failed",
                "The e-mail address, the password, the code or the PIN is wrong. Check it and try again. A forgotten password is reset with POST /api/password-resets.",
            ),
            SignInError::CodeRequired => unproved(
                "code_required",
                "The password is right. Repeat the request with the current code of the authenticator app as code, or with a recovery code.",
            ),
            SignInError::Delayed { seconds } => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_attempts",
                format!(
                    "There were too many failed attempts. Try again in {seconds} s, or ask for a link with POST /api/password-resets."
                ),
            )
            .header(RETRY_AFTER, HeaderValue::from(seconds)),
            SignInError::Busy => Self::unavailable(
                "sign_in_busy",
                "Too many attempts to sign in are waiting. Try again.",
                1,
            ),
        }
    }
}

impl From<Turned> for Problem {
    fn from(turned: Turned) -> Self {
        match turned {
            Turned::Invalid => Self::credential_invalid(),
            Turned::Unchecked => Self::unavailable(
                "credential_unchecked",
                "The service cannot check whether the credential was revoked, because the reservation service or the database of its log does not respond. Nothing was done; try again.",
                5,
            ),
            Turned::NotApproved(SignInError::Wrong) => unproved(
                "approval_failed",
                "The header Meja-Approval does not approve this request. It contains the id of a person, a space and the PIN of that person, and counts on a device at the stand of a venue where the person has a role.",
            ),
            Turned::NotApproved(error) => error.into(),
        }
    }
}

/// The problem of a request whose sender has not proved an identity.
fn unproved(code: &str, detail: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, code, detail)
        .header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
}

/// The problem of a request that a page of another site sent with the cookies of a person.
#[must_use]
pub(crate) fn cross_site() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "cross_site",
        "A page of another site sent this request with your cookies. Send it from a page of this site.",
    )
}

/// The problem of a request with a credential of another kind than the operation takes.
pub(crate) fn wrong_kind(needed: &str) -> Problem {
    let detail = format!("This request requires {needed}. Send that credential instead.");
    Problem::new(StatusCode::FORBIDDEN, "wrong_credential", detail)
}
