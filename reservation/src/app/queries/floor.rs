//! The floor: every table with its party, as a host sees it.

use access::Caller;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use contract::reservation::floor::{Floor, FloorService, PartyView, PlaceView, SlotLimits, TableState};
use contract::reservation::words::TableStatus;
use events::TableId;
use events::values::TimeWindow;

use super::{QueryError, local};
use crate::app::App;
use crate::app::projections::{Filter, Party};
use crate::app::words;
use crate::domain::availability::{BookingRules, Holder, Occupancy, Pacing, Place, Sitting, TakenTable};
use crate::domain::venue::Venue;

/// How far ahead the next party at a table is looked for, in hours.
const AHEAD_HOURS: i64 = 24;

impl App {
    /// The floor of a venue at some time.
    ///
    /// # Errors
    /// [`QueryError::Read`].
    pub async fn floor(
        &self,
        venue: &Venue,
        at: DateTime<Utc>,
        caller: &Caller,
    ) -> Result<Floor, QueryError> {
        caller.may_use(&venue.id)?;
        let now = self.env.now();
        let date = venue.date_of(at);
        let day = venue.day(date);
        let (start, end) = (day.start.min(at), day.end.max(at + TimeDelta::hours(AHEAD_HOURS)));
        let window = TimeWindow { start, end };
        self.know_visits(&venue.id, &window).await?;
        let feed_cursor = self.projections.cursor();
        let (occupancy, parties, position) = self.projections.parties(&venue.id, &window);
        let extra = occupancy.tables().into_iter().filter(|id| venue.table(id).is_none());
        let known = venue.tables.iter().map(|table| table.id.clone());
        let table_state = |id: TableId| {
            let (here, next) = around(&occupancy, &id, at, now);
            let with_party = |taken: TakenTable| Some((taken, parties.get(&taken.by)?.clone()));
            let of_day =
                occupancy.at(&id, &day).filter(|taken| (day.start..day.end).contains(&taken.window.start));
            let of_day = of_day.filter_map(with_party).collect();
            let parties =
                Parties { here: here.and_then(with_party), next: next.and_then(with_party), of_day };
            state(venue, &id, &parties, at)
        };
        let tables = known.chain(extra).filter_map(table_state).collect();
        let needs_table = self.without_table(venue, &day);
        let (venue_id, at) = (venue.id.clone(), local(at, venue.timezone.name()));
        let position = position.0;
        let (services, slots) =
            venue.rules.as_ref().map_or_else(Default::default, |rules| hours(rules, date));
        Ok(Floor { venue_id, at, date, position, feed_cursor, services, slots, tables, needs_table })
    }
}

impl App {
    /// The parties of the business day `day` that need a table, by arrival.
    fn without_table(&self, venue: &Venue, day: &TimeWindow) -> Vec<PartyView> {
        let filter = Filter {
            venue_id: Some(venue.id.clone()),
            from: Some(day.start),
            to: Some(day.end),
            needs_table: Some(true),
            ..Filter::default()
        };
        let zone = venue.timezone.name();
        let mut parties = Vec::new();
        self.projections.each(&filter, |reservation| {
            parties.push(PartyView {
                reservation_id: Some(reservation.id),
                waitlist_id: None,
                party_size: reservation.party_size(),
                start_time: local(reservation.window().start, zone),
                end_time: local(reservation.window().end, zone),
            });
        });
        parties
    }
}

/// The services of `date`, and the limits of arrival times.
fn hours(rules: &BookingRules, date: NaiveDate) -> (Vec<FloorService>, Option<SlotLimits>) {
    let (hours, Pacing { covers, parties }) = (&rules.hours, rules.pacing);
    let service = |sitting: Sitting| FloorService {
        opens: local(sitting.opens, hours.zone.name()),
        closes: local(sitting.closes, hours.zone.name()),
        name: sitting.name,
    };
    let mut services: Vec<_> = hours.on(date).into_iter().map(service).collect();
    services.sort_by_key(|service| service.opens);
    (services, Some(SlotLimits { minutes: hours.slot_minutes, covers_max: covers, parties_max: parties }))
}

/// The assignment in force at some time, and the next one. A seated party has its table until it leaves.
fn around(
    occupancy: &Occupancy,
    id: &TableId,
    at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> (Option<TakenTable>, Option<TakenTable>) {
    let until = at + TimeDelta::seconds(1);
    let sits = occupancy.sitting_at(id, at).filter(|taken| at <= now || at < taken.window.end);
    let due = occupancy.at(id, &TimeWindow { start: at, end: until }).next();
    let coming = || occupancy.next(id, until, at + TimeDelta::hours(AHEAD_HOURS));
    match sits {
        Some(sits) => (Some(sits), due.filter(|due| *due != sits).or_else(coming)),
        None => (due, coming()),
    }
}

/// The parties of a table, each with its assignment.
struct Parties {
    here: Option<(TakenTable, Party)>,
    next: Option<(TakenTable, Party)>,
    /// All parties of the business day, by arrival.
    of_day: Vec<(TakenTable, Party)>,
}

/// `None` for a table that was added by hand for another evening.
fn state(venue: &Venue, id: &TableId, parties: &Parties, at: DateTime<Utc>) -> Option<TableState> {
    let Parties { here, next, of_day } = parties;
    let zone = venue.timezone.name();
    let extra = || {
        let (_, party) = here.as_ref().or(next.as_ref()).or(of_day.first())?;
        party.tables.iter().find(|table| table.id == *id).cloned()
    };
    let table = venue.table(id).cloned().or_else(extra)?;
    let status = match here {
        None => TableStatus::Free,
        Some((taken, party)) if party.seated_at.is_some() => match taken.window.end <= at {
            true => TableStatus::Overdue,
            false => TableStatus::Seated,
        },
        Some((TakenTable { by: Holder::Offer(_), .. }, _)) => TableStatus::Offered,
        Some(_) => TableStatus::Reserved,
    };
    let until = match here {
        Some((taken, _)) => Some(taken.window.end),
        None => next.as_ref().map(|(taken, _)| taken.window.start),
    };
    let party = |(taken, party): &(TakenTable, Party)| PartyView {
        reservation_id: taken.by.reservation(),
        waitlist_id: match taken.by {
            Holder::Offer(id) => Some(id),
            Holder::Booking(_) | Holder::WalkIn(_) => None,
        },
        party_size: party.size,
        start_time: local(taken.window.start, zone),
        end_time: local(taken.window.end, zone),
    };
    let since = here.as_ref().and_then(|(_, party)| party.seated_at);
    Some(TableState {
        table_id: table.id,
        area: table.area,
        seats: table.seats,
        place: table.place.map(|Place { x_cm, y_cm, shape }| PlaceView {
            x_cm,
            y_cm,
            shape: words::table_shape(shape),
        }),
        state: status,
        seated_since: since.map(|since| local(since, zone)),
        until: until.map(|until| local(until, zone)),
        party: here.as_ref().map(party),
        next: next.as_ref().map(party),
        parties: of_day.iter().map(party).collect(),
    })
}
