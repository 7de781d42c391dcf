//! Commands for an existing reservation.

use access::Caller;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use contract::form::Form;
use contract::reservation::commands::drafts;
use contract::reservation::overrides::drafts::Override;
use events::event::UndoneChange;
use events::values::{Initiator, TimeWindow};
use events::{AssignmentId, ReservationId, TableId};
use uuid::Uuid;

use super::reason::{reason, reason_or};
use super::{area, check_is_open, instant_of, payment_channel, start};
use crate::app::App;
use crate::app::confidential::{Description, SealedPayload, seal};
use crate::app::contact::name;
use crate::domain::availability::Overrule;
use crate::domain::reservation::{SizeChange, TableChoice, Undo};
use crate::domain::venue::Venue;
use crate::domain::{Command, Reservation, Status};

pub(in crate::api) fn confirm(form: &mut Form) -> Option<Command> {
    let waive_deposit = drafts::Confirm::take(form).waive_deposit.unwrap_or(false);
    Some(Command::Confirm { waive_deposit })
}

/// How long ago a reported arrival or departure can be.
const OCCURRED_HOURS_MAX: i64 = 2;

/// How far the clock of a device may be ahead of ours.
const AHEAD_SECONDS_MAX: i64 = 60;

/// When a party arrived or left: `Some(None)` if that is not reported later.
pub(in crate::api) fn occurred_at(form: &mut Form, app: &App) -> Option<Option<DateTime<Utc>>> {
    let now = app.env.now();
    let Some(at) = drafts::Occurrence::take(form).occurred_at else { return Some(None) };
    let possible = if at > now + TimeDelta::seconds(AHEAD_SECONDS_MAX) {
        Err("this is in the future: set the clock of the device".to_owned())
    } else if at < now - TimeDelta::hours(OCCURRED_HOURS_MAX) {
        Err(format!("this is more than {OCCURRED_HOURS_MAX} hours ago: leave it out, and add a staff note"))
    } else {
        Ok(Some(at.min(now)))
    };
    form.checked(&["occurred_at"], at.to_rfc3339(), possible)
}

/// For a table of the venue the id suffices. Other members take precedence over the rules.
pub(in crate::api) fn assign_table(form: &mut Form, app: &App, reservation: &Reservation) -> Option<Command> {
    let draft = drafts::AssignTable::take(form);
    let table_id = draft.table_id?;
    let venue = app.venues.get(Some(&reservation.booking.venue_id));
    let known = venue.as_ref().and_then(|venue| venue.table(&table_id));
    let unknown = |name| format!("the table is not in the rules of the venue, so its {name} is required");
    if known.is_none() {
        for (name, is_given) in [("capacity", draft.capacity.is_some()), ("area", draft.area.is_some())] {
            if !is_given && !form.has_fault(name) {
                form.fault(name, "value_error", unknown(name), None);
            }
        }
    }
    let capacity = draft.capacity.map(|size| size.get());
    let Some(table) = known else {
        let id = form.checked(&["table_id"], &table_id, name_of_place(table_id.as_str()));
        let area = draft.area.map(String::from);
        let area = area.and_then(|area| form.checked(&["area"], &area, name_of_place(&area)));
        return id.and(Some(table_choice(app, table_id, capacity?, area?)));
    };
    if let Some(other) = draft.area.filter(|area| area.as_str() != table.area) {
        let msg = format_args!("the table is in the area {:?}: leave it out", table.area);
        form.fault("area", "value_error", msg, Some(other.as_str().into()));
    }
    Some(table_choice(app, table_id, capacity.unwrap_or(table.seats), table.area.clone()))
}

fn table_choice(app: &App, table_id: TableId, capacity: u8, area: String) -> Command {
    let assignment_id = AssignmentId(app.env.new_id());
    Command::AssignTable(TableChoice { assignment_id, table_id, capacity, area })
}

/// The most digits in a row in the name of a table or an area: a phone number has more.
const DIGITS_IN_A_ROW_MAX: usize = 4;

