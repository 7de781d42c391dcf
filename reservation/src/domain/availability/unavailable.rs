//! The reasons why a party cannot be seated at a time.

/// Why a party cannot be seated at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Unavailable {
    /// The restaurant is closed, closes too early, or the time is off the slot grid.
    #[error(
        "The restaurant, or the requested area, is closed at that time. Choose a time of /api/availability, or another area; staff lift a closure first."
    )]
    Closed,
    /// The time is too far in the future.
    #[error(
        "The restaurant does not take bookings that far in advance. Choose an earlier date, or try again later."
    )]
    TooSoon,
    /// The time is too close.
    #[error("It is too late to book that time. Choose a later time, or come without a booking.")]
    TooLate,
    /// No table or combination of tables seats that many guests.
    #[error(
        "No table or combination of tables seats that many guests. Ask for another area, or split the party into several bookings."
    )]
    PartyTooLarge,
    /// The pacing limit for arrivals in that slot is reached.
    #[error("Too many guests arrive at that time already. Choose another time.")]
    Pacing,
    /// Every table that fits the party is taken.
    #[error(
        "No suitable table is free for the whole visit. Choose another time or area, or join the waitlist."
    )]
    NoTable,
}

impl Unavailable {
    /// Every reason.
    pub const ALL: [Self; 6] =
        [Self::Closed, Self::TooSoon, Self::TooLate, Self::PartyTooLarge, Self::Pacing, Self::NoTable];

    /// The reason as a stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::TooSoon => "too_soon",
            Self::TooLate => "too_late",
            Self::PartyTooLarge => "party_too_large",
            Self::Pacing => "pacing",
            Self::NoTable => "no_table",
        }
    }
}
