//! Problems as gRPC statuses: the same codes.

use std::collections::HashMap;
use std::time::Duration;

use axum::http::StatusCode;
use chassis::problem::Problem;
use serde_json::Value;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// The domain of the reasons.
const DOMAIN: &str = "meja";

/// The members of a problem that are no details of their own.
const PLAIN: [&str; 5] = ["type", "title", "status", "code", "detail"];

/// The status for `problem`. Its `google.rpc.ErrorInfo` has the code of the problem as its reason, and the other members as
/// metadata; `google.rpc.BadRequest` has the faults of fields, and `google.rpc.RetryInfo` when to try again.
#[must_use]
pub fn status_of(problem: &Problem) -> Status {
    let body = problem.to_json();
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let members = body.as_object().into_iter().flatten();
    let metadata: HashMap<String, String> = members
        .filter(|(name, _)| !PLAIN.contains(&&name[..]))
        .map(|(name, value)| (name.clone(), plain(value)))
        .collect();
    let mut details = ErrorDetails::with_error_info(text("code"), DOMAIN, metadata);
    if let Some(seconds) = problem.retry_after_seconds() {
        details.set_retry_info(Some(Duration::from_secs(seconds)));
    }
    let message = match &body["detail"] {
        Value::Array(faults) => {
            for fault in faults {
                details.add_bad_request_violation(field(&fault["loc"]), plain(&fault["msg"]));
            }
            let faults =
                faults.iter().map(|fault| format!("{}: {}", field(&fault["loc"]), plain(&fault["msg"])));
            faults.collect::<Vec<_>>().join("; ")
        }
        detail => plain(detail),
    };
    Status::with_error_details(code(problem.status(), &text("code")), message, details)
}

/// The stable code of a problem that `status` carries, if it carries one.
#[must_use]
pub fn code_of(status: &Status) -> Option<String> {
    status.get_details_error_info().map(|info| info.reason)
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The name of a field, without the part of the request that it is in: `contact_info.phone`.
fn field(loc: &Value) -> String {
    let names: Vec<_> = loc.as_array().into_iter().flatten().skip(1).map(plain).collect();
    names.join(".")
}

/// The code for an HTTP status, as `google.rpc.Code` relates them. A refusal that another request could avoid is
/// `FAILED_PRECONDITION`, and one that the same request could avoid after reading again is `ABORTED`.
fn code(status: StatusCode, code: &str) -> Code {
    match (status.as_u16(), code) {
        (401, _) => Code::Unauthenticated,
        (403 | 421, _) => Code::PermissionDenied,
        (404 | 410, _) => Code::NotFound,
        (405 | 501, _) => Code::Unimplemented,
        (409, "conflict" | "contended") | (412, _) => Code::Aborted,
        (409, _) => Code::FailedPrecondition,
        (429, _) => Code::ResourceExhausted,
        (502 | 503, _) => Code::Unavailable,
        (504, _) => Code::DeadlineExceeded,
        (400..=499, _) => Code::InvalidArgument,
        _ => Code::Internal,
    }
}

#[cfg(test)]
mod tests {
    use contract::fault::{Fault, Faults};

    use super::*;

    #[test]
    fn a_status_has_the_code_the_faults_and_the_time_of_a_problem() {
        let busy = status_of(&Problem::unavailable("views_behind", "Try again.", 3));
        assert_eq!((busy.code(), busy.message()), (Code::Unavailable, "Try again."));
        assert_eq!(code_of(&busy).as_deref(), Some("views_behind"));
        assert_eq!(busy.get_details_retry_info().unwrap().retry_delay, Some(Duration::from_secs(3)));

        let stale = Problem::new(StatusCode::PRECONDITION_FAILED, "version_mismatch", "Read it again.");
        let stale = status_of(&stale.with(|problem| problem.current_version = Some(4)));
        assert_eq!(stale.code(), Code::Aborted);
        assert_eq!(stale.get_details_error_info().unwrap().metadata["current_version"], "4");

        let fault = |loc: &[&str], msg: &str| Fault {
            loc: loc.iter().map(|&name| name.to_owned()).collect(),
            r#type: "value_error".into(),
            msg: msg.into(),
            input: None,
        };
        let faults = Faults(vec![
            fault(&["body", "party_size"], "too small"),
            fault(&["body", "contact_info", "phone"], "no"),
        ]);
        let invalid = status_of(&faults.into());
        assert_eq!(
            (invalid.code(), invalid.message()),
            (Code::InvalidArgument, "party_size: too small; contact_info.phone: no")
        );
        let violations = invalid.get_details_bad_request().unwrap().field_violations;
        let fields: Vec<_> = violations.iter().map(|violation| &violation.field[..]).collect();
        assert_eq!(fields, ["party_size", "contact_info.phone"]);
    }
}
