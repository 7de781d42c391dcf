//! Events in words, for a person.

use events::event::Event;
use events::values::{CancelledBy, Medium, Money, Purpose};

use super::super::representation::local;

/// What happened, in words. Times are the venue's.
pub(crate) fn note(event: &Event, timezone: &str) -> String {
    let at = |time| local(time, timezone);
    match event {
        Event::ReservationCreated(e) => {
            format!("Asked for a table for {} at {}", e.party_size, at(e.window.start))
        }
        Event::ReservationConfirmed(e) if e.deposit_waived => "Confirmed; the deposit was waived".into(),
        Event::ReservationConfirmed(e) => format!("Confirmed for {}", at(e.window.start)),
        Event::TableAssigned(e) => format!("Given table {} ({}, seats {})", e.table_id, e.area, e.capacity),
        Event::TableReleased(e) => format!("Table {} is free again", e.table_id),
        Event::ReservationRescheduled(e) => format!("Moved from {} to {}", at(e.from.start), at(e.to.start)),
        Event::PartySizeChanged(e) => format!("Party changed from {} to {}", e.from, e.to),
        Event::ReservationCheckedIn(_) => "The party is there".into(),
        Event::ReservationCompleted(_) => "The party has left".into(),
        Event::ReservationCancelled(e) => {
            let by = match e.cancelled_by {
                CancelledBy::Guest => "the guest",
                CancelledBy::Staff => "the restaurant",
                CancelledBy::System => "the system",
            };
            let refund =
                e.refund.as_ref().map(|r| format!("; {} go back", money(&r.amount))).unwrap_or_default();
            format!("Cancelled by {by}: {}{refund}", e.reason_code)
        }
        Event::ReservationNoShow(e) => {
            let fee = e.fee.map(|fee| format!("; the fee is {}", money(&fee))).unwrap_or_default();
            let back = e.refund.map(|r| format!("; {} go back", money(&r.amount))).unwrap_or_default();
            format!("The party never came{fee}{back}")
        }
        Event::PaymentRequested(e) if e.purpose == Purpose::NoShowFee => {
            format!("A fee of {} for not having come is due by {}", money(&e.amount), at(e.expires_at))
        }
        Event::PaymentRequested(e) => {
            format!("A deposit of {} is due by {}", money(&e.amount), at(e.expires_at))
        }
        Event::PaymentCompleted(e) => {
            let refund = if e.refund.is_some() { "; too late, it goes back" } else { "" };
            format!("{} came by {} ({}){refund}", money(&e.amount), e.channel, e.provider_reference)
        }
        Event::PaymentFailed(e) => format!("What was asked for was not paid: {}", e.reason_code),
        Event::PaymentRefunded(e) => format!("{} went back ({})", money(&e.amount), e.provider_reference),
        Event::NotificationSent(e) => format!("Told the guest by {}: {}", medium(e.medium), e.template),
        Event::NotificationFailed(e) => {
            format!("Could not tell the guest by {}: {} ({})", medium(e.medium), e.template, e.reason_code)
        }
        Event::ContactErased(e) => format!("Personal data was forgotten: {}", e.reason_code),
        Event::VenueChanged(e) => {
            let stranded = match e.stranded_count {
                0 => String::new(),
                n => format!("; {n} bookings to come do not fit them"),
            };
            format!("Rules of version {}{stranded}", e.version)
        }
        Event::WaitlistJoined(_)
        | Event::WaitlistOffered(_)
        | Event::WaitlistWithdrawn(_)
        | Event::WaitlistAccepted(_)
        | Event::WaitlistLeft(_) => "A step of the waitlist".into(),
    }
}

/// `IDR 300000.00`: with the decimals that ISO 4217 gives the currency.
pub(crate) fn money(money: &Money) -> String {
    let decimals =
        iso_currency::Currency::from_code(money.currency.code()).and_then(|c| c.exponent()).unwrap_or(2);
    let unit = 10_i64.pow(u32::from(decimals));
    let (whole, part) = (money.amount_minor / unit, money.amount_minor % unit);
    match decimals {
        0 => format!("{} {whole}", money.currency),
        _ => format!("{} {whole}.{part:0width$}", money.currency, width = usize::from(decimals)),
    }
}

fn medium(medium: Medium) -> &'static str {
    match medium {
        Medium::Mail => "mail",
        Medium::Sms => "text message",
    }
}
