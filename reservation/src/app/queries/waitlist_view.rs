//! The representation of waitlist entries.

use std::collections::HashMap;
use std::sync::Arc;

use access::Caller;
use chrono::{NaiveDate, TimeDelta};
use contract::reservation::venues::ProfileView;
use contract::reservation::waitlist::{OfferView, OfferedTableView, Waitlist, WaitlistView};
use contract::reservation::words::LeftReason;
use events::VenueId;
use events::event::{OfferedTable, WaitlistOffered};
use events::values::Money;

use super::reservation_view::short_name;
use super::{QueryError, local};
use crate::app::App;
use crate::app::confidential::Contact;
use crate::app::contact_proof;
use crate::app::words;
use crate::domain::venue::Venue;
use crate::domain::waitlist::{WaitlistEntry, WaitlistState};

impl App {
    /// The representation of a waitlist entry.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn waitlist_view(&self, entry: &WaitlistEntry) -> Result<WaitlistView, QueryError> {
        // The place counts the parties that joined earlier, and this entry itself.
        self.projections.wait_until(entry.at.position).await;
        let venue = &entry.joined.venue_id;
        let before = self.projections.parties_before(entry);
        let place = entry.is_waiting().then_some(before + 1);
        let contact: Option<Contact> = self.confidential(entry.at.position).await?;
        let name = contact.map(|contact| contact.name);
        let rules = self.venues.get(Some(venue));
        Ok(view_of(entry, place, self.venue_label(venue), name, rules.as_deref()))
    }

    /// The waitlist of a venue, in its order.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn waitlist(&self, venue: &VenueId, caller: &Caller) -> Result<Waitlist, QueryError> {
        caller.may_use(venue)?;
        self.know_waitlist(venue).await?;
        let feed_cursor = self.projections.cursor();
        let (entries, position) = self.projections.waitlist(venue);
        let positions = entries.iter().map(|entry| entry.at.position).collect();
        let contacts: Vec<Option<Contact>> = self.confidential_of(positions).await?;
        let label = self.venue_label(venue);
        let rules = self.venues.get(Some(venue));
        let mut places: HashMap<Option<NaiveDate>, usize> = HashMap::new();
        let view = |(entry, contact): (&Arc<WaitlistEntry>, Option<Contact>)| {
            let date = rules.as_ref().map(|venue| venue.date_of(entry.joined.acceptable.start));
            let place = places.entry(date).or_default();
            *place += 1;
            let name = contact.map(|contact| short_name(&contact.name));
            view_of(entry, Some(*place), label.clone(), name, rules.as_deref())
        };
        let items = entries.iter().zip(contacts).map(view).collect();
        Ok(Waitlist { items, position: position.0, feed_cursor })
    }
}

fn view_of(
    entry: &WaitlistEntry,
    place: Option<usize>,
    (venue_name, venue_profile): (String, ProfileView),
    contact_name: Option<String>,
    rules: Option<&Venue>,
) -> WaitlistView {
    let (joined, zone) = (&entry.joined, entry.joined.timezone.as_str());
    let latest = joined.acceptable.end - TimeDelta::seconds(1);
    let size = joined.party_size;
    let deposit = rules.and_then(|venue| venue.policy_for(size).deposit_due(size));
    WaitlistView {
        waitlist_id: entry.id,
        customer_id: joined.customer_id.clone(),
        status: words::waitlist_status(&entry.state),
        venue_id: joined.venue_id.clone(),
        venue_name,
        venue_profile,
        timezone: zone.to_owned(),
        party_size: joined.party_size,
        area: joined.area.clone(),
        earliest_time: local(joined.acceptable.start, zone),
        latest_time: local(latest, zone),
        place_in_line: place,
        offer: entry.offer().map(|offered| offer(offered, zone, deposit)),
        reservation_id: match &entry.state {
            WaitlistState::Accepted(id) => Some(*id),
            WaitlistState::Waiting | WaitlistState::Offered(_) | WaitlistState::Left { .. } => None,
        },
        left_because: match &entry.state {
            WaitlistState::Left { reason_code } => LeftReason::from_word(reason_code),
            WaitlistState::Waiting | WaitlistState::Offered(_) | WaitlistState::Accepted(_) => None,
        },
        contact_name,
        locale: joined.locale.into(),
        attendance: entry.attendance.as_deref().map(words::attendance),
        contact_proof: contact_proof::view(&entry.contact_proof),
        quoted_minutes: joined.quoted_minutes,
        created_at: entry.at.time,
        version: entry.version,
        guest_link: None,
    }
}

fn offer(offered: &WaitlistOffered, zone: &str, deposit: Option<Money>) -> OfferView {
    let table = |table: &OfferedTable| OfferedTableView {
        table_id: table.table_id.clone(),
        area: table.area.clone(),
        capacity: table.capacity,
    };
    OfferView {
        start_time: local(offered.window.start, zone),
        end_time: local(offered.window.end, zone),
        expires_at: offered.expires_at,
        tables: offered.tables.iter().map(table).collect(),
        deposit,
    }
}
