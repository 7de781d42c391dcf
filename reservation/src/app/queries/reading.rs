//! Recording who reads the personal data of a guest.

use std::error::Error;

use access::Caller;
use events::values::ActorKind;
use events::{ReservationId, WaitlistId};
use uuid::Uuid;

use crate::app::App;
use crate::app::request_context::RequestContext;
use crate::domain::waitlist::{WaitlistCommand, WaitlistEntry};
use crate::domain::{Command, Reservation};

impl App {
    /// Records that `caller` reads the personal data of `reservation`, unless it is the guest, or one of our services, whose
    /// messages are recorded. Hosts work on when the log takes no events; then only the process log tells.
    pub async fn record_reading(&self, reservation: &Reservation, caller: &Caller) {
        let ReservationId(id) = reservation.id;
        if reservation.contact_erased || !self.is_first_reading(id, caller) {
            return;
        }
        let context = self.reading_of(caller);
        let executor = &self.executor;
        let recorded =
            executor.change_reservation(reservation.id, None, &Command::RecordReading, &context).await;
        self.reading_recorded(id, caller, recorded.err());
    }

    /// Records that `caller` reads the personal data of `entry`, as [`App::record_reading`] does.
    pub async fn record_reading_of_entry(&self, entry: &WaitlistEntry, caller: &Caller) {
        let WaitlistId(id) = entry.id;
        if !entry.is_waiting() || !self.is_first_reading(id, caller) {
            return;
        }
        let (command, context) = (WaitlistCommand::RecordReading, self.reading_of(caller));
        let recorded = self.executor.change_waitlist_entry(entry.id, &command, &context).await;
        self.reading_recorded(id, caller, recorded.err());
    }

    fn is_first_reading(&self, id: Uuid, caller: &Caller) -> bool {
        let reads = matches!(caller.actor.kind, ActorKind::User | ActorKind::ApiKey);
        reads && self.readings.is_first(caller, id, self.env.now())
    }

    fn reading_of(&self, caller: &Caller) -> RequestContext {
        RequestContext { caller: caller.clone(), ..RequestContext::system("audit", self.env.as_ref()) }
    }

    fn reading_recorded(&self, id: Uuid, caller: &Caller, error: Option<impl Error + 'static>) {
        if let Some(error) = error {
            self.readings.forget(caller, id, self.env.now());
            let (error, who) = (&error as &dyn Error, caller.name());
            tracing::error!(error, who, %id, "the reading of personal data was not recorded");
        }
    }
}
