//! What each operation needs, written by hand.

/// What an operation needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    Nothing,
    /// A scope, for the venue of the object.
    Needed(&'static str),
    /// A scope, and a person must have proved the identity just now.
    Fresh(&'static str),
    /// A scope, or the link of the guest.
    Own(&'static str),
    /// A scope for all venues.
    Everywhere(&'static str),
    /// The session of a person.
    Person,
    /// The session of a person who proved the identity just now.
    FreshPerson,
    /// The link of an invitation.
    Invitation,
    /// The link to reset a password.
    PasswordReset,
    /// A device at the stand.
    Device,
}

use Needs::{
    Device, Everywhere, Fresh, FreshPerson, Invitation, Needed, Nothing, Own, PasswordReset, Person,
};

pub const NEEDS: [(&str, Needs); 104] = [
    ("acceptInvitation", Invitation),
    ("acceptOffer", Own("manage")),
    ("addDevice", Fresh("access")),
    ("answerQuestion", Own("floor")),
    ("answerWaitlistQuestion", Own("floor")),
    ("askGuest", Needed("floor")),
    ("assignTable", Needed("floor")),
    ("cancelAffected", Needed("rules")),
    ("cancelReservation", Own("manage")),
    ("changePartySize", Own("manage")),
    ("changePassword", Person),
    ("changeRoles", Fresh("access")),
    ("checkIn", Needed("floor")),
    ("closeVenue", Needed("rules")),
    ("completeReservation", Needed("floor")),
    ("confirmReservation", Needed("floor")),
    ("correctReservation", Own("manage")),
    ("createAuthenticatorSecret", FreshPerson),
    ("createCalendarLink", FreshPerson),
    ("createKey", Fresh("access")),
    ("createReservation", Nothing),
    ("declineOffer", Own("manage")),
    ("endSession", FreshPerson),
    ("enrolAuthenticator", FreshPerson),
    ("enrolDevice", Nothing),
    ("eraseGuest", Fresh("contact")),
    ("eraseReservationContact", Fresh("contact")),
    ("extendVisit", Needed("floor")),
    ("findEvents", Needed("audit")),
    ("getAccessSnapshot", Everywhere("results")),
    ("getAccount", Person),
    ("getAsyncApi", Nothing),
    ("getAvailability", Nothing),
    ("getAvailableDays", Nothing),
    ("getCheckpoint", Nothing),
    ("getClosure", Needed("floor")),
    ("getFloor", Needed("floor")),
    ("getInvitation", Invitation),
    ("getPasswordReset", PasswordReset),
    ("getReadiness", Nothing),
    ("getRefusals", Needed("stats")),
    ("getReservation", Own("read")),
    ("getReservationContact", Needed("contact")),
    ("getReservationHistory", Needed("audit")),
    ("getReservationPersonalData", Own("contact")),
    ("getReservationReceipt", Own("read")),
    ("getSchema", Nothing),
    ("getStaffContact", Everywhere("results")),
    ("getStand", Device),
    ("getStats", Needed("stats")),
    ("getVenue", Nothing),
    ("getVenueRules", Needed("rules")),
    ("getWaitlistContact", Needed("contact")),
    ("getWaitlistEntry", Own("read")),
    ("getWaitlistPersonalData", Own("contact")),
    ("inviteStaff", Fresh("access")),
    ("inviteStaffAgain", Fresh("access")),
    ("joinWaitlist", Nothing),
    ("leaveWaitlist", Own("manage")),
    ("liftClosure", Needed("rules")),
    ("listCalendarLinks", Person),
    ("listClosures", Needed("floor")),
    ("listDevices", Needed("access")),
    ("listKeys", Needed("access")),
    ("listLogKeys", Nothing),
    ("listReservationCharges", Own("audit")),
    ("listReservations", Needed("read")),
    ("listSessions", Person),
    ("listStaff", Needed("access")),
    ("listVenues", Nothing),
    ("listWaitlist", Needed("floor")),
    ("offerTable", Needed("floor")),
    ("proveIdentity", Person),
    ("proveReservationContact", Own("floor")),
    ("proveWaitlistContact", Own("floor")),
    ("putVenueRules", Needed("rules")),
    ("readCalendar", Nothing),
    ("readEvents", Needed("feed")),
    ("readVenueEvents", Needed("floor")),
    ("recordNoShow", Needed("floor")),
    ("recoverAuthenticator", Fresh("access")),
    ("removeAuthenticator", FreshPerson),
    ("removeStaff", Fresh("access")),
    ("renewDeposit", Own("manage")),
    ("renewReservationLink", Own("manage")),
    ("renewWaitlistLink", Own("manage")),
    ("reportNotificationResult", Needed("results")),
    ("reportPaymentResult", Needed("results")),
    ("reportPresence", Device),
    ("reportWaitlistNotificationResult", Needed("results")),
    ("requestPasswordReset", Nothing),
    ("rescheduleReservation", Own("manage")),
    ("resetPassword", PasswordReset),
    ("revokeCalendarLink", FreshPerson),
    ("revokeDevice", Fresh("access")),
    ("revokeKey", Fresh("access")),
    ("rotateKey", Fresh("access")),
    ("seatWalkIn", Needed("floor")),
    ("setPin", FreshPerson),
    ("signIn", Nothing),
    ("signOut", Person),
    ("swapTables", Needed("floor")),
    ("tableReady", Needed("floor")),
    ("undoReservation", Needed("floor")),
];

impl Needs {
    pub fn scope(self) -> &'static str {
        match self {
            Needed(scope) | Fresh(scope) | Own(scope) | Everywhere(scope) => scope,
            Nothing | Person | FreshPerson | Invitation | PasswordReset | Device => "",
        }
    }

    /// The security schemes of the description.
    pub fn schemes(self) -> &'static [&'static str] {
        match self {
            Nothing => &[],
            Own(_) => &["bearer", "session", "guest_link"],
            Needed(_) | Fresh(_) | Everywhere(_) => &["bearer", "session"],
            Person | FreshPerson => &["session"],
            Invitation | PasswordReset => &["staff_link"],
            Device => &["device"],
        }
    }

    pub fn needs_proof(self) -> bool {
        matches!(self, Fresh(_) | FreshPerson)
    }
}