/// Checks the name of a table or an area that the rules of the venue do not have. Events contain it, so that it must not be
/// the phone number or the address of a guest. Systems that number their tables with UUIDs may do so.
fn name_of_place(text: &str) -> Result<String, String> {
    if Uuid::try_parse(text).is_ok() {
        return Ok(text.to_owned());
    }
    let longest = text.split(|c: char| !c.is_numeric()).map(|digits| digits.chars().count()).max();
    if longest.unwrap_or_default() > DIGITS_IN_A_ROW_MAX {
        return Err(format!("a name has at most {DIGITS_IN_A_ROW_MAX} digits in a row"));
    }
    name(text)
}

pub(in crate::api) fn reschedule(
    form: &mut Form,
    app: &App,
    reservation: &Reservation,
    caller: &Caller,
) -> Option<Command> {
    let draft = drafts::Reschedule::take(form);
    let venue = app.venues.get(Some(&reservation.booking.venue_id));
    let zone = zone_of(venue.as_deref(), reservation);
    let start = draft.start_time.as_ref().and_then(|time| start(form, "start_time", time, zone, app));
    let previous = u32::try_from(reservation.window().minutes()).ok()?;
    let minutes = draft.duration_minutes.map_or(previous, u32::from);
    let area = area(form, venue.as_deref(), draft.area);
    if let (Some(venue), Some(start)) = (venue.as_deref(), start) {
        check_is_open(form, venue, start);
    }
    let overrule = overrule(form, venue.as_deref(), draft.overrule);
    let by = side(form, "moved_by", draft.moved_by, caller);
    let (window, allow_duplicate) =
        (TimeWindow::starting(start?, minutes), draft.allow_duplicate.unwrap_or(false));
    let timezone = Some(zone.name().to_owned());
    Some(Command::Reschedule { window, area, by, allow_duplicate, timezone, overrule })
}

pub(in crate::api) fn party_size(
    form: &mut Form,
    app: &App,
    reservation: &Reservation,
    caller: &Caller,
) -> Option<Command> {
    let draft = drafts::ChangePartySize::take(form);
    let venue = app.venues.get(Some(&reservation.booking.venue_id));
    let area = area(form, venue.as_deref(), draft.area);
    let overrule = overrule(form, venue.as_deref(), draft.overrule);
    let reseat = draft.reseat.unwrap_or(false);
    let by = side_of(caller);
    if reseat && venue.is_some_and(|venue| venue.rules.is_none()) {
        let msg = "staff assign the tables of this venue: use assign-table instead";
        form.fault("reseat", "value_error", msg, Some(true.into()));
    }
    Some(Command::ChangePartySize(SizeChange { size: draft.party_size?, area, by, reseat, overrule }))
}

pub(in crate::api) fn renew_deposit(form: &mut Form, app: &App, caller: &Caller) -> Option<Command> {
    let draft = drafts::RenewDeposit::take(form);
    let channel = payment_channel(form, app, caller, draft.payment_channel);
    Some(Command::RenewDeposit { channel })
}

pub(in crate::api) fn cancel(
    form: &mut Form,
    app: &App,
    reservation: &Reservation,
    caller: &Caller,
) -> Option<(Command, Option<SealedPayload>)> {
    let draft = drafts::Cancel::take(form);
    let venue = app.venues.get(Some(&reservation.booking.venue_id));
    let reason_code = reason(form, &["reason_code"], draft.reason_code, venue.as_deref());
    let sealed = match draft.description {
        Some(description) => {
            let description = Description { description: description.into() };
            Some(seal(&description, app.env.as_ref()).ok()?)
        }
        None => None,
    };
    let description_digest = sealed.as_ref().map(|sealed| sealed.digest.clone());
    let by = side(form, "cancelled_by", draft.cancelled_by, caller);
    Some((Command::Cancel { by, reason_code: reason_code?, description_digest, closure_id: None }, sealed))
}

/// A changed end of a visit.
pub(in crate::api) struct NewEnd {
    pub(in crate::api) end: DateTime<Utc>,
    pub(in crate::api) overrule: Option<Overrule>,
}

