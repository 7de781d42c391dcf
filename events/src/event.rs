//! Everything that can happen: one enum, past tense.
//!
//! A variant is never renamed or removed, and a field never changes its meaning. A change is a new
//! optional field, or a new variant with a new type (`…v2`) to which the old one is upcast on read.
//! No stored event is ever rewritten; a golden file per variant verifies this in the tests.
//! Personal data is never part of an event: it belongs in the confidential payload, of which the
//! event holds a digest.

pub use crate::access::{GuestLinkRenewed, KeyCreated, KeyRevoked, KeyRotated, KeyUsed, LinkKeyCreated};
pub use crate::asking::{GuestAnswer, GuestAnswered, GuestAsked, GuestQuestion};
pub use crate::bookings::{
    ContactErased, ContactRead, PartySizeChanged, ReservationCancelled, ReservationCheckedIn,
    ReservationCompleted, ReservationConfirmed, ReservationCreated, ReservationNoShow,
    ReservationRescheduled, StandSilence, TableAssigned, TableReleased,
};
pub use crate::closures::{CancellationsOrdered, ClosureLifted, VenueClosed};
pub use crate::contact_proof::{ContactProofRequested, ContactProved, ProofMethod};
pub use crate::corrections::{
    Detail, DetailsChanged, OverruledRule, ReservationUndone, RestoredStatus, RulesOverruled, UndoneChange,
    VisitEndChanged, WithdrawnFee,
};
pub use crate::demand::{RefusedCount, RequestsRefused};
pub use crate::notification::{NotificationFailed, NotificationSent};
pub use crate::payment::{PaymentCompleted, PaymentFailed, PaymentRefunded, PaymentRequested, Refund};
pub use crate::staff::{
    CalendarLinkCreated, CalendarLinkRevoked, DeviceAdded, DeviceEnrolled, DeviceRevoked, PasswordChanged,
    PasswordResetRequested, PinSet, SessionEnded, SessionReauthenticated, SessionStarted, StaffInvited,
    StaffJoined, StaffRemoved, StaffRolesChanged, TotpEnrolled, TotpRemoved,
};
pub use crate::venue_rules::{ReservationAffected, RulesImport, VenueChanged, VenueRulesChanged};
pub use crate::waitlist::{
    OfferedTable, WaitlistAccepted, WaitlistJoined, WaitlistLeft, WaitlistOffered, WaitlistWithdrawn,
};

/// An event that cannot be decoded.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The type is unknown to this version; a later version wrote it.
    #[error(
        "this version does not know the event type {0:?}: run the version that wrote the event, or a later one"
    )]
    UnknownType(String),
    /// The data does not match the type.
    #[error("the data of an event of type {event_type} cannot be decoded")]
    Data {
        /// The type named by the event.
        event_type: String,
        /// The error of the JSON decoder.
        #[source]
        source: serde_json::Error,
    },
}

/// The `dataschema` of an event begins with this, and the type follows. CloudEvents requires an absolute URI. Events of
/// earlier versions have the path of the schema instead.
pub const SCHEMA_URN: &str = "urn:meja:schema:";

