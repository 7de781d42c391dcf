//! Calendar files: RFC 5545, with the methods of iTIP, RFC 5546. The UID is stable, and the SEQUENCE is the version of
//! the reservation, so that a calendar replaces its entry.
//!
//! No library is used: those that were examined do not both write METHOD and fold lines by octets.

use chrono::{DateTime, Utc};

/// A visit to a restaurant.
#[derive(Debug, Clone)]
pub struct Visit<'a> {
    /// The id of the booking, a UUID: the UID of every file about it, RFC 7986 §5.3. It contains no host, so that the files of a
    /// mail and of a page are the same entry.
    pub id: &'a str,
    /// Increases with every change.
    pub sequence: u64,
    /// The arrival.
    pub start: DateTime<Utc>,
    /// The end.
    pub end: DateTime<Utc>,
    /// The name of the restaurant.
    pub venue: &'a str,
    /// Its postal address, lines separated by line breaks.
    pub address: Option<&'a str>,
    /// Latitude and longitude, WGS 84.
    pub place: Option<(f64, f64)>,
    /// The number of guests.
    pub party_size: u8,
    /// Whether it is certain: a booking that waits for its deposit is not.
    pub is_confirmed: bool,
}

/// What a file does.
#[derive(Debug, Clone, Copy)]
pub enum Purpose<'a> {
    /// Offers the visit for any calendar.
    Publish,
    /// Adds the visit to the calendar of the guest, or replaces it there.
    Request(Invitation<'a>),
    /// Removes the visit from the calendar of the guest.
    Cancel(Invitation<'a>),
}

/// The sender and the recipient of a file by mail.
#[derive(Debug, Clone, Copy)]
pub struct Invitation<'a> {
    /// The address of the sender.
    pub from: &'a str,
    /// The name of the guest.
    pub name: &'a str,
    /// The address of the guest.
    pub to: &'a str,
}

impl Purpose<'_> {
    /// The iTIP method, RFC 5546.
    #[must_use]
    pub fn method(&self) -> &'static str {
        match self {
            Self::Publish => "PUBLISH",
            Self::Request(_) => "REQUEST",
            Self::Cancel(_) => "CANCEL",
        }
    }
}

/// The file about `visit`, made at `now`.
#[must_use]
pub fn file(visit: &Visit<'_>, purpose: Purpose<'_>, now: DateTime<Utc>) -> String {
    let stamp = |at: DateTime<Utc>| at.format("%Y%m%dT%H%M%SZ").to_string();
    let address = visit.address.map(|address| address.replace('\n', ", "));
    let place: Vec<_> = [Some(visit.venue.to_owned()), address].into_iter().flatten().collect();
    let status = match purpose {
        Purpose::Cancel(_) => "CANCELLED",
        _ if visit.is_confirmed => "CONFIRMED",
        _ => "TENTATIVE",
    };
    let mut lines = vec![
        "BEGIN:VCALENDAR".to_owned(),
        "VERSION:2.0".to_owned(),
        "PRODID:-//Meja//Meja//EN".to_owned(),
        format!("METHOD:{}", purpose.method()),
        "BEGIN:VEVENT".to_owned(),
        format!("UID:{}", visit.id),
        format!("SEQUENCE:{}", visit.sequence),
        format!("DTSTAMP:{}", stamp(now)),
        format!("DTSTART:{}", stamp(visit.start)),
        format!("DTEND:{}", stamp(visit.end)),
        format!("SUMMARY:{}", escaped(&format!("{} ({})", visit.venue, visit.party_size))),
        format!("LOCATION:{}", escaped(&place.join(", "))),
    ];
    // RFC 5545 §3.8.1.6: latitude, then longitude.
    lines.extend(visit.place.map(|(latitude, longitude)| format!("GEO:{latitude};{longitude}")));
    if let Purpose::Request(sent) | Purpose::Cancel(sent) = purpose {
        lines.push(format!("ORGANIZER;CN={}:mailto:{}", parameter(visit.venue), sent.from));
        lines.push(format!(
            "ATTENDEE;CN={};ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED;RSVP=FALSE:mailto:{}",
            parameter(sent.name),
            sent.to
        ));
    }
    lines.extend([format!("STATUS:{status}"), "END:VEVENT".to_owned(), "END:VCALENDAR".to_owned()]);
    lines.iter().map(|line| folded(line) + "\r\n").collect()
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
