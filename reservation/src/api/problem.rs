//! The one place where an error of this service becomes an HTTP status.

use access::password::WeakSecret;
use access::registry::KEYS_MAX;
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderValue, StatusCode};
use chassis::problem::Problem;
use chrono_tz::Tz;
use contract::fault::Fault;
use contract::form::Form;
use contract::problem::{Alternative, AlternativeTable, AlternativeTime};
use events::store::notes::NotesError;
use events::store::{AppendError, ReadError};
use events::{DeviceId, ReservationId, StaffId, WaitlistId};

use crate::app::App;
use crate::app::access_refusal::AccessRefusal;
use crate::app::accounts::AccountError;
use crate::app::erasing::ErasureError;
use crate::app::executor::{self, Alternatives, CommandError, RefusedRequest};
use crate::app::log_tree::NoCheckpoint;
use crate::app::queries::receipt::NoReceipt;
use crate::app::queries::{FeedError, QueryError, local};
use crate::app::repository::RepositoryError;
use crate::domain::Refusal;
use crate::domain::availability::Table;

impl App {
    /// The problem for a command that appended nothing.
    pub(super) fn problem(&self, error: CommandError) -> Problem {
        match error {
            CommandError::UnknownReservation(id) => unknown_reservation(id),
            CommandError::UnknownWaitlistEntry(id) => unknown_waitlist_entry(id),
            CommandError::Refused { refusal: Refusal::ContactErased, .. } => contact_erased(),
            CommandError::Refused { refusal, request, alternatives } => {
                let venue = self.venues.get(Some(&request.venue_id));
                let zone = venue.map_or(Tz::UTC, |venue| venue.timezone);
                refused(&refusal, &request, &alternatives, zone)
            }
            CommandError::HiddenVenue(id) => Problem::not_found(format!("There is no venue {id}.")),
            CommandError::UnknownClosure(id) => Problem::not_found(format!("There is no closure {id}.")),
            CommandError::Closure(refusal) => {
                Problem::new(StatusCode::CONFLICT, refusal.code(), refusal.to_string())
            }
            CommandError::UnknownKey(id) => Problem::not_found(format!("There is no key {id}.")),
            CommandError::KeyEnded(id) => Problem::new(
                StatusCode::CONFLICT,
                "key_ended",
                format!("The key {id} was revoked or has expired. Create another one."),
            ),
            CommandError::TooManyKeys => Problem::new(
                StatusCode::CONFLICT,
                "too_many_keys",
                format!("There are already {KEYS_MAX} keys. Revoke those that are not used."),
            ),
            CommandError::Access(refusal) => refused_access(refusal),
            CommandError::Denied(denied) => denied.into(),
            CommandError::UnknownVenue(id) => Problem::new(
                StatusCode::CONFLICT,
                "venue_gone",
                format!("The venue {id} no longer exists. Choose another one."),
            ),
            CommandError::Stale { current } => Problem::new(
                StatusCode::PRECONDITION_FAILED,
                "version_mismatch",
                format!(
                    "The resource has changed; its version is now {current}. Read it again, then decide."
                ),
            )
            .with(|problem| problem.current_version = Some(current)),
            CommandError::KeyReused => Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency_key_reused",
                "This Idempotency-Key belongs to another request. Use a new key for a new request.",
            ),
            CommandError::Contended => Problem::new(
                StatusCode::CONFLICT,
                "contended",
                "Concurrent changes kept preventing the command. Nothing was done; try again.",
            ),
            CommandError::Append(error) => append_problem(&error),
            CommandError::Load(error) => repository_problem(&error),
            CommandError::Encode(error) => Problem::internal(&error),
        }
    }
}

impl App {
    /// The problem for an erasure that ended before everything was erased.
    pub(super) fn erasure_problem(&self, error: ErasureError) -> Problem {
        match error {
            ErasureError::Query(error) => error.into(),
            ErasureError::Command(error) => self.problem(error),
        }
    }

    /// The problem for a request about an account.
    pub(super) fn account_problem(&self, error: AccountError) -> Problem {
        match error {
            AccountError::SignIn(error) => error.into(),
            AccountError::Weak(weak) => {
                refused_secret(if weak == WeakSecret::Guessable { "password" } else { "pin" }, &weak)
            }
            AccountError::Code => refused_secret("code", &error),
            AccountError::Command(error) => self.problem(error),
        }
    }
}

