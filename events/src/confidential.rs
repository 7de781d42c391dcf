//! Which events have a confidential payload.

use crate::event::Event;
use crate::values::ConfidentialDigest;

impl Event {
    /// The digest of the confidential payload of the event, if it has one.
    #[must_use]
    pub fn confidential_digest(&self) -> Option<&ConfidentialDigest> {
        match self {
            Self::ReservationCreated(e) => Some(&e.contact_digest),
            Self::WaitlistJoined(e) => Some(&e.contact_digest),
            Self::DetailsChanged(e) => Some(&e.contact_digest),
            Self::ReservationCancelled(e) => e.description_digest.as_ref(),
            Self::KeyCreated(e) => Some(&e.secret_digest),
            Self::KeyRotated(e) => Some(&e.secret_digest),
            Self::LinkKeyCreated(e) => Some(&e.secret_digest),
            Self::StaffInvited(e) => e.contact_digest.as_ref(),
            Self::StaffJoined(e) => Some(&e.contact_digest),
            Self::PasswordChanged(e) => Some(&e.secret_digest),
            Self::TotpEnrolled(e) => Some(&e.secret_digest),
            Self::PinSet(e) => Some(&e.secret_digest),
            Self::SessionStarted(e) => Some(&e.secret_digest),
            Self::DeviceAdded(e) => Some(&e.secret_digest),
            Self::DeviceEnrolled(e) => Some(&e.secret_digest),
            Self::CalendarLinkCreated(e) => Some(&e.secret_digest),
            Self::ReservationConfirmed(_)
            | Self::TableAssigned(_)
            | Self::TableReleased(_)
            | Self::ReservationRescheduled(_)
            | Self::ReservationAffected(_)
            | Self::PartySizeChanged(_)
            | Self::ReservationCheckedIn(_)
            | Self::ReservationCompleted(_)
            | Self::ReservationNoShow(_)
            | Self::ReservationUndone(_)
            | Self::VisitEndChanged(_)
            | Self::RulesOverruled(_)
            | Self::PaymentRequested(_)
            | Self::PaymentCompleted(_)
            | Self::PaymentFailed(_)
            | Self::PaymentRefunded(_)
            | Self::NotificationSent(_)
            | Self::NotificationFailed(_)
            | Self::WaitlistOffered(_)
            | Self::WaitlistWithdrawn(_)
            | Self::WaitlistAccepted(_)
            | Self::WaitlistLeft(_)
            | Self::ContactRead(_)
            | Self::ContactErased(_)
            | crate::venue_events!()
            | Self::ContactProofRequested(_)
            | Self::ContactProved(_)
            | Self::KeyRevoked(_)
            | Self::KeyUsed(_)
            | Self::GuestLinkRenewed(_)
            | Self::GuestAsked(_)
            | Self::GuestAnswered(_)
            | Self::StaffRolesChanged(_)
            | Self::StaffRemoved(_)
            | Self::PasswordResetRequested(_)
            | Self::TotpRemoved(_)
            | Self::SessionReauthenticated(_)
            | Self::SessionEnded(_)
            | Self::DeviceRevoked(_)
            | Self::CalendarLinkRevoked(_) => None,
        }
    }
}
