//! The calendar file of a message.

use chrono::{DateTime, Utc};
use lettre::message::Mailbox;
use people::calendar::{Invitation, Purpose, Visit, file};

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
pub(super) fn of_message(
    template: Template,
    facts: &Facts<'_>,
    from: &Mailbox,
    to: Recipient<'_>,
    now: DateTime<Utc>,
) -> Option<Calendar> {
    let confirmed = facts.occasion.is_confirmed();
    let sent = Invitation { from: from.email.as_ref(), name: to.name, to: to.address };
    let purpose = match template {
        Template::Confirmed => Purpose::Request(sent),
        Template::Rescheduled | Template::Resized | Template::Reinstated if confirmed => {
            Purpose::Request(sent)
        }
        Template::Cancelled => Purpose::Cancel(sent),
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
        | Template::Waiting
        | Template::PaidLate => {
            return None;
        }
    };
    let visit = facts.occasion.visit();
    let profile = &visit.venue_profile;
    let visit = Visit {
        id: &visit.id,
        sequence: visit.version,
        start: visit.start_time.to_utc(),
        end: visit.end_time.to_utc(),
        venue: &visit.venue_name,
        address: profile.address.as_deref(),
        place: profile.latitude.zip(profile.longitude),
        party_size: visit.party_size,
        is_confirmed: true,
    };
    Some(Calendar { method: purpose.method(), text: file(&visit, purpose, now) })
}
