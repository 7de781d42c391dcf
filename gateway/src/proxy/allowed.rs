//! Which paths are passed on, and to which service. Everything else does not exist here.

/// A service behind the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// The reservation service.
    Reservation,
    /// The notifier.
    Notifier,
}

impl Target {
    /// The name of the service.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Reservation => "reservation",
            Self::Notifier => "notifier",
        }
    }
}

/// The resources below `/api` of the notifier. All others are of the reservation service.
const NOTIFIER_RESOURCES: [&str; 8] = [
    "cursor",
    "effects",
    "hooks",
    "notifications",
    "payment-channels",
    "payments",
    "providers",
    "reconciliation",
];

/// The resources below `/api` of the reservation service.
const RESERVATION_RESOURCES: [&str; 16] = [
    "access",
    "account",
    "audit",
    "availability",
    "erasures",
    "floor",
    "invitation",
    "password-reset",
    "password-resets",
    "reservations",
    "sessions",
    "stand",
    "stats",
    "venues",
    "waitlist",
    "walk-ins",
];

/// Endings of paths for the services among themselves.
const INTERNAL: [&str; 3] = ["payment-results", "notification-results", "snapshot"];

/// The verification of the log of the reservation service, which does not contain the log itself.
const VERIFICATION: &str = "/api/log/verification";

/// The first segments of the notifier's pages for people, and of the webhooks of providers.
const NOTIFIER_PAGES: [&str; 8] =
    ["checkout", "checkout.css", "checkout.js", "offers", "bookings", "join", "password", "webhooks"];

/// The service to which a request for `path` goes; `None` if it is not passed on.
///
/// Never passed on: the stored logs, results of effects, the snapshot of credentials, and the metrics, documents and health
/// checks of a service.
#[must_use]
pub fn target(path: &str) -> Option<Target> {
    if path == VERIFICATION {
        return Some(Target::Reservation);
    }
    // A service could read such a path in another way than this function. Escapes do no harm: the routes of the services
    // are compared without resolving them.
    if path.contains("//") || path.contains("..") {
        return None;
    }
    let mut segments = path.strip_prefix('/')?.split('/');
    match segments.next()? {
        "api" => api(segments.next()?, segments.next_back()),
        "events" | "asyncapi.json" => segments.next().is_none().then_some(Target::Reservation),
        "schemas" | "problems" | "calendars" | "log" => Some(Target::Reservation),
        ".well-known" => (segments.next()? == "meja-log-keys").then_some(Target::Reservation),
        page if NOTIFIER_PAGES.contains(&page) => Some(Target::Notifier),
        _ => None,
    }
}

fn api(resource: &str, last: Option<&str>) -> Option<Target> {
    if last.is_some_and(|last| INTERNAL.contains(&last)) {
        return None;
    }
    if NOTIFIER_RESOURCES.contains(&resource) {
        return Some(Target::Notifier);
    }
    RESERVATION_RESOURCES.contains(&resource).then_some(Target::Reservation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_people_and_programs_go_to_their_service() {
        for path in [
            "/api/reservations",
            "/api/reservations/1/cancel",
            "/events",
            "/problems/table_taken",
            "/log/checkpoint",
            "/api/log/verification",
            "/api/audit/events",
            "/.well-known/meja-log-keys",
        ] {
            assert_eq!(target(path), Some(Target::Reservation), "{path}");
        }
        for path in ["/api/payments/1/refund", "/webhooks/stripe", "/checkout/x/y/pay", "/checkout.js"] {
            assert_eq!(target(path), Some(Target::Notifier), "{path}");
        }
    }

    #[test]
    fn what_services_tell_each_other_is_not_passed_on() {
        for path in [
            "/api/log",
            "/api/log/",
            "/api/log/verification/",
            "/api//log",
            "/api/l%6fg",
            "/api/reservations/1/payment-results",
            "/api/waitlist/1/notification-results",
            "/api/access/snapshot",
            "/api/venues/../log",
            "/metrics",
            "/docs",
            "/openapi.json",
            "/livez",
            "/readyz",
            "/api",
            "",
            "/",
            "/events/x",
            "/.well-known/other",
        ] {
            assert_eq!(target(path), None, "{path}");
        }
    }
}
