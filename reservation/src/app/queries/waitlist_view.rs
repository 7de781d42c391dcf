//! The representation of waitlist entries.

use chrono::{DateTime, TimeDelta, Utc};
use events::VenueId;
use events::event::{OfferedTable, WaitlistOffered};
use serde::Serialize;
use utoipa::ToSchema;

use super::{QueryError, local};
use crate::app::App;
use crate::app::confidential::Contact;
use crate::domain::waitlist::{WaitlistEntry, WaitlistState};

/// A waitlist entry.
#[derive(Debug, Serialize, ToSchema)]
pub struct WaitlistView {
    #[schema(example = "01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f")]
    waitlist_id: String,
    #[schema(example = "cust-42")]
    customer_id: String,
    /// WAITING, OFFERED, ACCEPTED or LEFT.
    #[schema(example = "WAITING")]
    status: &'static str,
    #[schema(example = "bandung-dago")]
    venue_id: String,
    #[schema(example = "Warung Sinar Dago")]
    venue_name: String,
    #[schema(example = "Asia/Jakarta")]
    timezone: String,
    #[schema(example = 2)]
    party_size: u8,
    area: Option<String>,
    #[schema(example = "2026-12-24T18:00:00+07:00")]
    earliest_time: String,
    #[schema(example = "2026-12-24T20:00:00+07:00")]
    latest_time: String,
    /// 1 is the first; null if the party is no longer waiting.
    #[schema(example = 1)]
    place_in_line: Option<usize>,
    offer: Option<OfferView>,
    /// The reservation created by accepting an offer.
    reservation_id: Option<String>,
    /// The reason for leaving: gave_up, declined, offer_expired or time_passed.
    left_because: Option<String>,
    /// Null if the party is no longer waiting: its contact was forgotten, or moved to the reservation.
    contact_name: Option<String>,
    #[schema(example = "id")]
    locale: &'static str,
    created_at: DateTime<Utc>,
    /// Increases with every change; the ETag is this number in quotes.
    version: u64,
}

/// An offer to a waiting party.
#[derive(Debug, Serialize, ToSchema)]
struct OfferView {
    #[schema(example = "2026-12-24T19:00:00+07:00")]
    start_time: String,
    #[schema(example = "2026-12-24T20:30:00+07:00")]
    end_time: String,
    /// When the offer expires and goes to the next party.
    expires_at: DateTime<Utc>,
    tables: Vec<OfferedTableView>,
}

/// A table that is held for the party.
#[derive(Debug, Serialize, ToSchema)]
struct OfferedTableView {
    #[schema(example = "T3")]
    table_id: String,
    #[schema(example = "Teras")]
    area: String,
    capacity: u8,
}

/// The waitlist of a venue.
#[derive(Serialize, ToSchema)]
pub struct Waitlist {
    items: Vec<WaitlistView>,
    /// The position of the log that the result is based on.
    position: u64,
}

impl App {
    /// The representation of a waitlist entry.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn waitlist_view(&self, entry: &WaitlistEntry) -> Result<WaitlistView, QueryError> {
        // The place counts the parties that joined earlier, and this entry itself.
        self.projections.wait_until(entry.at.position).await;
        let venue = &entry.joined.venue_id;
        let before = self.projections.parties_before(venue, entry.at.position);
        let place = entry.is_waiting().then_some(before + 1);
        let contact: Option<Contact> = self.confidential(entry.at.position).await?;
        let name = contact.map(|contact| contact.name);
        Ok(WaitlistView::of(entry, place, self.venue_name(venue), name))
    }

    /// The waitlist of a venue, in its order.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn waitlist(&self, venue: &VenueId) -> Result<Waitlist, QueryError> {
        let (entries, position) = self.projections.waitlist(venue);
        let positions = entries.iter().map(|entry| entry.at.position).collect();
        let contacts: Vec<Option<Contact>> = self.confidential_of(positions).await?;
        let venue_name = self.venue_name(venue);
        let view = |(before, (entry, contact)): (usize, (_, Option<Contact>))| {
            let entry: &std::sync::Arc<WaitlistEntry> = entry;
            let name = contact.map(|contact| contact.name);
            WaitlistView::of(entry, Some(before + 1), venue_name.clone(), name)
        };
        let items = entries.iter().zip(contacts).enumerate().map(view).collect();
        Ok(Waitlist { items, position: position.0 })
    }
}

impl WaitlistView {
    fn of(
        entry: &WaitlistEntry,
        place: Option<usize>,
        venue_name: String,
        contact_name: Option<String>,
    ) -> Self {
        let (joined, zone) = (&entry.joined, entry.joined.timezone.as_str());
        let latest = joined.acceptable.end - TimeDelta::seconds(1);
        Self {
            waitlist_id: entry.id.to_string(),
            customer_id: joined.customer_id.to_string(),
            status: entry.word(),
            venue_id: joined.venue_id.to_string(),
            venue_name,
            timezone: zone.to_owned(),
            party_size: joined.party_size.get(),
            area: joined.area.clone(),
            earliest_time: local(joined.acceptable.start, zone),
            latest_time: local(latest, zone),
            place_in_line: place,
            offer: entry.offer().map(|offered| OfferView::of(offered, zone)),
            reservation_id: match &entry.state {
                WaitlistState::Accepted(id) => Some(id.to_string()),
                WaitlistState::Waiting | WaitlistState::Offered(_) | WaitlistState::Left { .. } => None,
            },
            left_because: match &entry.state {
                WaitlistState::Left { reason_code } => Some(reason_code.clone()),
                WaitlistState::Waiting | WaitlistState::Offered(_) | WaitlistState::Accepted(_) => None,
            },
            contact_name,
            locale: joined.locale.tag(),
            created_at: entry.at.time,
            version: entry.version,
        }
    }
}

impl OfferView {
    fn of(offered: &WaitlistOffered, zone: &str) -> Self {
        let table = |table: &OfferedTable| OfferedTableView {
            table_id: table.table_id.to_string(),
            area: table.area.clone(),
            capacity: table.capacity,
        };
        Self {
            start_time: local(offered.window.start, zone),
            end_time: local(offered.window.end, zone),
            expires_at: offered.expires_at,
            tables: offered.tables.iter().map(table).collect(),
        }
    }
}
