//! Calendar files: RFC 5545, with the methods of iTIP, RFC 5546. The UID is stable, and the SEQUENCE is the version of
//! the reservation, so that a calendar replaces its entry.
//!
//! No library is used: those that were examined do not both write METHOD and fold lines by octets.

use chrono::{DateTime, Utc};
use lettre::message::Mailbox;

use super::{Facts, Recipient};
use crate::domain::effect::Template;

/// A calendar file.
pub(super) struct Calendar {
    /// iTIP method, RFC 5546.
    pub(super) method: &'static str,
    /// The file.
    pub(super) text: String,
}

/// The calendar file of a message, if it sets or cancels a time.
pub(super) fn file(
    template: Template,
    facts: &Facts<'_>,
    from: &Mailbox,
    to: Recipient<'_>,
    now: DateTime<Utc>,
) -> Option<Calendar> {
    let confirmed = facts.occasion.is_confirmed();
    let (method, status) = match template {
        Template::Confirmed => ("REQUEST", "CONFIRMED"),
        Template::Rescheduled | Template::Resized | Template::Reinstated if confirmed => {
            ("REQUEST", "CONFIRMED")
        }
        Template::Cancelled => ("CANCEL", "CANCELLED"),
        Template::Received
        | Template::DepositDue
        | Template::Rescheduled
        | Template::Resized
        | Template::OfferOver
        | Template::Reinstated
        | Template::FeeWithdrawn
        | Template::Refunded
        | Template::Reminder
        | Template::Offer
        | Template::FeeDue
        | Template::StillComing
        | Template::TableReady
        | Template::ProveContact
        | Template::PaidLate => {
            return None;
        }
    };
    let visit = facts.occasion.visit();
    let stamp = |at: DateTime<Utc>| at.format("%Y%m%dT%H%M%SZ").to_string();
    let profile = &visit.venue_profile;
    let address = profile.address.as_deref().map(|address| address.replace('\n', ", "));
    let place =
        [Some(visit.venue_name.clone()), address].into_iter().flatten().collect::<Vec<_>>().join(", ");
    // RFC 5545 §3.8.1.6: latitude, then longitude.
    let geo = profile
        .latitude
        .zip(profile.longitude)
        .map(|(latitude, longitude)| format!("GEO:{latitude};{longitude}"));
    let lines = [
        "BEGIN:VCALENDAR".to_owned(),
        "VERSION:2.0".to_owned(),
        "PRODID:-//Meja//Meja//EN".to_owned(),
        format!("METHOD:{method}"),
        "BEGIN:VEVENT".to_owned(),
        format!("UID:{}@{}", visit.id, from.email.domain()),
        format!("SEQUENCE:{}", visit.version),
        format!("DTSTAMP:{}", stamp(now)),
        format!("DTSTART:{}", stamp(visit.start_time.to_utc())),
        format!("DTEND:{}", stamp(visit.end_time.to_utc())),
        format!("SUMMARY:{}", escaped(&format!("{} ({})", visit.venue_name, visit.party_size))),
        format!("LOCATION:{}", escaped(&place)),
        format!("ORGANIZER;CN={}:mailto:{}", parameter(&visit.venue_name), from.email),
        format!(
            "ATTENDEE;CN={};ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED;RSVP=FALSE:mailto:{}",
            parameter(to.name),
            to.address
        ),
        format!("STATUS:{status}"),
        "END:VEVENT".to_owned(),
        "END:VCALENDAR".to_owned(),
    ];
    let is_location = |line: &&String| line.starts_with("LOCATION:");
    let before = lines.iter().position(|line| is_location(&line)).map_or(lines.len(), |place| place + 1);
    let lines = lines[..before].iter().chain(&geo).chain(&lines[before..]);
    let text = lines.map(|line| folded(line) + "\r\n").collect();
    Some(Calendar { method, text })
}

/// The value of a parameter, RFC 5545 §3.2: in quotes, which it cannot contain.
fn parameter(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "'").replace(char::is_control, " "))
}

/// RFC 5545 §3.3.11.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace(';', "\\;").replace(',', "\\,").replace('\n', "\\n")
}

/// Folds lines to at most 75 octets, RFC 5545 §3.1, never within a character.
fn folded(line: &str) -> String {
    let (mut folded, mut octets) = (String::new(), 0);
    for c in line.chars() {
        if octets + c.len_utf8() > 75 {
            folded.push_str("\r\n ");
            octets = 1;
        }
        folded.push(c);
        octets += c.len_utf8();
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_folded_between_characters() {
        let line = format!("SUMMARY:{}", "è".repeat(80));
        let folded = folded(&line);
        assert!(folded.split("\r\n").all(|part| part.len() <= 75));
        assert_eq!(folded.replace("\r\n ", ""), line);
    }
}
