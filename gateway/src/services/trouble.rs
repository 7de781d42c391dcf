//! Why a call has no answer to show.

use contract::problem::Alternative;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// Why a call has no answer to show.
#[derive(Debug, Clone)]
pub(crate) enum Trouble {
    /// The service refused it: the same call is refused again.
    Refused(Refusal),
    /// A limit is used up: nothing was done, and the same call can succeed later.
    NotNow {
        /// Seconds until then.
        retry_after: u64,
    },
    /// The outcome is unknown: the service did not answer, or failed.
    Unanswered,
}

/// A refusal.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    /// The stable code.
    pub(crate) code: String,
    /// The fields with faults.
    pub(crate) fields: Vec<String>,
    /// Times that are free instead, RFC 3339.
    pub(crate) alternatives: Vec<String>,
}

impl Trouble {
    /// The trouble that `status` means. Only a status that says so is a refusal: a service that fails or stops may have done
    /// what was asked.
    pub(super) fn of(status: &Status) -> Self {
        let details = status.get_error_details();
        let Some(info) = details.error_info() else { return Self::Unanswered };
        match status.code() {
            Code::InvalidArgument
            | Code::NotFound
            | Code::FailedPrecondition
            | Code::Aborted
            | Code::PermissionDenied
            | Code::Unauthenticated => {}
            Code::ResourceExhausted => {
                let delay = details.retry_info().and_then(|retry| retry.retry_delay);
                return Self::NotNow { retry_after: delay.map_or(1, |delay| delay.as_secs().max(1)) };
            }
            _ => return Self::Unanswered,
        }
        let violations = details.bad_request().map(|bad| bad.field_violations.iter());
        let alternatives = info.metadata.get("alternatives");
        let alternatives = alternatives.and_then(|json| serde_json::from_str::<Vec<Alternative>>(json).ok());
        let time = |alternative| match alternative {
            Alternative::Time(time) => {
                serde_json::to_value(time.start_time).ok()?.as_str().map(str::to_owned)
            }
            Alternative::Table(_) => None,
        };
        Self::Refused(Refusal {
            code: info.reason.clone(),
            fields: violations.into_iter().flatten().map(|violation| violation.field.clone()).collect(),
            alternatives: alternatives.into_iter().flatten().filter_map(time).collect(),
        })
    }

    /// The trouble after an attempt of the same call that was not answered: only a success or a refusal tells what became of
    /// that one.
    pub(super) fn after_unanswered(self) -> Self {
        match self {
            // The first attempt arrived with another message, so that its outcome is not the one of this call.
            Self::Refused(refusal) if refusal.code == "idempotency_key_reused" => Self::Unanswered,
            Self::NotNow { .. } => Self::Unanswered,
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    #[test]
    fn only_a_refusal_says_that_nothing_was_done() {
        let of = |code, reason: &str| {
            let details = ErrorDetails::with_error_info(
                reason,
                "meja",
                [].into_iter().collect::<std::collections::HashMap<_, _>>(),
            );
            Trouble::of(&Status::with_error_details(code, "", details))
        };
        let refused = of(Code::FailedPrecondition, "no_table");
        assert!(matches!(refused, Trouble::Refused(refusal) if refusal.code == "no_table"));
        for (code, reason) in [
            (Code::Unavailable, "stopping"),
            (Code::Internal, "internal_error"),
            (Code::DeadlineExceeded, "timeout"),
        ] {
            assert!(matches!(of(code, reason), Trouble::Unanswered), "{reason}");
        }
        assert!(matches!(Trouble::of(&Status::unavailable("tcp connect error")), Trouble::Unanswered));
        let limited = of(Code::ResourceExhausted, "rate_limited");
        assert!(matches!(limited, Trouble::NotNow { retry_after: 1 }));
        assert!(
            matches!(limited.after_unanswered(), Trouble::Unanswered),
            "the first attempt may have succeeded"
        );
    }
}
