//! Verifies the log of a running service: one verification at a time, with progress, and it can be cancelled.

use access::Caller;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use chassis::body::{parse_object, read_body};
use chassis::docs::Conflict;
use chassis::problem::Problem;
use chrono::{DateTime, Utc};
use contract::form::Form;
use contract::log::{CheckpointCompared, StartVerification, VerificationStatus, VerificationView, drafts};
use events::store::groups::Chain;
use events::store::{EventStore as _, ReadError};
use events::{LogId, Position};
use parking_lot::Mutex;
use proof::{Checkpoint, SignedCheckpoint};
use tokio::runtime::Handle;

use super::LogRoute;
use crate::checkpoints::Comparison;
use crate::conditions::Indexed;
use crate::examination::{Broken, Examination};

/// Number of groups after which the progress is published.
const GROUPS_PER_STEP: u64 = 64;

/// The verification of a log: the one that is under way, or the last one.
#[derive(Debug, Default)]
pub(super) struct Verification(Mutex<Option<Run>>);

#[derive(Debug)]
struct Run {
    view: VerificationView,
    is_cancelled: bool,
}

/// How an examination of the log ended.
enum End {
    /// At the position where it was to end, or at a fault behind which nothing means anything.
    Done {
        is_complete: bool,
    },
    Cancelled,
    Failed(String),
}

/// An examination under way. It ends as failed if it panics, so that another one can be started.
struct Running(LogRoute);

impl Drop for Running {
    fn drop(&mut self) {
        let LogRoute { verification, env, .. } = &self.0;
        verification.end(End::Failed("the verification ended by a fault of the service".into()), env.now());
    }
}

impl Verification {
    fn view(&self, log_id: LogId) -> VerificationView {
        self.0.lock().as_ref().map_or_else(|| nothing_yet(log_id), |run| run.view.clone())
    }

    /// Begins, unless one is under way.
    fn begin(&self, view: VerificationView) -> bool {
        let mut run = self.0.lock();
        let is_free = run.as_ref().is_none_or(|run| run.view.status != VerificationStatus::Running);
        if is_free {
            *run = Some(Run { view, is_cancelled: false });
        }
        is_free
    }

    fn cancel(&self) {
        if let Some(run) = self.0.lock().as_mut() {
            run.is_cancelled = true;
        }
    }

    /// Publishes what was examined so far. Returns whether it goes on.
    fn publish(&self, examined: &Examination<Indexed<'_>>) -> bool {
        let mut run = self.0.lock();
        let Some(run) = run.as_mut() else { return false };
        let (view, counted) = (&mut run.view, examined.counted);
        view.position = examined.chain.last().0;
        view.hash = examined.chain.hash_hex();
        view.groups = counted.groups;
        view.appends = counted.appends;
        view.private_parts = counted.private_parts;
        view.private_parts_proved = counted.private_proved;
        view.private_parts_forgotten = counted.forgotten;
        view.faults.clone_from(&examined.faults.first);
        view.faults_count = examined.faults.count;
        for (view, compared) in view.checkpoints.iter_mut().zip(&examined.checkpoints) {
            view.is_kept = compared.is_kept();
        }
        !run.is_cancelled
    }

    fn end(&self, end: End, at: DateTime<Utc>) {
        let mut run = self.0.lock();
        let Some(Run { view, .. }) = run.as_mut() else { return };
        if view.status != VerificationStatus::Running {
            return;
        }
        view.ended_at = Some(at);
        if matches!(end, End::Done { is_complete: true }) {
            // The log ended before it had everything that was signed.
            view.checkpoints.iter_mut().for_each(|checkpoint| _ = checkpoint.is_kept.get_or_insert(false));
        }
        view.status = match end {
            End::Done { .. } if view.faults_count == 0 => VerificationStatus::Valid,
            End::Done { .. } => VerificationStatus::Broken,
            End::Cancelled => VerificationStatus::Cancelled,
            End::Failed(error) => {
                view.error = Some(error);
                VerificationStatus::Failed
            }
        };
        let (position, head, faults) = (view.position, view.head, view.faults_count);
        match view.status {
            VerificationStatus::Valid => tracing::info!(position, "the log was verified"),
            VerificationStatus::Broken => {
                tracing::error!(position, faults, first = ?view.faults.first(), "the log is not valid");
            }
            _ => {
                tracing::warn!(position, head, error = ?view.error, "the verification of the log did not reach its end");
            }
        }
    }
}

fn nothing_yet(log_id: LogId) -> VerificationView {
    VerificationView {
        status: VerificationStatus::None,
        log_id,
        started_at: None,
        ended_at: None,
        by: None,
        head: 0,
        position: 0,
        hash: Chain::default().hash_hex(),
        groups: 0,
        appends: 0,
        private_parts: 0,
        private_parts_proved: 0,
        private_parts_forgotten: 0,
        checkpoints: Vec::new(),
        faults: Vec::new(),
        faults_count: 0,
        error: None,
    }
}

/// The verification of the log
///
/// The one that is under way, or the last one since the service started.
#[utoipa::path(get, path = "/api/log/verification", operation_id = "getVerification", tag = "operations",
    responses((status = 200, body = VerificationView)))]