macro_rules! catalogue {
    ($($(#[$doc:meta])* $variant:ident = $event_type:literal,)+) => {
        /// Everything that can happen to a reservation, a waitlist entry, a payment, a venue, a credential or an account.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Event {
            $($(#[$doc])* $variant($variant),)+
        }

        impl Event {
            /// Every CloudEvents `type` in the catalogue.
            pub const TYPES: &[&str] = &[$($event_type),+];

            /// The CloudEvents `type`.
            #[must_use]
            pub fn event_type(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $event_type,)+
                }
            }

            /// The CloudEvents `data`: one JSON object.
            ///
            /// # Errors
            /// Never for the types of this catalogue; the signature is `serde_json`'s.
            pub fn data(&self) -> Result<Vec<u8>, serde_json::Error> {
                match self {
                    $(Self::$variant(data) => serde_json::to_vec(data),)+
                }
            }

            /// Decodes the data of an event of `event_type`.
            ///
            /// # Errors
            /// [`DecodeError`] when the type is unknown or the data does not match it.
            pub fn decode(event_type: &str, data: &str) -> Result<Self, DecodeError> {
                match event_type {
                    $($event_type => serde_json::from_str(data)
                        .map(Self::$variant)
                        .map_err(|source| DecodeError::Data { event_type: event_type.to_owned(), source }),)+
                    other => Err(DecodeError::UnknownType(other.to_owned())),
                }
            }

            /// The JSON Schema of the data of `event_type`, as served under `/schemas/`. Its `$id` is the `dataschema`
            /// of events of that type.
            #[must_use]
            pub fn schema(event_type: &str) -> Option<serde_json::Value> {
                let mut schema = match event_type {
                    $($event_type => schemars::schema_for!($variant).to_value(),)+
                    _ => return None,
                };
                schema["$id"] = format!("{}{event_type}", SCHEMA_URN).into();
                Some(schema)
            }
        }

        $(impl From<$variant> for Event {
            fn from(data: $variant) -> Self {
                Self::$variant(data)
            }
        })+
    };
}

catalogue! {
    /// A reservation was requested.
    ReservationCreated = "meja.reservation.created.v1",
    /// The restaurant expects the party.
    ReservationConfirmed = "meja.reservation.confirmed.v1",
    /// A table was assigned to the party.
    TableAssigned = "meja.table.assigned.v1",
    /// A table was released.
    TableReleased = "meja.table.released.v1",
    /// The reservation moved to another time.
    ReservationRescheduled = "meja.reservation.rescheduled.v1",
    /// The reservation does not comply with the rules of its venue, or complies again.
    ReservationAffected = "meja.reservation.affected.v1",
    /// The number of guests changed.
    PartySizeChanged = "meja.reservation.party_size_changed.v1",
    /// The party arrived.
    ReservationCheckedIn = "meja.reservation.checked_in.v1",
    /// The party has left.
    ReservationCompleted = "meja.reservation.completed.v1",
    /// The reservation was cancelled.
    ReservationCancelled = "meja.reservation.cancelled.v1",
    /// The party never arrived.
    ReservationNoShow = "meja.reservation.no_show.v1",
    /// The last change of the status was undone.
    ReservationUndone = "meja.reservation.undone.v1",
    /// The end of a visit changed.
    VisitEndChanged = "meja.reservation.end_changed.v1",
    /// Staff corrected the contact, the wishes, the notes or the tags.
    DetailsChanged = "meja.reservation.details_changed.v1",
    /// Staff acted against rules of the venue.
    RulesOverruled = "meja.reservation.rules_overruled.v1",
    /// A deposit or a fee is due.
    PaymentRequested = "meja.payment.requested.v1",
    /// A payment was completed.
    PaymentCompleted = "meja.payment.completed.v1",
    /// A payment failed or expired.
    PaymentFailed = "meja.payment.failed.v1",
    /// Money was refunded.
    PaymentRefunded = "meja.payment.refunded.v1",
    /// A message was sent.
    NotificationSent = "meja.notification.sent.v1",
    /// A message could not be sent.
    NotificationFailed = "meja.notification.failed.v1",
    /// A party joined the waitlist.
    WaitlistJoined = "meja.waitlist.joined.v1",
    /// A table is held for a waiting party.
    WaitlistOffered = "meja.waitlist.offered.v1",
    /// An offer to a waiting party was withdrawn by the restaurant.
    WaitlistWithdrawn = "meja.waitlist.withdrawn.v1",
    /// A waiting party accepted its offer.
    WaitlistAccepted = "meja.waitlist.accepted.v1",
    /// A party left the waitlist.
    WaitlistLeft = "meja.waitlist.left.v1",
    /// A person or a program read the personal data of the subject.
    ContactRead = "meja.contact.read.v1",
    /// The personal data of the subject was erased.
    ContactErased = "meja.contact.erased.v1",
    /// The file with the rules of a venue changed.
    VenueChanged = "meja.venue.changed.v1",
    /// The rules of a venue changed.
    VenueRulesChanged = "meja.venue.changed.v2",
    /// A venue closes on some business days, or a part of it does.
    VenueClosed = "meja.venue.closed.v1",
    /// A person ordered that the bookings under a closure are cancelled.
    CancellationsOrdered = "meja.venue.cancellations_ordered.v1",
    /// A closure was lifted.
    ClosureLifted = "meja.venue.closure_lifted.v1",
    /// How many requests for a place a venue refused.
    RequestsRefused = "meja.venue.requests_refused.v1",
    /// A key was created.
    KeyCreated = "meja.access.key_created.v1",
    /// A key got a new secret.
    KeyRotated = "meja.access.key_rotated.v1",
    /// A key was revoked.
    KeyRevoked = "meja.access.key_revoked.v1",
    /// A key was used.
    KeyUsed = "meja.access.key_used.v1",
    /// The guest got new links.
    GuestLinkRenewed = "meja.guest.link_renewed.v1",
    /// Staff asked the guest something.
    GuestAsked = "meja.guest.asked.v1",
    /// The guest answered.
    GuestAnswered = "meja.guest.answered.v1",
    /// The guest has to prove that the contact is theirs.
    ContactProofRequested = "meja.contact.proof_requested.v1",
    /// The guest proved the contact.
    ContactProved = "meja.contact.proved.v1",
    /// The key that signs the links of guests was created.
    LinkKeyCreated = "meja.access.link_key_created.v1",
    /// A person was invited to have an account.
    StaffInvited = "meja.staff.invited.v1",
    /// A person accepted an invitation.
    StaffJoined = "meja.staff.joined.v1",
    /// A person has other roles.
    StaffRolesChanged = "meja.staff.roles_changed.v1",
    /// The account of a person ended.
    StaffRemoved = "meja.staff.removed.v1",
    /// A person has a new password.
    PasswordChanged = "meja.staff.password_changed.v1",
    /// Someone asked for a link to reset the password of a person.
    PasswordResetRequested = "meja.staff.password_reset_requested.v1",
    /// A person signs in with codes of an authenticator app too.
    TotpEnrolled = "meja.staff.totp_enrolled.v1",
    /// A person signs in without codes again.
    TotpRemoved = "meja.staff.totp_removed.v1",
    /// A person has a PIN.
    PinSet = "meja.staff.pin_set.v1",
    /// A person signed in.
    SessionStarted = "meja.session.started.v1",
    /// A signed-in person proved the identity again.
    SessionReauthenticated = "meja.session.reauthenticated.v1",
    /// A session ended before its time.
    SessionEnded = "meja.session.ended.v1",
    /// A device at the stand of a venue was added.
    DeviceAdded = "meja.device.added.v1",
    /// A device was enrolled with its code.
    DeviceEnrolled = "meja.device.enrolled.v1",
    /// A device was revoked.
    DeviceRevoked = "meja.device.revoked.v1",
    /// A link to the calendar of a venue was created for a person.
    CalendarLinkCreated = "meja.access.calendar_link_created.v1",
    /// The link of a person to the calendar of a venue was revoked.
    CalendarLinkRevoked = "meja.access.calendar_link_revoked.v1",
}
