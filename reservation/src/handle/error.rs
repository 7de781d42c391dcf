//! Why a command led to nothing.

use events::store::AppendError;
use events::values::{PartySize, TimeWindow};
use events::{ReservationId, VenueId};

use super::ATTEMPTS_MAX;
use crate::domain::{Command, Refusal, Reservation};
use crate::stream::StreamError;

/// Why a command led to nothing.
#[derive(Debug, thiserror::Error)]
pub enum HandleError {
    /// There is no such reservation.
    #[error("there is no reservation {0}")]
    NotFound(ReservationId),
    /// A house rule said no.
    #[error("{refusal}")]
    Refused {
        /// Which one.
        refusal: Refusal,
        /// What it said no to.
        refused: Box<Refused>,
    },
    /// The caller has not seen the latest version.
    #[error("the reservation has version {current}")]
    Stale {
        /// The version it has.
        current: u64,
    },
    /// The Idempotency-Key belongs to another request.
    #[error("the Idempotency-Key was used for another request")]
    KeyReused,
    /// Others were faster, again and again.
    #[error("the reservation changed {ATTEMPTS_MAX} times while it was decided on")]
    Contended,
    /// The log took nothing.
    #[error("could not append to the log")]
    Append(#[source] AppendError),
    /// The log gave nothing.
    #[error("could not load the reservation")]
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
}

/// The refusal as an error, counted.
pub(super) fn refused(refusal: Refusal, refused: Refused) -> HandleError {
    metrics::counter!("meja_conflicts_total", "reason" => refusal.code()).increment(1);
    HandleError::Refused { refusal, refused: Box::new(refused) }
}

impl Refused {
    /// What `command` wanted of `reservation`.
    pub(super) fn by(reservation: &Reservation, command: &Command) -> Self {
        let (mut window, mut size) = (reservation.window(), reservation.party_size());
        match command {
            Command::Reschedule { window: to } => window = *to,
            Command::ChangePartySize { size: to } => size = *to,
            _ => {}
        }
        let (venue_id, word) = (reservation.booking.venue_id.clone(), reservation.status.word());
        Self {
            venue_id,
            window,
            size,
            area: None,
            walks_in: false,
            reservation: Some((reservation.id, word)),
        }
    }
}
