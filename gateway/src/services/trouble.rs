//! Why a call has no answer to show.

use contract::problem::Alternative;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// Why a call has no answer to show.
#[derive(Debug, Clone)]
pub(crate) enum Trouble {
    /// The service refused it.
    Refused(Refusal),
    /// The service did not answer. A change may have happened.
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
    /// Seconds after which another attempt can succeed.
    pub(crate) retry_after: Option<u64>,
}

impl Trouble {
    pub(super) fn of(status: &Status) -> Self {
        let details = status.get_error_details();
        let Some(info) = details.error_info() else {
            tracing::warn!(code = ?status.code(), message = status.message(), "a service did not answer a call");
            return Self::Unanswered;
        };
        // The outcome of such a call is unknown, although the service itself says so.
        if status.code() == Code::DeadlineExceeded {
            return Self::Unanswered;
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
        let retry = details.retry_info().and_then(|retry| retry.retry_delay);
        Self::Refused(Refusal {
            code: info.reason.clone(),
            fields: violations.into_iter().flatten().map(|violation| violation.field.clone()).collect(),
            alternatives: alternatives.into_iter().flatten().filter_map(time).collect(),
            retry_after: retry.map(|delay| delay.as_secs().max(1)),
        })
    }

    /// The code of the refusal; empty if there was no answer.
    pub(crate) fn code(&self) -> &str {
        match self {
            Self::Refused(refusal) => &refusal.code,
            Self::Unanswered => "",
        }
    }
}
