//! Why a command led to nothing.

use events::event::ReservationCreated;
use events::store::AppendError;
use events::values::{PartySize, TimeWindow};
use events::{ReservationId, TableId, VenueId, WaitlistId};

use super::ATTEMPTS_MAX;
use crate::domain::{Command, Refusal, Reservation};
use crate::record::Submission;
use crate::stream::StreamError;

/// Why a command led to nothing.
#[derive(Debug, thiserror::Error)]
pub enum HandleError {
    /// There is no such reservation.
    #[error("there is no reservation {0}")]
    NotFound(ReservationId),
    /// There is no such party.
    #[error("no party {0} waits")]
    NobodyWaits(WaitlistId),
    /// The file of the venue is gone.
    #[error("the venue {0} is not kept any more")]
    NoVenue(VenueId),
    /// A house rule said no.
    #[error("{refusal}")]
    Refused {
        /// Which one.
        refusal: Refusal,
        /// What it said no to.
        refused: Box<Refused>,
    },
    /// The caller has not seen the latest version.
    #[error("it has version {current}")]
    Stale {
        /// The version it has.
        current: u64,
    },
    /// The Idempotency-Key belongs to another request.
    #[error("the Idempotency-Key was used for another request")]
    KeyReused,
    /// Others were faster, again and again.
    #[error("what it was decided by changed {ATTEMPTS_MAX} times meanwhile")]
    Contended,
    /// The log took nothing.
    #[error("could not append to the log")]
    Append(#[source] AppendError),
    /// The log gave nothing.
    #[error("could not read what it is about")]
    Load(#[from] StreamError),
    /// An event could not be written down.
    #[error("could not write an event down")]
    Encode(#[from] serde_json::Error),
}

/// What a house rule said no to.
#[derive(Debug, Clone)]
pub struct Refused {
    /// At which venue.
    pub venue_id: VenueId,
    /// When the party wanted to come.
    pub window: TimeWindow,
    /// With how many.
    pub size: PartySize,
    /// Where it wanted to sit, if that mattered.
    pub area: Option<String>,
    /// Whether it stands in the door.
    pub walks_in: bool,
    /// The reservation that it was about, with the word of its status; none when one was asked for.
    pub reservation: Option<(ReservationId, &'static str)>,
    /// The tables that the party has and keeps if it can.
    pub keeps: Vec<TableId>,
    /// Whether no other time would do.
    pub only_then: bool,
}

impl Submission {
    /// Whether the caller has seen the version that is `current`, if it said what it has seen.
    pub(super) fn has_seen(&self, current: u64) -> Result<(), HandleError> {
        match self.if_match.as_ref().is_some_and(|seen| !seen.contains(&current)) {
            true => Err(HandleError::Stale { current }),
            false => Ok(()),
        }
    }
}

/// The refusal as an error, counted.
pub(super) fn refused(refusal: Refusal, refused: Refused) -> HandleError {
    metrics::counter!("meja_conflicts_total", "reason" => refusal.code()).increment(1);
    HandleError::Refused { refusal, refused: Box::new(refused) }
}

impl Refused {
    /// What `created` wanted.
    pub(super) fn booking(created: &ReservationCreated) -> Self {
        Self {
            venue_id: created.venue_id.clone(),
            window: created.window,
            size: created.party_size,
            area: created.area.clone(),
            walks_in: created.walk_in,
            reservation: None,
            keeps: Vec::new(),
            only_then: false,
        }
    }

    /// What `command` wanted of `reservation`.
    pub(super) fn by(reservation: &Reservation, command: &Command) -> Self {
        let mut refused = Self::booking(&reservation.booking);
        refused.reservation = Some((reservation.id, reservation.status.word()));
        let wished = match command {
            Command::Reschedule { window, area } => {
                refused.window = *window;
                refused.keeps = reservation.tables.iter().map(|table| table.table_id.clone()).collect();
                area
            }
            Command::ChangePartySize { size, area } => {
                (refused.size, refused.only_then) = (*size, true);
                area
            }
            _ => &None,
        };
        refused.area = wished.clone().or(refused.area);
        refused
    }
}
