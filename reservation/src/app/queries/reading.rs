//! Recording who reads the personal data of a guest.

use access::Caller;
use events::values::ActorKind;

use crate::app::App;
use crate::app::request_context::RequestContext;
use crate::domain::{Command, Reservation};

impl App {
    /// Records that `caller` reads the personal data of `reservation`, unless it is the guest, or one of our services, whose
    /// messages are recorded. Hosts work on when the log takes no events; then only the process log tells.
    pub async fn record_reading(&self, reservation: &Reservation, caller: &Caller) {
        let reads = matches!(caller.actor.kind, ActorKind::User | ActorKind::ApiKey);
        let has_data = !reservation.contact_erased;
        let now = self.env.now();
        if !reads || !has_data || !self.readings.is_first(caller, reservation.id, now) {
            return;
        }
        let context =
            RequestContext { caller: caller.clone(), ..RequestContext::system("audit", self.env.as_ref()) };
        let recorded =
            self.executor.change_reservation(reservation.id, None, &Command::RecordReading, &context).await;
        if let Err(error) = recorded {
            self.readings.forget(caller, reservation.id, now);
            let (error, who) = (&error as &dyn std::error::Error, caller.name());
            tracing::error!(error, who, id = %reservation.id, "the reading of personal data was not recorded");
        }
    }
}
