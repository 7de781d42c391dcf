//! Reservations that do not comply with the rules of their venue, which changed after the booking.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use events::ClosureId;
use events::event::{Event, ReservationAffected, ReservationConfirmed};

use super::{Charge, Reservation, Status, TableAssignment};
use crate::domain::availability::BookingRules;
use crate::domain::recorded_at::RecordedAt;
use crate::domain::venue::Venue;

/// The restaurant is closed at that time.
const CLOSED: &str = "closed";
/// The venue was removed.
const VENUE_GONE: &str = "venue_gone";
/// The venue assigns tables, and the reservation has none.
const NO_TABLE: &str = "no_table";
const TABLE_GONE: &str = "table_gone";
/// The restaurant is open at that time, but not at the table.
const TABLE_CLOSED: &str = "table_closed";
const TABLE_SMALLER: &str = "table_smaller";
/// The table is not in the rules, and the rules before are unknown.
const TABLE_UNKNOWN: &str = "table_unknown";
/// The local time of the visit changed with the time zone of the venue.
const ZONE_CHANGED: &str = "zone_changed";

/// Why a reservation does not comply with the rules of its venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Noncompliance {
    /// The reason as a stable code.
    pub reason: &'static str,
    /// The closure, if it is the reason.
    pub closure: Option<ClosureId>,
}

/// A recorded [`Noncompliance`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The reason as a stable code.
    pub reason: Box<str>,
    /// The closure, if it is the reason.
    pub closure: Option<ClosureId>,
}

impl Noncompliance {
    /// The restaurant was removed.
    pub const VENUE_GONE: Self = Self::by_rules(VENUE_GONE);

    const fn by_rules(reason: &'static str) -> Self {
        Self { reason, closure: None }
    }

    /// Whether `mark` records it.
    #[must_use]
    pub fn is_recorded(found: Option<Self>, mark: Option<&Mark>) -> bool {
        let found = found.map(|found| (found.reason, found.closure));
        found == mark.map(|mark| (&*mark.reason, mark.closure))
    }
}

impl Reservation {
    /// Why this reservation does not comply with the rules `now`; `None` if it does. `before` are the
    /// rules at the time at which it was arranged. Tables that staff added by hand are accepted, but without the rules
    /// `before` they look like removed ones.
    ///
    /// A table or a time zone that differs from `before` is noticed once. The mark of the reservation remembers it until
    /// the rules or the reservation change in that respect.
    ///
    /// A closure counts if it was declared after the party got its time and its tables: staff who place a party there later
    /// do so on purpose, for example the wedding for which the room is closed.
    #[must_use]
    pub fn affected_by(&self, now: &Venue, before: Option<&Venue>) -> Option<Noncompliance> {
        let tables = || self.tables.iter().map(|table| &table.table_id);
        let rules = now.rules.as_ref();
        if let Some(closure) = rules.and_then(|rules| self.under_closure(rules)) {
            return Some(closure);
        }
        let zone_changes = before.is_some_and(|before| before.timezone != now.timezone);
        if zone_changes && self.local_time_differs(now) {
            return Some(Noncompliance::by_rules(ZONE_CHANGED));
        }
        let is_closed = |venue: &Venue| {
            venue.rules.as_ref().is_some_and(|rules| !rules.is_served_anywhere(&self.window()))
        };
        // The restaurant has accepted a booking of another system although it was closed by these rules.
        let was_accepted = self.booking.imported.is_some() && before.is_none_or(is_closed);
        if is_closed(now) && !was_accepted {
            return Some(Noncompliance::by_rules(CLOSED));
        }
        let of_table = self.tables.iter().find_map(|table| self.table_reason(table, now, before));
        let at_closed_table = || {
            let is_served = |rules: &BookingRules| rules.is_served(&self.window(), tables());
            (!was_accepted && !rules.is_none_or(is_served)).then_some(TABLE_CLOSED)
        };
        let without_table = || (rules.is_some() && self.tables.is_empty()).then_some(NO_TABLE);
        let reason =
            of_table.or_else(|| self.remembered(now)).or_else(at_closed_table).or_else(without_table);
        reason.map(Noncompliance::by_rules)
    }

    /// The first closure that affects this reservation.
    fn under_closure(&self, rules: &BookingRules) -> Option<Noncompliance> {
        let closure = self.closures_over(rules).next()?;
        let reason = if rules.is_open_anywhere(&self.window()) { TABLE_CLOSED } else { CLOSED };
        Some(Noncompliance { reason, closure: Some(closure) })
    }

