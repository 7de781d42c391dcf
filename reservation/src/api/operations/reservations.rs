//! Booking, reading and changing a reservation.

use access::Caller;
use chassis::problem::Problem;
use contract::form::Form;
use contract::reservation::charges::Charges;
use contract::reservation::queries::drafts;
use contract::reservation::view::ReservationView;
use events::{Position, ReservationId};

use crate::api::answers::{Answered, Link};
use crate::api::call::Call;
use crate::api::problem::{unknown_reservation, unknown_reservation_then};
use crate::api::request;
use crate::app::App;
use crate::app::contact_proof::Asked;
use crate::app::executor::{CommandError, RefusedRequest};
use crate::app::request_context::RequestContext;
use crate::domain::{Command, Refusal, Reservation};

type Result<T> = std::result::Result<T, Problem>;
type Changed = Result<Answered<ReservationView>>;

/// Books a table.
pub(in crate::api) async fn create(app: &App, call: Call) -> Changed {
    let client = call.client();
    app.know_proofs(call.caller()).await?;
    let (booking, context) = call.read(|form, caller| request::booking(form, app, caller))?;
    let guest = app.projections.contact_keys(&booking.contact);
    app.admission.count_booking(&context.caller, client, guest)?;
    book(app, booking, context).await
}

/// Seats a walk-in.
pub(in crate::api) async fn walk_in(app: &App, call: Call) -> Changed {
    let (booking, context) = call.read(|form, caller| request::walk_in(form, app, caller))?;
    book(app, booking, context).await
}

async fn book(app: &App, booking: request::Booking, context: RequestContext) -> Changed {
    let context = RequestContext { payload: Some(booking.payload), ..context };
    let guest = app.projections.contact_keys(&booking.contact);
    let outcome = app.executor.book(&booking.request, guest, booking.allow_duplicate, &context).await;
    let outcome = outcome.map_err(|error| app.problem(error))?;
    app.answer(&outcome, Link::Shown, Some(booking.contact), &context.caller).await
}

/// A reservation, now or as of an earlier time.
pub(in crate::api) struct Read {
    /// The reservation then.
    pub(in crate::api) view: ReservationView,
    /// Its version then.
    pub(in crate::api) version: u64,
    /// Whether it is one of an earlier time, so that the version does not identify the representation: the contact can have
    /// been erased since.
    pub(in crate::api) is_earlier: bool,
}

/// Reads a reservation, now or as of an earlier time.
pub(in crate::api) async fn get(
    app: &App,
    id: ReservationId,
    mut form: Form,
    caller: &Caller,
) -> Result<Read> {
    let as_of = drafts::ReadReservation::take(&mut form).as_of;
    let as_of = form.finish(Some(as_of))?;
    let reservation = match as_of {
        None => app.reservation(id, caller).await?.ok_or_else(|| unknown_reservation(id))?,
        Some(as_of) => {
            let reservation = app.reservation_as_of(id, as_of.into(), caller).await?;
            reservation.ok_or_else(|| unknown_reservation_then(id))?
        }
    };
    app.record_reading(&reservation, caller).await;
    let mut view = match as_of {
        None => app.view(&reservation).await?,
        Some(as_of) => app.view_as_of(&reservation, as_of.into()).await?,
    };
    app.show_to(caller, &mut view, &reservation);
    Ok(Read { view, version: reservation.version, is_earlier: as_of.is_some() })
}

/// The amounts of a reservation, now or as of an earlier time.
pub(in crate::api) async fn charges(
    app: &App,
    id: ReservationId,
    mut form: Form,
    caller: &Caller,
) -> Result<Charges> {
    let as_of = drafts::ReadReservation::take(&mut form).as_of;
    match form.finish(Some(as_of))? {
        None => Ok(app.charges(id, caller).await?),
        Some(as_of) => {
            let charges = app.charges_as_of(id, as_of.into(), caller).await?;
            charges.ok_or_else(|| unknown_reservation_then(id))
        }
    }
}

