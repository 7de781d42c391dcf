//! Short descriptions of events in English. Part of [`super`].

use chrono::{DateTime, Utc};
use contract::values::LocalTime;
use events::access_events;
use events::event::{
    Event, GuestAnswer, GuestQuestion, PaymentRequested, Refund, ReservationAffected, ReservationCreated,
    StandSilence, VenueChanged, VenueClosed, VenueRulesChanged,
};
use events::values::{Initiator, Medium, Purpose, ReleaseCause};
use events::venue_events;

use super::access::note_of_access;

/// The time of something that was reported later.
fn later(occurred_at: Option<DateTime<Utc>>, at: &dyn Fn(DateTime<Utc>) -> LocalTime) -> String {
    occurred_at
        .map(|occurred_at| format!("; reported later: it was at {}", at(occurred_at)))
        .unwrap_or_default()
}

/// Why a no-show was recorded after its deadline.
fn silence(silence: Option<StandSilence>, at: &dyn Fn(DateTime<Utc>) -> LocalTime) -> String {
    let Some(StandSilence { from, to }) = silence else { return String::new() };
    let to = to.map(|to| format!(" until {}", at(to))).unwrap_or_default();
    format!("; recorded late, because no device at the stand was connected from {}{to}", at(from))
}

/// A short description of an event in English. `at` writes a time as local time of the venue.
pub(super) fn note(event: &Event, at: &dyn Fn(DateTime<Utc>) -> LocalTime) -> String {
    match event {
        Event::ReservationCreated(e) => note_of_booking(e, at),
        Event::ReservationConfirmed(e) if e.deposit_waived => "Confirmed; the deposit was waived".into(),
        Event::ReservationConfirmed(e) => format!("Confirmed for {}", at(e.window.start)),
        Event::ReservationRescheduled(e) => {
            let by = e.moved_by.map(|by| format!(" by {}", side(by))).unwrap_or_default();
            format!("Moved{by} from {} to {}", at(e.from.start), at(e.to.start))
        }
        Event::PartySizeChanged(e) => {
            let longer = e.window.map(|w| format!("; the visit ends at {}", at(w.end))).unwrap_or_default();
            format!("Party changed from {} to {}{longer}{}", e.from, e.to, back(e.refund))
        }
        Event::ReservationCheckedIn(e) => format!("The party arrived{}", later(e.occurred_at, at)),
        Event::ReservationCompleted(e) => format!("The party left{}", later(e.occurred_at, at)),
        Event::ReservationCancelled(e) => {
            let closure = if e.closure_id.is_some() { " with all bookings under a closure" } else { "" };
            format!("Cancelled by {}{closure}: {}{}", side(e.cancelled_by), e.reason_code, back(e.refund))
        }
        Event::ReservationNoShow(e) => {
            let fee = e.fee.map(|fee| format!("; the no-show fee is {}", fee.plain())).unwrap_or_default();
            format!("The party never arrived{fee}{}{}", back(e.refund), silence(e.stand_silence, at))
        }
        Event::TableAssigned(_)
        | Event::TableReleased(_)
        | Event::VisitEndChanged(_)
        | Event::RulesOverruled(_)
        | Event::ReservationUndone(_)
        | Event::GuestAsked(_)
        | Event::GuestAnswered(_) => note_of_host(event, at),
        Event::ContactProofRequested(_)
        | Event::ContactProved(_)
        | Event::ContactRead(_)
        | Event::ContactErased(_) => note_of_contact(event, at),
        Event::PaymentRequested(_)
        | Event::PaymentCompleted(_)
        | Event::PaymentFailed(_)
        | Event::PaymentRefunded(_) => note_of_payment(event, at),
        Event::NotificationSent(e) => {
            format!("Message sent to the guest by {}: {}", medium(e.medium), e.template)
        }
        Event::NotificationFailed(e) => {
            format!("Message to the guest by {} failed: {} ({})", medium(e.medium), e.template, e.reason_code)
        }
        Event::DetailsChanged(e) => {
            let details: Vec<_> = e.changed.iter().map(|detail| detail.word().replace('_', " ")).collect();
            format!("Corrected: {}", details.join(", "))
        }
        Event::ReservationAffected(e) => note_of_mark(e),
        venue_events!() => note_of_venue(event),
        Event::GuestLinkRenewed(_) => "The guest got new links; earlier ones are not valid".into(),
        access_events!() => note_of_access(event),
        Event::WaitlistJoined(_)
        | Event::WaitlistOffered(_)
        | Event::WaitlistWithdrawn(_)
        | Event::WaitlistAccepted(_)
        | Event::WaitlistLeft(_) => note_of_waitlist(event, at),
    }
}