pub(super) async fn get(State(route): State<LogRoute>) -> Json<VerificationView> {
    Json(route.verification.view(route.store.log_id()))
}

/// Verify the log
///
/// Reads the log from its beginning up to its current end, beside the requests of the service: the chain of its groups, the
/// condition of each append, positions and types of the events, the digests of confidential payloads, and signed
/// checkpoints. One verification at a time.
#[utoipa::path(post, path = "/api/log/verification", operation_id = "startVerification", tag = "operations",
    request_body(content = Option<StartVerification>, example = json!({})),
    responses((status = 202, description = "It is under way", body = VerificationView), Conflict))]
pub(super) async fn start(
    State(route): State<LogRoute>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let body = read_body(body).await?;
    let given = read(&route, Form::new(parse_object(&parts.headers, &body)?))?;
    // Read the checkpoint before the head, so that the head covers it.
    let newest = (route.newest)().map(|signed| signed.unverified().clone());
    let head = route.store.known_head();
    let all = newest.into_iter().map(|newest| (newest, false)).chain(given.map(|given| (given, true)));
    let (views, checkpoints) = all.map(compared).unzip();
    let view = VerificationView {
        status: VerificationStatus::Running,
        started_at: Some(route.env.now()),
        by: caller.actor.id,
        head: head.0,
        checkpoints: views,
        ..nothing_yet(route.store.log_id())
    };
    if !route.verification.begin(view.clone()) {
        let detail = "The log is being verified. Wait for the result, or cancel it.";
        return Err(Problem::new(StatusCode::CONFLICT, "already_verifying", detail));
    }
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || {
        let running = Running(route);
        let end = examine(&running.0, runtime, head, checkpoints);
        running.0.verification.end(end, running.0.env.now());
    });
    Ok((StatusCode::ACCEPTED, Json(view)).into_response())
}

/// Cancel the verification of the log
///
/// It stops at its next step. What it has found so far stays. Without one under way nothing changes.
#[utoipa::path(delete, path = "/api/log/verification", operation_id = "cancelVerification", tag = "operations",
    responses((status = 200, body = VerificationView)))]
pub(super) async fn cancel(State(route): State<LogRoute>) -> Json<VerificationView> {
    route.verification.cancel();
    get(State(route)).await
}

/// The checkpoint of the caller, which a key of the log must have signed.
fn read(route: &LogRoute, mut form: Form) -> Result<Option<Checkpoint>, Problem> {
    let draft = drafts::StartVerification::take(&mut form);
    let verified = draft.checkpoint.as_ref().and_then(|text| {
        let signed: Result<SignedCheckpoint, _> = text.as_str().parse();
        let found = signed.map_err(|error| error.to_string()).and_then(|signed| {
            let by = route.keys.iter().find_map(|key| signed.verify(key).ok().cloned());
            by.ok_or_else(|| "no key of this log has signed it".to_owned())
        });
        form.checked(&["checkpoint"], text.as_str(), found)
    });
    Ok(form.finish(Some(verified))?)
}

fn compared((checkpoint, is_from_caller): (Checkpoint, bool)) -> (CheckpointCompared, Comparison) {
    let view = CheckpointCompared { events: checkpoint.size, is_from_caller, is_kept: None };
    (view, Comparison::new(checkpoint, None))
}

/// Examines the log up to `head`.
fn examine(route: &LogRoute, runtime: Handle, head: Position, checkpoints: Vec<Comparison>) -> End {
    let mut examined = Examination::new(Indexed { store: &route.store, runtime }, checkpoints);
    let mut last = Position::START;
    while last < head {
        let found = route.store.stored_group(last.next()).map_err(Broken::Read).and_then(|group| {
            let group = group
                .ok_or(Broken::Read(ReadError::Damaged { at: last.next(), what: "a group is missing" }))?;
            examined.take(&group, route.catalogue.as_ref())?;
            Ok(group.last())
        });
        match found {
            Ok(position) => last = position,
            Err(Broken::Read(ReadError::Storage { at, source })) => {
                route.verification.publish(&examined);
                return End::Failed(format!("could not read the log at {at}: {source}"));
            }
            Err(Broken::Read(ReadError::Interrupted)) => return End::Cancelled,
            Err(broken @ (Broken::Read(ReadError::Damaged { .. }) | Broken::Chain(_))) => {
                examined.faults.push(broken.to_string());
                return finish(route, examined, false);
            }
        }
        let is_step = examined.counted.groups.is_multiple_of(GROUPS_PER_STEP);
        if route.shutdown.is_requested() || (is_step && !route.verification.publish(&examined)) {
            return End::Cancelled;
        }
    }
    finish(route, examined, true)
}

/// Publishes the result. A cancellation that arrives now is too late.
fn finish(route: &LogRoute, mut examined: Examination<Indexed<'_>>, is_complete: bool) -> End {
    examined.finish(Some(route.store.log_id()), is_complete);
    route.verification.publish(&examined);
    End::Done { is_complete }
}