/// Runs `command`. An operation that has loaded the reservation passes it.
pub(in crate::api) async fn run(
    app: &App,
    id: ReservationId,
    loaded: Option<(Reservation, Position)>,
    command: Command,
    context: RequestContext,
) -> Changed {
    let outcome = app.executor.change_reservation(id, loaded, &command, &context).await;
    app.answer_changed(outcome, &context.caller).await
}

/// Changes the time.
pub(in crate::api) async fn reschedule(app: &App, id: ReservationId, call: Call) -> Changed {
    let loaded = app.require(id, call.caller()).await?;
    let (command, context) = call.read(|form, caller| request::reschedule(form, app, &loaded.0, caller))?;
    run(app, id, Some(loaded), command, context).await
}

/// Changes the party size.
pub(in crate::api) async fn change_party_size(app: &App, id: ReservationId, call: Call) -> Changed {
    let loaded = app.require(id, call.caller()).await?;
    let (command, context) = call.read(|form, caller| request::party_size(form, app, &loaded.0, caller))?;
    run(app, id, Some(loaded), command, context).await
}

/// Requests a deposit that is due anew.
pub(in crate::api) async fn renew_deposit(app: &App, id: ReservationId, call: Call) -> Changed {
    let loaded = app.require(id, call.caller()).await?;
    let client = call.client();
    let (command, context) = call.read(|form, caller| request::renew_deposit(form, app, caller))?;
    // A booking is made without the channel then. Here the channel is what the guest asks for.
    if context.caller.is_guest() && !app.channels.are_known() {
        let request = RefusedRequest::of(&loaded.0);
        return Err(app.problem(CommandError::refused(Refusal::ChannelsUnknown, request)));
    }
    // The guest gets a message with the new link to pay.
    let guest = app.projections.guest_of(&loaded.0.booking.venue_id, id);
    app.admission.count_booking(&context.caller, client, guest)?;
    run(app, id, Some(loaded), command, context).await
}

/// Cancels.
pub(in crate::api) async fn cancel(app: &App, id: ReservationId, call: Call) -> Changed {
    let loaded = app.require(id, call.caller()).await?;
    let ((command, description), mut context) =
        call.read(|form, caller| request::cancel(form, app, &loaded.0, caller))?;
    context.payload = description.map(|sealed| sealed.bytes);
    run(app, id, Some(loaded), command, context).await
}

/// Corrects contact, wishes, notes and tags. A guest whose link was renewed gets the new one.
pub(in crate::api) async fn correct(app: &App, id: ReservationId, call: Call) -> Changed {
    let (reservation, _) = app.require(id, call.caller()).await?;
    let client = call.client();
    let (correction, context) =
        call.read(|form, caller| request::correct(form, app, &reservation, caller))?;
    let addresses = app.projections.corrected_addresses(&correction);
    app.admission.count_correction(&context.caller, client, addresses)?;
    let outcome = app.executor.correct_details(id, &correction, &context).await;
    let outcome = outcome.map_err(|error| app.problem(error))?;
    let is_renewed = outcome.recorded && outcome.reservation.link_generation != reservation.link_generation;
    let link = if is_renewed && context.caller.is_guest() { Link::Shown } else { Link::Hidden };
    app.answer(&outcome, link, None, &context.caller).await
}

/// Answers whether the party comes.
pub(in crate::api) async fn answer(app: &App, id: ReservationId, call: Call) -> Changed {
    let (answered, context) = call.read(|form, _| request::answer(form))?;
    run(app, id, None, Command::Answer(answered), context).await
}

/// Proves the contact.
pub(in crate::api) async fn prove_contact(app: &App, id: ReservationId, call: Call) -> Changed {
    let loaded = app.require(id, call.caller()).await?;
    app.admission.count_proof(id.0)?;
    let asked = Asked::of_reservation(&loaded.0);
    let (number, context) = call.read(|form, _| request::contact_proof(form, app, asked))?;
    run(app, id, Some(loaded), Command::ProveContact { number }, context).await
}
