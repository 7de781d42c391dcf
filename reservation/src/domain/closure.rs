//! The aggregate of a closure: declared, perhaps with the order to cancel its bookings, perhaps lifted.

use chrono::{DateTime, NaiveDate, Utc};
use events::event::{CancellationsOrdered, ClosureLifted, Event, VenueClosed};
use events::{ClosureId, ReservationId, TableId, VenueId};

use super::availability::{ClosedPart, Closures};
use super::recorded_at::RecordedAt;
use super::venue::Venue;

/// Maximum number of closures of a venue that are in force and not over.
pub const CLOSURES_MAX: usize = 200;

/// Maximum number of business days of a closure.
pub const CLOSURE_DAYS_MAX: u32 = 366;

/// Maximum number of affected bookings named in the event.
const STRANDED_NAMED_MAX: usize = 100;

/// A request to close a venue or a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosureRequest {
    /// The first business day.
    pub from: NaiveDate,
    /// The last business day.
    pub to: NaiveDate,
    /// The name of the service that is closed; all of them if `None`.
    pub service: Option<String>,
    /// The areas that are closed. Without areas and tables everything is.
    pub areas: Vec<String>,
    /// The tables that are closed, besides those of the areas.
    pub tables: Vec<TableId>,
    /// The reason as a stable code.
    pub reason_code: String,
}

/// A closure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closure {
    /// The id.
    pub id: ClosureId,
    /// What is closed, when and why.
    pub request: ClosureRequest,
    /// Where and when it was declared.
    pub declared: RecordedAt,
    /// When a person ordered that its bookings are cancelled.
    pub cancelling_since: Option<DateTime<Utc>>,
    /// When it was lifted.
    pub lifted_at: Option<DateTime<Utc>>,
    /// Number of its events.
    pub version: u64,
}

/// Why a command about a closure is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClosureRefusal {
    /// The venue has no booking rules.
    #[error(
        "This venue is managed by hand: it has no services that could be closed. Refuse the bookings for that time instead."
    )]
    ManagedByHand,
    /// There are as many closures as there can be.
    #[error(
        "The venue already has {CLOSURES_MAX} closures. Lift those that are not needed, or change the rules of the venue."
    )]
    TooMany,
    /// The closure was lifted.
    #[error("The closure was lifted. Declare another one to close that time again.")]
    Lifted,
}

impl ClosureRefusal {
    /// The reason as a stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::ManagedByHand => "kept_by_hand",
            Self::TooMany => "too_many_closures",
            Self::Lifted => "closure_lifted",
        }
    }
}

impl ClosureRequest {
    /// The closure `id`, as far as seating decisions depend on it.
    #[must_use]
    pub fn part(&self, id: ClosureId, declared_at: events::Position) -> ClosedPart {
        let Self { service, areas, tables, .. } = self.clone();
        ClosedPart { id, since: declared_at, service, areas, tables }
    }

    /// The event that `venue` closes. `in_force` is the number of its closures that are in force and not over, and `affected`
    /// are the bookings under the new one, the earliest first.
    ///
    /// # Errors
    /// Why the venue cannot be closed.
    pub fn declare(
        self,
        id: ClosureId,
        venue: &Venue,
        in_force: usize,
        affected: &[ReservationId],
    ) -> Result<VenueClosed, ClosureRefusal> {
        if venue.rules.is_none() {
            return Err(ClosureRefusal::ManagedByHand);
        }
        if in_force >= CLOSURES_MAX {
            return Err(ClosureRefusal::TooMany);
        }
        let Self { from, to, service, areas, tables, reason_code } = self;
        Ok(VenueClosed {
            venue_id: venue.id.clone(),
            closure_id: id,
            from,
            to,
            service,
            areas,
            tables,
            reason_code,
            stranded: affected.iter().take(STRANDED_NAMED_MAX).copied().collect(),
            stranded_count: u32::try_from(affected.len()).unwrap_or(u32::MAX),
        })
    }
}

impl Closure {
    /// Creates a closure from its first event.
    #[must_use]
    pub fn begin(closed: VenueClosed, declared: RecordedAt) -> Self {
        let VenueClosed { closure_id, from, to, service, areas, tables, reason_code, .. } = closed;
        let request = ClosureRequest { from, to, service, areas, tables, reason_code };
        Self { id: closure_id, request, declared, cancelling_since: None, lifted_at: None, version: 1 }
    }

    /// Applies one later event.
    pub fn evolve(&mut self, event: &Event, at: DateTime<Utc>) {
        match event {
            Event::CancellationsOrdered(_) => self.cancelling_since = Some(at),
            Event::ClosureLifted(_) => self.lifted_at = Some(at),
            _ => return,
        }
        self.version += 1;
    }

    /// The event that `affected` bookings under it are to be cancelled; none if that was ordered already.
    ///
    /// # Errors
    /// [`ClosureRefusal::Lifted`].
    pub fn cancel_affected(
        &self,
        venue_id: &VenueId,
        affected: usize,
    ) -> Result<Option<Event>, ClosureRefusal> {
        if self.lifted_at.is_some() {
            return Err(ClosureRefusal::Lifted);
        }
        let stranded_count = u32::try_from(affected).unwrap_or(u32::MAX);
        let ordered =
            CancellationsOrdered { venue_id: venue_id.clone(), closure_id: self.id, stranded_count };
        Ok(self.cancelling_since.is_none().then(|| ordered.into()))
    }

    /// The event that it is lifted; none if it was lifted already.
    #[must_use]
    pub fn lift(&self, venue_id: &VenueId) -> Option<Event> {
        let lifted = ClosureLifted { venue_id: venue_id.clone(), closure_id: self.id };
        self.lifted_at.is_none().then(|| lifted.into())
    }

    /// Whether it is in force and has bookings to cancel.
    #[must_use]
    pub fn is_cancelling(&self) -> bool {
        self.cancelling_since.is_some() && self.lifted_at.is_none()
    }

    /// The closures that are in force, as far as seating decisions depend on them.
    pub fn in_force<'a>(all: impl Iterator<Item = &'a Self>) -> Closures {
        let mut closures = Closures::default();
        for closure in all.filter(|closure| closure.lifted_at.is_none()) {
            let request = &closure.request;
            closures.add(request.part(closure.id, closure.declared.position), request.from, request.to);
        }
        closures
    }
}