/// 422 for a secret that the schema allows. The response does not contain it.
fn refused_secret(field: &str, error: &(dyn std::error::Error + 'static)) -> Problem {
    let mut form = Form::new(serde_json::Map::new());
    form.fault(field, "value_error", error, None);
    match form.finish(None::<()>) {
        Err(faults) => faults.into(),
        Ok(()) => Problem::internal(error),
    }
}

/// The problem for a refused change of accounts, sessions or devices.
fn refused_access(refusal: AccessRefusal) -> Problem {
    let status = match refusal {
        AccessRefusal::UnknownPerson(_)
        | AccessRefusal::UnknownDevice(_)
        | AccessRefusal::UnknownSession(_)
        | AccessRefusal::NoCalendar => StatusCode::NOT_FOUND,
        AccessRefusal::CodeOver => StatusCode::UNAUTHORIZED,
        AccessRefusal::LinkOver => StatusCode::GONE,
        AccessRefusal::AddressTaken
        | AccessRefusal::AlreadyJoined
        | AccessRefusal::NotJoined
        | AccessRefusal::ProofOver
        | AccessRefusal::NoTotp
        | AccessRefusal::TooManyStaff
        | AccessRefusal::TooManyDevices => StatusCode::CONFLICT,
    };
    let problem = Problem::new(status, refusal.code(), refusal.to_string());
    match status {
        StatusCode::UNAUTHORIZED => problem.header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
        _ => problem,
    }
}

fn refused(refusal: &Refusal, request: &RefusedRequest, alternatives: &Alternatives, zone: Tz) -> Problem {
    let problem = Problem::new(StatusCode::CONFLICT, refusal.code(), refusal.to_string());
    let problem = match request.reservation {
        Some((_, status)) => problem.with(|problem| problem.reservation_status = Some(status)),
        None => problem,
    };
    let local = |at| local(at, zone.name());
    match alternatives {
        Alternatives::None => problem,
        Alternatives::WaitMinutes(minutes) => {
            problem.with(|problem| problem.estimated_wait_minutes = *minutes)
        }
        Alternatives::Tables(tables) => {
            let start_time = local(request.window.start);
            let view = |table: &Table| {
                Alternative::Table(AlternativeTable {
                    table_id: table.id.clone(),
                    area: table.area.clone(),
                    capacity: table.seats,
                    start_time,
                })
            };
            problem.with(|problem| problem.alternatives = Some(tables.iter().map(view).collect()))
        }
        Alternatives::Times(times) => {
            let view = |time: &executor::AlternativeTime| {
                Alternative::Time(AlternativeTime {
                    start_time: local(time.window.start),
                    end_time: local(time.window.end),
                    area: time.area.clone(),
                    tables: time.tables.clone(),
                })
            };
            problem.with(|problem| problem.alternatives = Some(times.iter().map(view).collect()))
        }
    }
}

fn append_problem(error: &AppendError) -> Problem {
    match error {
        AppendError::Conflict { .. } => Problem::new(
            StatusCode::CONFLICT,
            "conflict",
            "A concurrent change prevented the command. Nothing was done; try again.",
        ),
        AppendError::Overloaded => Problem::unavailable(
            "overloaded",
            "Too many requests are waiting for the disk. Nothing was done; try again.",
            1,
        ),
        AppendError::Full => {
            tracing::error!(%error, "the log is full");
            Problem::unavailable(
                "log_full",
                "The log has reached its maximum number of events. Nothing was done; contact the operator.",
                3_600,
            )
        }
        AppendError::NoSpace { .. } => {
            tracing::error!(%error, "the disk is full");
            Problem::unavailable(
                "disk_full",
                "The service cannot store new events at the moment. Nothing was done; try again later.",
                30,
            )
        }
        AppendError::Unavailable { .. } => {
            tracing::error!(%error, "the log cannot be written");
            Problem::unavailable(
                "log_unavailable",
                "The log cannot be written at the moment. Nothing was done; try again.",
                5,
            )
        }
        AppendError::Closed => Problem::unavailable(
            "stopping",
            "The service is stopping. Try again; with an Idempotency-Key nothing is done twice.",
            1,
        ),
        AppendError::EventCount { .. } | AppendError::TooLarge { .. } => Problem::internal(error),
    }
}

fn repository_problem(error: &RepositoryError) -> Problem {
    match error {
        RepositoryError::Read(ReadError::Interrupted) => {
            Problem::unavailable("stopping", "The service is stopping. Try again.", 1)
        }
        RepositoryError::Read(ReadError::Storage { .. }) => {
            tracing::error!(error = error as &dyn std::error::Error, "the log cannot be read");
            let detail = "The log cannot be read at the moment. Nothing was done; try again.";
            Problem::unavailable("log_unavailable", detail, 5)
        }
        RepositoryError::Read(_)
        | RepositoryError::Parse { .. }
        | RepositoryError::Decode { .. }
        | RepositoryError::Rules { .. } => Problem::internal(error),
    }
}

/// The problem for a note beside the log that was not read or written.
pub(super) fn note_problem(error: &NotesError) -> Problem {
    match error.is_outage() {
        // The log reports that its database is away.
        true => {
            Problem::unavailable("log_unavailable", "The log cannot be used at the moment. Try again.", 5)
        }
        false => Problem::internal(error),
    }
}

/// The problem for a query without a result.
impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Read(error) => repository_problem(&error),
            QueryError::Payload(error) => Self::internal(&error),
            QueryError::UnknownReservation(id) => unknown_reservation(id),
            QueryError::PastTooLong => {
                let fault = format!("{error}: ask for fewer days");
                Fault::new("query", "as_of", "value_error", fault, None::<String>).into()
            }
            QueryError::Denied(denied) => denied.into(),
        }
    }
}

