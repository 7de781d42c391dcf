//! Short descriptions of events, for people.

use events::event::Event;
use events::values::{CancelledBy, Medium, Purpose};

use super::local;

/// A short description of an event. Times are local times of the venue.
pub fn note(event: &Event, timezone: &str) -> String {
    let at = |time| local(time, timezone);
    match event {
        Event::ReservationCreated(e) => {
            let what = if e.walk_in { "Walk-in" } else { "Booking requested" };
            let guests = if e.party_size.get() == 1 { "guest" } else { "guests" };
            format!("{what} for {} {guests} at {}", e.party_size, at(e.window.start))
        }
        Event::ReservationConfirmed(e) if e.deposit_waived => "Confirmed; the deposit was waived".into(),
        Event::ReservationConfirmed(e) => format!("Confirmed for {}", at(e.window.start)),
        Event::TableAssigned(e) => {
            format!("Table {} assigned ({}, seats {})", e.table_id, e.area, e.capacity)
        }
        Event::TableReleased(e) => format!("Table {} released", e.table_id),
        Event::ReservationRescheduled(e) => format!("Moved from {} to {}", at(e.from.start), at(e.to.start)),
        Event::PartySizeChanged(e) => format!("Party changed from {} to {}", e.from, e.to),
        Event::ReservationCheckedIn(_) => "The party arrived".into(),
        Event::ReservationCompleted(_) => "The party left".into(),
        Event::ReservationCancelled(e) => {
            let by = match e.cancelled_by {
                CancelledBy::Guest => "the guest",
                CancelledBy::Staff => "the restaurant",
                CancelledBy::System => "the system",
            };
            let refund = e
                .refund
                .as_ref()
                .map(|r| format!("; {} to be refunded", r.amount.plain()))
                .unwrap_or_default();
            format!("Cancelled by {by}: {}{refund}", e.reason_code)
        }
        Event::ReservationNoShow(e) => {
            let fee = e.fee.map(|fee| format!("; the no-show fee is {}", fee.plain())).unwrap_or_default();
            let back = e.refund.map(|r| format!("; {} to be refunded", r.amount.plain())).unwrap_or_default();
            format!("The party never arrived{fee}{back}")
        }
        Event::PaymentRequested(e) if e.purpose == Purpose::NoShowFee => {
            format!("A no-show fee of {} is due by {}", e.amount.plain(), at(e.expires_at))
        }
        Event::PaymentRequested(e) => {
            format!("A deposit of {} is due by {}", e.amount.plain(), at(e.expires_at))
        }
        Event::PaymentCompleted(e) => {
            let refund = if e.refund.is_some() { "; too late, to be refunded" } else { "" };
            format!("{} received via {} ({}){refund}", e.amount.plain(), e.channel, e.provider_reference)
        }
        Event::PaymentFailed(e) => format!("Payment failed: {}", e.reason_code),
        Event::PaymentRefunded(e) => format!("{} refunded ({})", e.amount.plain(), e.provider_reference),
        Event::NotificationSent(e) => {
            format!("Message sent to the guest by {}: {}", medium(e.medium), e.template)
        }
        Event::NotificationFailed(e) => {
            format!("Message to the guest by {} failed: {} ({})", medium(e.medium), e.template, e.reason_code)
        }
        Event::ContactErased(e) => format!("Personal data erased: {}", e.reason_code),
        Event::VenueChanged(e) => {
            let affected = match e.stranded_count {
                0 => String::new(),
                n => format!("; {n} future bookings do not comply"),
            };
            format!("Rules changed to version {}{affected}", e.version)
        }
        Event::WaitlistJoined(_)
        | Event::WaitlistOffered(_)
        | Event::WaitlistWithdrawn(_)
        | Event::WaitlistAccepted(_)
        | Event::WaitlistLeft(_) => "Waitlist event".into(),
    }
}

fn medium(medium: Medium) -> &'static str {
    match medium {
        Medium::Mail => "mail",
        Medium::Sms => "text message",
    }
}