/// Reads the body of `…/extend`. A visit that is to end now is completed instead.
pub(in crate::api) fn extend(form: &mut Form, app: &App, reservation: &Reservation) -> Option<NewEnd> {
    let draft = drafts::Extend::take(form);
    let venue = app.venues.get(Some(&reservation.booking.venue_id));
    let overrule = overrule(form, venue.as_deref(), draft.overrule);
    let zone = zone_of(venue.as_deref(), reservation);
    let time = draft.end_time?;
    let end = instant_of(form, "end_time", &time, zone)?;
    let earliest = reservation.window().start.max(app.env.now());
    // Of a visit that has not begun, no end is possible: the command says so.
    let possible = if end > earliest || reservation.status != Status::CheckedIn {
        Ok(end)
    } else {
        let earliest = earliest.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S");
        Err(format!("{time} is not after {earliest}: a visit ends after its start, and in the future"))
    };
    let end = form.checked(&["end_time"], &time, possible)?;
    Some(NewEnd { end, overrule })
}

pub(in crate::api) fn swap(form: &mut Form, reservation: &Reservation) -> Option<ReservationId> {
    let with = drafts::Swap::take(form).with?;
    if with == reservation.id {
        let msg = "this is the same reservation: name the other one";
        form.fault("with", "value_error", msg, Some(with.to_string().into()));
    }
    Some(with)
}

/// The overruling of rules that a body asks for.
pub(super) fn overrule(form: &mut Form, venue: Option<&Venue>, draft: Option<Override>) -> Option<Overrule> {
    let reason_code = reason(form, &["override", "reason_code"], draft?.reason_code, venue)?;
    Some(Overrule { reason_code })
}

pub(in crate::api) fn undo(form: &mut Form, app: &App, reservation: &Reservation) -> Option<Command> {
    let draft = drafts::Undo::take(form);
    let venue = app.venues.get(Some(&reservation.booking.venue_id));
    let reason_code = reason(form, &["reason_code"], draft.reason_code, venue.as_deref());
    let table = draft.table_id.and_then(|table_id| {
        let known = venue.as_ref().and_then(|venue| venue.table(&table_id));
        let msg = match known {
            Some(_) if draft.change != Some(UndoneChange::CheckIn) => return known,
            Some(_) => {
                "the party keeps its tables when a check-in is undone: leave it out, or use assign-table"
            }
            None => "the table is not in the rules of the venue: name another one",
        };
        form.fault("table_id", "value_error", msg, Some(table_id.as_str().into()));
        None
    });
    let table = table.map(|table| TableChoice {
        assignment_id: AssignmentId(app.env.new_id()),
        table_id: table.id.clone(),
        capacity: table.seats,
        area: table.area.clone(),
    });
    Some(Command::Undo(Undo {
        change: draft.change?,
        reason_code: reason_code?,
        table,
        allow_duplicate: draft.allow_duplicate.unwrap_or(false),
    }))
}

pub(in crate::api) fn erase_contact(
    form: &mut Form,
    app: &App,
    reservation: &Reservation,
) -> Option<Command> {
    let draft = drafts::EraseContact::take(form);
    let venue = app.venues.get(Some(&reservation.booking.venue_id));
    let reason_code = reason_or(form, "guest_request", draft.reason_code, venue.as_deref());
    Some(Command::EraseContact { reason_code: reason_code? })
}

/// The time zone of the venue, or of the booking if the venue was removed.
fn zone_of(venue: Option<&Venue>, reservation: &Reservation) -> Tz {
    let of_booking = || reservation.booking.timezone.parse().unwrap_or(Tz::UTC);
    venue.map_or_else(of_booking, |venue| venue.timezone)
}

/// The side for which a caller acts.
fn side_of(caller: &Caller) -> Initiator {
    if caller.is_guest() { Initiator::Guest } else { Initiator::Staff }
}

/// The side that acts follows from the credential. A body that claims another one has a fault.
fn side(form: &mut Form, name: &str, claimed: Option<Initiator>, caller: &Caller) -> Initiator {
    let side = side_of(caller);
    if let Some(other) = claimed.filter(|claimed| *claimed != side) {
        let msg =
            format_args!("this request acts for the {}, as its credential says: leave it out", side.word());
        form.fault(name, "value_error", msg, Some(other.word().into()));
    }
    side
}