/// When a client may ask for a checkpoint again.
const NO_CHECKPOINT_RETRY_SECONDS: u32 = 60;

impl From<NoCheckpoint> for Problem {
    fn from(error: NoCheckpoint) -> Self {
        match error {
            NoCheckpoint::Read(error) => repository_problem(&error.into()),
            NoCheckpoint::NotSigned
            | NoCheckpoint::NotYet
            | NoCheckpoint::Unknown(_)
            | NoCheckpoint::Rewritten { .. } => Self::unavailable(
                "no_checkpoint",
                format!("There is no checkpoint: {error}."),
                NO_CHECKPOINT_RETRY_SECONDS,
            ),
            NoCheckpoint::Storage(_) | NoCheckpoint::Sign(_) => Self::internal(&error),
        }
    }
}

impl From<NoReceipt> for Problem {
    fn from(error: NoReceipt) -> Self {
        match error {
            NoReceipt::Query(error) => error.into(),
            NoReceipt::Checkpoint(error) => error.into(),
            NoReceipt::Shorter { size, since } => Self::new(
                StatusCode::CONFLICT,
                "checkpoint_not_in_log",
                format!(
                    "The log has {size} events, but the checkpoint has {since}. Compare the key in it with that of this log: if it is the same, the log has lost events."
                ),
            ),
        }
    }
}

impl App {
    /// The problem for a cursor from which the feed cannot be read.
    pub(super) fn feed_problem(&self, error: FeedError) -> Problem {
        match error {
            FeedError::UnknownCursor(cursor) => Problem::new(
                StatusCode::CONFLICT,
                events::feed::CURSOR_NOT_IN_LOG,
                format!("The event {cursor} is not in this log, which may have been replaced or restored. Do not continue from here: compare your data, then start again without lastEventId."),
            )
            .with(|problem| {
                problem.log_id = Some(self.store.log_id());
                problem.head = Some(self.store.known_head().0);
            }),
            FeedError::Read(error) => repository_problem(&error.into()),
            FeedError::NotReached(_) => {
                Problem::unavailable("position_not_reached", format!("{error}. Try again."), 1)
            }
            FeedError::TooManyWaiting => Problem::unavailable(
                "too_many_waiting",
                "Too many requests and streams are waiting for events. Try again, or ask without waiting: timeout=0.",
                1,
            ),
            FeedError::Denied(denied) => denied.into(),
        }
    }
}

/// A cursor that cannot be parsed is a malformed request, not an invalid value: HTTP Feeds.
pub(super) fn malformed_cursor(error: &events::ids::InvalidId) -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "malformed_cursor",
        format!("lastEventId: {error}. Use the id of an event."),
    )
}

pub(super) fn unknown_reservation(id: ReservationId) -> Problem {
    Problem::not_found(format!("There is no reservation {id}."))
}

pub(super) fn unknown_reservation_then(id: ReservationId) -> Problem {
    Problem::not_found(format!("There was no reservation {id} then."))
}

pub(super) fn unknown_waitlist_entry(id: WaitlistId) -> Problem {
    Problem::not_found(format!("There is no waitlist entry {id}."))
}

pub(super) fn contact_erased() -> Problem {
    Problem::new(
        StatusCode::GONE,
        "contact_erased",
        "The contact was erased, so the guest cannot be reached.",
    )
}

pub(super) fn managed_by_hand() -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        "kept_by_hand",
        "This venue is managed by hand: request any time with POST /api/reservations.",
    )
}

pub(super) fn unknown_person(id: StaffId) -> Problem {
    refused_access(AccessRefusal::UnknownPerson(id))
}

pub(super) fn unknown_device(id: DeviceId) -> Problem {
    refused_access(AccessRefusal::UnknownDevice(id))
}

pub(super) fn link_over() -> Problem {
    refused_access(AccessRefusal::LinkOver)
}

pub(super) fn code_over() -> Problem {
    refused_access(AccessRefusal::CodeOver)
}