/// A short description of a booking.
fn note_of_booking(e: &ReservationCreated, at: &dyn Fn(DateTime<Utc>) -> LocalTime) -> String {
    let what = match &e.imported {
        Some(imported) => {
            let source = e.source.as_deref().unwrap_or("another system");
            format!("Imported from {source}: {} booking", imported.status.word().replace('_', "-"))
        }
        None => if e.walk_in { "Walk-in" } else { "Booking requested" }.to_owned(),
    };
    let guests = if e.party_size.get() == 1 { "guest" } else { "guests" };
    format!("{what} for {} {guests} at {}", e.party_size, at(e.window.start))
}

/// A short description of what happened to a party on the waitlist.
fn note_of_waitlist(event: &Event, at: &dyn Fn(DateTime<Utc>) -> LocalTime) -> String {
    match event {
        Event::WaitlistJoined(e) => {
            let guests = if e.party_size.get() == 1 { "guest" } else { "guests" };
            format!("Joined the waitlist for {} {guests}, from {}", e.party_size, at(e.acceptable.start))
        }
        Event::WaitlistOffered(e) => {
            format!("A table was offered for {}, until {}", at(e.window.start), at(e.expires_at))
        }
        Event::WaitlistWithdrawn(e) => format!("The offer was withdrawn: {}", e.reason_code),
        Event::WaitlistAccepted(e) => format!("The offer became the reservation {}", e.reservation_id),
        Event::WaitlistLeft(e) => format!("Left the waitlist: {}", e.reason_code),
        _ => "Event of the waitlist".into(),
    }
}

/// A short description of what happened to a contact.
fn note_of_contact(event: &Event, at: &dyn Fn(DateTime<Utc>) -> LocalTime) -> String {
    match event {
        Event::ContactProofRequested(e) => {
            let until = at(e.expires_at);
            format!("The guest has to prove the contact by {until}, by the {} in a mail", e.method.word())
        }
        Event::ContactProved(e) => format!("The guest proved the contact by the {}", e.method.word()),
        Event::ContactRead(_) => "The personal data was read".into(),
        Event::ContactErased(e) => format!("Personal data erased: {}", e.reason_code),
        _ => "Event of a contact".into(),
    }
}

/// A short description of what a host did with tables or took back.
fn note_of_host(event: &Event, at: &dyn Fn(DateTime<Utc>) -> LocalTime) -> String {
    match event {
        Event::TableAssigned(e) => {
            format!("Table {} assigned ({}, seats {})", e.table_id, e.area, e.capacity)
        }
        Event::TableReleased(e) => match e.cause {
            ReleaseCause::Swapped => format!("Table {} given to another party in exchange", e.table_id),
            ReleaseCause::Overruled => {
                format!("Table {} taken away: the party before it stays longer", e.table_id)
            }
            _ => format!("Table {} released", e.table_id),
        },
        Event::VisitEndChanged(e) => {
            format!("The visit ends at {} instead of {}", at(e.to.end), at(e.from.end))
        }
        Event::RulesOverruled(e) => {
            let rules: Vec<_> = e.rules.iter().map(|rule| rule.word()).collect();
            format!("Rules overruled by the restaurant: {} ({})", rules.join(", "), e.reason_code)
        }
        Event::ReservationUndone(e) => {
            let fee = e
                .withdrawn_fee
                .map(|fee| format!("; the no-show fee of {} is withdrawn", fee.amount.plain()));
            let (undone, fee) = (e.undone.noun(), fee.unwrap_or_default());
            format!("The {undone} was undone: {}{fee}{}", e.reason_code, back(e.refund))
        }
        Event::GuestAsked(e) => match e.question {
            GuestQuestion::TableReady => "The guest was told that the table is ready".into(),
            GuestQuestion::StillComing => "The guest was asked whether the party comes".into(),
        },
        Event::GuestAnswered(e) => {
            let late = e.late_minutes.map(|minutes| format!(", {minutes} minutes")).unwrap_or_default();
            match e.answer {
                GuestAnswer::Coming => "The guest answered: coming".into(),
                GuestAnswer::Late => format!("The guest answered: late{late}"),
                GuestAnswer::NotComing => "The guest answered: not coming".into(),
            }
        }
        _ => "Event of a table".into(),
    }
}

