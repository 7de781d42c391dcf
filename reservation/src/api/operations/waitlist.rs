//! Joining the waitlist, and what the party does there.

use access::Caller;
use chassis::problem::Problem;
use contract::reservation::view::ReservationView;
use contract::reservation::waitlist::WaitlistView;
use events::WaitlistId;

use crate::api::answers::{Answered, Link};
use crate::api::call::Call;
use crate::api::problem::unknown_waitlist_entry;
use crate::api::request;
use crate::app::App;
use crate::app::contact_proof::Asked;
use crate::app::request_context::RequestContext;
use crate::domain::waitlist::{WaitlistCommand, WaitlistEntry};

type Result<T> = std::result::Result<T, Problem>;
type Changed = Result<Answered<WaitlistView>>;

/// Joins the waitlist.
pub(in crate::api) async fn join(app: &App, call: Call) -> Changed {
    let client = call.client();
    app.know_proofs(call.caller()).await?;
    let (joining, context) = call.read(|form, caller| request::joining(form, app, caller))?;
    let context = RequestContext { payload: Some(joining.payload), ..context };
    let guest = app.projections.contact_keys(&joining.contact);
    app.admission.count_booking(&context.caller, client, guest)?;
    let outcome = app.executor.join_waitlist(&joining.joined, guest, &context).await;
    let outcome = outcome.map_err(|error| app.problem(error))?;
    app.answer_waitlist(&outcome, Link::Shown, &context.caller).await
}

/// The entry that `caller` may read.
pub(in crate::api) async fn require(app: &App, id: WaitlistId, caller: &Caller) -> Result<WaitlistEntry> {
    app.waitlist_entry(id, caller).await?.ok_or_else(|| unknown_waitlist_entry(id))
}

/// Reads an entry.
pub(in crate::api) async fn get(app: &App, id: WaitlistId, caller: &Caller) -> Result<WaitlistView> {
    let entry = require(app, id, caller).await?;
    app.record_reading_of_entry(&entry, caller).await;
    Ok(app.waitlist_view(&entry).await?)
}

/// Runs `command`.
pub(in crate::api) async fn run(
    app: &App,
    id: WaitlistId,
    command: WaitlistCommand,
    context: RequestContext,
) -> Changed {
    let outcome = app.executor.change_waitlist_entry(id, &command, &context).await;
    let outcome = outcome.map_err(|error| app.problem(error))?;
    app.answer_waitlist(&outcome, Link::Hidden, &context.caller).await
}

/// Offers a table to the party.
pub(in crate::api) async fn offer(app: &App, id: WaitlistId, call: Call) -> Changed {
    let (table, context) = call.read(|form, _| Some(request::offered_table(form)))?;
    let outcome = app.executor.offer_by_hand(id, table.as_ref(), &context).await;
    let outcome = outcome.map_err(|error| app.problem(error))?;
    app.answer_waitlist(&outcome, Link::Hidden, &context.caller).await
}

/// Accepts an offer. The answer is the reservation.
pub(in crate::api) async fn accept(
    app: &App,
    id: WaitlistId,
    call: Call,
) -> Result<Answered<ReservationView>> {
    let (allow_duplicate, context) = call.read(|form, _| request::accept_offer(form))?;
    let outcome = app.executor.accept_offer(id, allow_duplicate, &context).await;
    let outcome = outcome.map_err(|error| app.problem(error))?;
    app.answer(&outcome, Link::Shown, None, &context.caller).await
}

/// Declines an offer.
pub(in crate::api) async fn decline(app: &App, id: WaitlistId, call: Call) -> Changed {
    let (command, context) = call.read(|_, _| Some(WaitlistCommand::Decline))?;
    run(app, id, command, context).await
}

/// Leaves the waitlist.
pub(in crate::api) async fn leave(app: &App, id: WaitlistId, call: Call) -> Changed {
    let (command, context) = call.read(|_, _| Some(WaitlistCommand::Leave))?;
    run(app, id, command, context).await
}

/// Answers whether the waiting party comes.
pub(in crate::api) async fn answer(app: &App, id: WaitlistId, call: Call) -> Changed {
    let (answered, context) = call.read(|form, _| request::answer(form))?;
    run(app, id, WaitlistCommand::Answer(answered), context).await
}

/// Proves the contact.
pub(in crate::api) async fn prove_contact(app: &App, id: WaitlistId, call: Call) -> Changed {
    let entry = require(app, id, call.caller()).await?;
    app.admission.count_proof(id.0)?;
    let asked = Asked::of_entry(&entry);
    let (number, context) = call.read(|form, _| request::contact_proof(form, app, asked))?;
    run(app, id, WaitlistCommand::ProveContact { number }, context).await
}
