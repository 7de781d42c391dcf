//! The events of credentials, as a pattern.

/// A pattern that matches every event of credentials: of keys, accounts of staff, sessions, devices and calendar links.
/// With it a `match` that such events do not concern still names every event.
#[macro_export]
macro_rules! access_events {
    () => {
        $crate::Event::KeyCreated(_)
            | $crate::Event::KeyRotated(_)
            | $crate::Event::KeyRevoked(_)
            | $crate::Event::KeyUsed(_)
            | $crate::Event::LinkKeyCreated(_)
            | $crate::Event::StaffInvited(_)
            | $crate::Event::StaffJoined(_)
            | $crate::Event::StaffRolesChanged(_)
            | $crate::Event::StaffRemoved(_)
            | $crate::Event::PasswordChanged(_)
            | $crate::Event::PasswordResetRequested(_)
            | $crate::Event::TotpEnrolled(_)
            | $crate::Event::TotpRemoved(_)
            | $crate::Event::PinSet(_)
            | $crate::Event::SessionStarted(_)
            | $crate::Event::SessionReauthenticated(_)
            | $crate::Event::SessionEnded(_)
            | $crate::Event::DeviceAdded(_)
            | $crate::Event::DeviceEnrolled(_)
            | $crate::Event::DeviceRevoked(_)
            | $crate::Event::CalendarLinkCreated(_)
            | $crate::Event::CalendarLinkRevoked(_)
    };
}
