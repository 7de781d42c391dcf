//! What is held about a guest.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::view::ReservationView;
use super::waitlist::WaitlistView;

/// Everything that is held about the guest of a reservation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PersonalData {
    /// E.164; null after the contact was erased.
    #[schema(example = "+6281234567890")]
    pub phone: Option<String>,
    /// The e-mail address, as mail servers understand it; null after the contact was erased.
    #[schema(example = "sari@example.com")]
    pub email: Option<String>,
    /// The e-mail address as the guest wrote it, if that differs.
    pub email_typed: Option<String>,
    /// The reservation with the name, the wishes, and the notes of the staff, which guests see here only.
    pub reservation: ReservationView,
    /// What happened, from the booking on.
    pub events: Vec<PersonalEvent>,
}

/// Everything that is held about the guest of a waitlist entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WaitlistPersonalData {
    /// E.164; null if the party is no longer waiting: the contact was forgotten, or moved to the reservation.
    #[schema(example = "+6281234567890")]
    pub phone: Option<String>,
    /// The e-mail address, as mail servers understand it; null together with `phone`.
    #[schema(example = "sari@example.com")]
    pub email: Option<String>,
    /// The e-mail address as the guest wrote it, if that differs.
    pub email_typed: Option<String>,
    /// The waitlist entry with the name.
    pub entry: WaitlistView,
    /// What happened, from the request on.
    pub events: Vec<PersonalEvent>,
}

/// An event about the guest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PersonalEvent {
    /// The time.
    pub at: DateTime<Utc>,
    /// A description, in the language of the booking.
    #[schema(example = "Reservasi diminta untuk 4 orang, 2026-12-24T19:30:00+07:00")]
    pub note: String,
}