    /// The closures that affect this reservation, by the rules `rules`.
    fn closures_over(&self, rules: &BookingRules) -> impl Iterator<Item = ClosureId> {
        let tables: Vec<_> = self.tables.iter().map(|table| (&table.table_id, table.area.as_str())).collect();
        let placed_at = self.placed_at;
        let closures = rules.closures_over(&self.window(), &tables).into_iter();
        closures.filter(move |part| part.since > placed_at).map(|part| part.id)
    }

    /// Whether a closure affects this reservation by the rules `rules`, marked or not.
    pub(super) fn is_closed_out(&self, rules: &BookingRules) -> bool {
        self.closures_over(rules).next().is_some()
    }

    /// Whether this reservation is expected, and the closure `closure` affects it by the rules `rules`.
    #[must_use]
    pub fn is_under(&self, closure: ClosureId, rules: &BookingRules) -> bool {
        matches!(self.status, Status::Pending | Status::Confirmed)
            && self.closures_over(rules).any(|id| id == closure)
    }

    /// What a change of the rules means for an assigned table.
    fn table_reason(
        &self,
        table: &TableAssignment,
        now: &Venue,
        before: Option<&Venue>,
    ) -> Option<&'static str> {
        let seats_before = match before {
            Some(before) => before.table(&table.table_id).map(|table| table.seats),
            None => Some(table.capacity),
        };
        match (now.table(&table.table_id), seats_before) {
            (None, _) if before.is_none() => Some(TABLE_UNKNOWN),
            (None, Some(_)) => Some(TABLE_GONE),
            (Some(now_table), Some(seats)) if now_table.seats < seats && self.has_too_few_seats(now) => {
                Some(TABLE_SMALLER)
            }
            _ => None,
        }
    }

    /// The reason of the mark, or the one before the restaurant was closed, if it still holds.
    fn remembered(&self, now: &Venue) -> Option<&'static str> {
        let is_missing = || self.tables.iter().any(|table| now.table(&table.table_id).is_none());
        [&self.affected, &self.affected_before].into_iter().find_map(|mark| match &*mark.as_ref()?.reason {
            TABLE_GONE if is_missing() => Some(TABLE_GONE),
            TABLE_UNKNOWN if is_missing() => Some(TABLE_UNKNOWN),
            TABLE_SMALLER if self.has_too_few_seats(now) => Some(TABLE_SMALLER),
            ZONE_CHANGED if self.local_time_differs(now) => Some(ZONE_CHANGED),
            _ => None,
        })
    }

    fn has_too_few_seats(&self, now: &Venue) -> bool {
        let seats = self.tables.iter().map(|table| {
            let seats_now = now.table(&table.table_id).map_or(table.capacity, |table| table.seats);
            u32::from(seats_now.min(table.capacity))
        });
        seats.sum::<u32>() < u32::from(self.party_size().get())
    }

    /// Whether the guest knows the start in another local time than the venue has now.
    fn local_time_differs(&self, now: &Venue) -> bool {
        let start = self.window().start;
        let known: Tz = self.booking.timezone.parse().unwrap_or(Tz::UTC);
        start.with_timezone(&known).naive_local() != start.with_timezone(&now.timezone).naive_local()
    }

    /// Whether staff have to find a table for the party, which is expected at a venue that assigns tables.
    #[must_use]
    pub fn needs_table(&self) -> bool {
        match self.status {
            Status::Pending | Status::Confirmed => {
                let is_without = |mark: &Mark| match &*mark.reason {
                    NO_TABLE => true,
                    reason => reason == TABLE_CLOSED && mark.closure.is_some(),
                };
                self.lost_table || self.affected.as_deref().is_some_and(is_without)
            }
            // It stands at the door.
            Status::CheckedIn => self.lost_table,
            Status::Completed | Status::Cancelled { .. } | Status::NoShow => false,
        }
    }

    /// Whether the venue no longer has a table of the party.
    pub(super) fn has_gone_table(&self) -> bool {
        matches!(self.affected_reason(), Some(TABLE_GONE | TABLE_UNKNOWN))
    }

    /// The name of the service of `venue` in which the visit begins. Of several at the same time, the one that uses its table.
    #[must_use]
    pub fn service(&self, venue: &Venue) -> Option<String> {
        let sittings = venue.rules.as_ref()?.hours.open_at(self.window().start);
        let table = self.tables.first().or(self.left_tables.first());
        let table = table.and_then(|table| venue.table(&table.table_id));
        let own = sittings.iter().find(|sitting| table.is_some_and(|table| sitting.serves(table)));
        own.or(sittings.first()).map(|sitting| sitting.name.clone())
    }

    /// Why the reservation does not comply with the rules of the venue, as a stable code.
    #[must_use]
    pub fn affected_reason(&self) -> Option<&str> {
        self.affected.as_deref().map(|mark| &*mark.reason)
    }

    /// Whether the restaurant or the table is closed at the time of the visit, or the venue was removed. Then the guest owes
    /// nothing, and no deadline runs: staff move or cancel the visit.
    #[must_use]
    pub fn is_called_off(&self) -> bool {
        self.affected.as_deref().is_some_and(Mark::calls_off)
    }

    /// The events that mark this reservation. One that is over or was cancelled is no longer affected by rules. A time
    /// at which the restaurant opens again requests the deposit again, because its payment was closed.
    pub(super) fn decide_mark(
        &self,
        found: Option<Noncompliance>,
        rules_version: u32,
        now: DateTime<Utc>,
    ) -> Vec<Event> {
        let is_expected = matches!(self.status, Status::Pending | Status::Confirmed);
        if !is_expected || Noncompliance::is_recorded(found, self.affected.as_deref()) {
            return vec![];
        }
        let reason = found.map(|found| found.reason.to_owned());
        let closure_id = found.and_then(|found| found.closure);
        let marked = ReservationAffected { reason, rules_version, closure_id };
        let calls_off = Mark::of(&marked).is_some_and(|mark| mark.calls_off());
        let deposit = self.renewed_deposit(now).filter(|_| !calls_off);
        let confirmed = self.confirmed_once_open().filter(|_| !calls_off);
        std::iter::once(marked.into()).chain(deposit).chain(confirmed).collect()
    }

    /// Confirms a called-off booking whose visit is possible again, if its contact was proved meanwhile and nothing else is missing.
    fn confirmed_once_open(&self) -> Option<Event> {
        let is_ready = self.status == Status::Pending
            && self.is_called_off()
            && self.booking.policy.auto_confirm
            && self.booking.contact_proof.is_some()
            && self.contact_proof.missing().is_none()
            && self.deposit == Charge::NotRequired;
        let confirmed = ReservationConfirmed { window: self.window(), deposit_waived: false };
        is_ready.then(|| confirmed.into())
    }

    /// Applies an event to the mark.
    pub(super) fn arrange(&mut self, event: &Event, at: RecordedAt) {
        match event {
            Event::ReservationAffected(affected) => {
                let last = std::mem::replace(&mut self.affected, Mark::of(affected).map(Box::new));
                match self.is_called_off() {
                    true => {
                        self.deposit.close();
                        // The reason before is remembered once.
                        if !last.as_deref().is_some_and(Mark::calls_off) {
                            self.affected_before = last;
                        }
                    }
                    false => self.affected_before = None,
                }
            }
            Event::ReservationRescheduled(_) => {
                (self.affected, self.affected_before) = (None, None);
                self.placed_at = at.position;
            }
            // The restaurant is open at that time, otherwise the change would not have been undone.
            Event::ReservationUndone(_) if self.is_called_off() => {
                self.affected = self.affected_before.take();
            }
            // An undo gives back what the party had.
            Event::TableAssigned(_) if self.undone_at == Some(at.time) => {}
            // Tables that are assigned anew replace those that did not comply.
            Event::TableAssigned(_) => {
                let was_closed = self.is_under_closure();
                self.forget(&[NO_TABLE, TABLE_GONE, TABLE_CLOSED, TABLE_SMALLER, TABLE_UNKNOWN]);
                // See `affected_by`.
                if was_closed {
                    self.affected = self.affected_before.take();
                }
                self.placed_at = at.position;
            }
            // A party keeps its tables only if they fit.
            Event::PartySizeChanged(_) => self.forget(&[TABLE_SMALLER]),
            _ => return,
        }
        self.arranged_at = at.position;
    }

    fn forget(&mut self, reasons: &[&str]) {
        for mark in [&mut self.affected, &mut self.affected_before] {
            if mark.as_deref().is_some_and(|mark| reasons.contains(&&*mark.reason)) {
                *mark = None;
            }
        }
    }

    /// Whether it is marked because of a closure.
    pub(super) fn is_under_closure(&self) -> bool {
        self.affected.as_deref().is_some_and(|mark| mark.closure.is_some())
    }
}

impl Mark {
    /// The mark that an event records; `None` if the reservation complies.
    fn of(affected: &ReservationAffected) -> Option<Self> {
        let reason = affected.reason.as_deref()?.into();
        Some(Self { reason, closure: affected.closure_id })
    }

    /// Whether it calls the visit off, see [`Reservation::is_called_off`].
    fn calls_off(&self) -> bool {
        self.closure.is_some() || matches!(&*self.reason, CLOSED | VENUE_GONE)
    }
}