/// A short description of a mark.
fn note_of_mark(e: &ReservationAffected) -> String {
    match (&e.reason, e.closure_id) {
        (Some(reason), Some(_)) => format!("Falls under a closure: {reason}"),
        (Some(reason), None) => {
            format!("Does not comply with the rules of version {}: {reason}", e.rules_version)
        }
        (None, _) => format!("Complies with the rules of version {}", e.rules_version),
    }
}

/// A short description of an event of a venue.
fn note_of_venue(event: &Event) -> String {
    match event {
        Event::VenueChanged(VenueChanged { version, stranded_count, .. })
        | Event::VenueRulesChanged(VenueRulesChanged { version, stranded_count, .. }) => match stranded_count
        {
            0 => format!("Rules changed to version {version}"),
            n => format!("Rules changed to version {version}; {n} future bookings do not comply"),
        },
        Event::VenueClosed(e) => {
            let VenueClosed { from, to, reason_code, stranded_count, .. } = e;
            format!("Closed from {from} to {to}: {reason_code}; {stranded_count} bookings affected")
        }
        Event::CancellationsOrdered(e) => {
            format!("Cancellation of {} bookings under a closure ordered", e.stranded_count)
        }
        Event::ClosureLifted(_) => "Closure lifted".into(),
        Event::RequestsRefused(e) => {
            let n: u32 = e.counts.iter().map(|count| count.requests).sum();
            format!("{n} requests for a place refused")
        }
        _ => "Event of a venue".into(),
    }
}

/// A short description of an event of a payment.
fn note_of_payment(event: &Event, at: &dyn Fn(DateTime<Utc>) -> LocalTime) -> String {
    match event {
        Event::PaymentRequested(e) if e.purpose == Purpose::NoShowFee => {
            format!("A no-show fee of {} is due by {}", e.amount.plain(), at(e.expires_at))
        }
        Event::PaymentRequested(PaymentRequested { amount, channel, replaces: Some(_), .. }) => {
            let channel = channel.as_deref().map(|channel| format!(" via {channel}")).unwrap_or_default();
            format!("The deposit of {} is requested anew{channel}", amount.plain())
        }
        Event::PaymentRequested(e) => {
            format!("A deposit of {} is due by {}", e.amount.plain(), at(e.expires_at))
        }
        Event::PaymentCompleted(e) => {
            let refund = match e.refund {
                Some(refund) if refund.amount == e.amount => "; too late, to be refunded".to_owned(),
                refund => back(refund),
            };
            format!("{} received via {} ({}){refund}", e.amount.plain(), e.channel, e.provider_reference)
        }
        Event::PaymentFailed(e) => format!("Payment failed: {}", e.reason_code),
        Event::PaymentRefunded(e) => format!("{} refunded ({})", e.amount.plain(), e.provider_reference),
        _ => "Event of a payment".into(),
    }
}

fn side(by: Initiator) -> &'static str {
    match by {
        Initiator::Guest => "the guest",
        Initiator::Staff => "the restaurant",
        Initiator::System => "the system",
    }
}

fn back(refund: Option<Refund>) -> String {
    refund.map(|refund| format!("; {} to be refunded", refund.amount.plain())).unwrap_or_default()
}

fn medium(medium: Medium) -> &'static str {
    match medium {
        Medium::Mail => "mail",
        Medium::Sms => "text message",
    }
}
