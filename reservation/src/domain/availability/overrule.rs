//! Seating a party against rules of the venue. A table that is taken is never given.

use chrono::{DateTime, Utc};
use events::TableId;
use events::event::{Event, OverruledRule, RulesOverruled};

use super::hours::Sitting;
use super::occupancy::Occupancy;
use super::rules::{BookingRules, SeatingRequest, is_used};
use super::seating::Seating;
use super::unavailable::Unavailable;

/// A member of staff who overrules rules of the venue for one party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overrule {
    /// The reason as a stable code.
    pub reason_code: String,
}

impl Overrule {
    /// The event that `rules` were overruled; `None` if the request complied with them.
    #[must_use]
    pub fn event(&self, rules: Vec<OverruledRule>) -> Option<Event> {
        let reason_code = self.reason_code.clone();
        (!rules.is_empty()).then(|| RulesOverruled { rules, reason_code }.into())
    }
}

impl BookingRules {
    /// Like [`Self::seat`]. With `overrule` only free tables and opening hours count; also returns the event that other
    /// rules were overruled.
    ///
    /// # Errors
    /// Why no tables are available.
    pub fn seat_or_overrule(
        &self,
        overrule: Option<&Overrule>,
        occupancy: &Occupancy,
        request: &SeatingRequest<'_>,
        now: DateTime<Utc>,
    ) -> Result<(&Seating, Option<Event>), Unavailable> {
        let Some(overrule) = overrule else { return Ok((self.seat(occupancy, request, now)?, None)) };
        let sittings = self.hours.sittings(&request.window);
        if !self.is_open(&sittings, request.area) {
            return Err(Unavailable::Closed);
        }
        let mut rules: Vec<_> =
            self.notice(&request.window, now).err().and_then(rule_of).into_iter().collect();
        rules.extend(self.pace(occupancy, request).err().and_then(rule_of));
        let seating = self.tables_or_overrule(&sittings, occupancy, request, &mut rules)?;
        Ok((seating, overrule.event(rules)))
    }

    /// Like [`Self::tables_for`]. With `overrule` only free tables count; also returns the rules that were overruled.
    ///
    /// # Errors
    /// Why no tables are available.
    pub fn tables_for_or_overrule(
        &self,
        overrule: Option<&Overrule>,
        occupancy: &Occupancy,
        request: &SeatingRequest<'_>,
    ) -> Result<(&Seating, Vec<OverruledRule>), Unavailable> {
        if overrule.is_none() {
            return Ok((self.tables_for(occupancy, request)?, Vec::new()));
        }
        let (sittings, mut rules) = (self.hours.open_for(&request.window), Vec::new());
        let seating = self.tables_or_overrule(&sittings, occupancy, request, &mut rules)?;
        Ok((seating, rules))
    }

    /// The regular tables, or any free ones. Adds to `rules` what these break.
    fn tables_or_overrule(
        &self,
        sittings: &[Sitting],
        occupancy: &Occupancy,
        request: &SeatingRequest<'_>,
        rules: &mut Vec<OverruledRule>,
    ) -> Result<&Seating, Unavailable> {
        if let Ok(seating) = self.tables_in(sittings, occupancy, request) {
            return Ok(seating);
        }
        let is_free = |table: &TableId| occupancy.is_free(table, &request.window, request.replaces);
        let seating = self.any_seating(request, is_free, |seating| is_used(sittings, seating))?;
        let is_kept = seating.tables.len() > self.tables_to_give(occupancy, request);
        rules.extend(broken_by(seating, request));
        rules.extend(is_kept.then_some(OverruledRule::WalkInShare));
        Ok(seating)
    }

    /// Like [`Self::seat_now`]. With `overrule` any free table is given; also returns the event that rules were overruled.
    ///
    /// # Errors
    /// Why no tables are available.
    pub fn seat_now_or_overrule(
        &self,
        overrule: Option<&Overrule>,
        occupancy: &Occupancy,
        request: &SeatingRequest<'_>,
    ) -> Result<(&Seating, Option<Event>), Unavailable> {
        let now = request.window.start;
        let regular = self.seat_now(occupancy, request);
        let Some(overrule) = overrule.filter(|_| regular.is_err()) else { return Ok((regular?, None)) };
        let sittings = self.hours.open_at(now);
        if !self.is_open(&sittings, request.area) {
            return Err(Unavailable::Closed);
        }
        let is_free = |table: &TableId| occupancy.is_free_at_the_door(table, &request.window, now);
        let seating = self.any_seating(request, is_free, |seating| is_used(&sittings, seating))?;
        Ok((seating, overrule.event(broken_by(seating, request).collect())))
    }

    /// The best free seating with enough seats, whatever its smallest party. A party that is too large for every seating
    /// gets the largest one that is free.
    fn any_seating(
        &self,
        request: &SeatingRequest<'_>,
        mut is_free: impl FnMut(&TableId) -> bool,
        is_used: impl Fn(&Seating) -> bool,
    ) -> Result<&Seating, Unavailable> {
        let size = u32::from(request.size.get());
        let is_too_large = self.seatings.is_too_large(request.size, request.area);
        let mut free = self.seatings.all().filter(|seating| {
            (is_too_large || seating.seats >= size)
                && seating.is_in(request.area)
                && is_used(seating)
                && seating.tables.iter().all(|table| is_free(&table.id))
        });
        let found = match is_too_large {
            true => free.reduce(|best, next| if next.seats > best.seats { next } else { best }),
            false => free.next(),
        };
        found.ok_or(Unavailable::NoTable)
    }
}

/// The rules about the size of a party that `seating` breaks.
fn broken_by(seating: &Seating, request: &SeatingRequest<'_>) -> impl Iterator<Item = OverruledRule> {
    let size = u32::from(request.size.get());
    let too_small = (size < seating.min_party).then_some(OverruledRule::MinParty);
    let too_large = (size > seating.seats).then_some(OverruledRule::PartyTooLarge);
    too_small.into_iter().chain(too_large)
}

/// The rule behind a reason, if staff can overrule it.
fn rule_of(reason: Unavailable) -> Option<OverruledRule> {
    match reason {
        Unavailable::TooSoon => Some(OverruledRule::TooSoon),
        Unavailable::TooLate => Some(OverruledRule::TooLate),
        Unavailable::Pacing => Some(OverruledRule::Pacing),
        Unavailable::PartyTooLarge => Some(OverruledRule::PartyTooLarge),
        Unavailable::Closed | Unavailable::NoTable => None,
    }
}
