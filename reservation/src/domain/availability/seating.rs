//! The ways to seat a party: single tables, and tables that can be combined.

use std::collections::{BTreeSet, HashMap};

use events::TableId;
use events::values::PartySize;

use super::table::Table;

/// Maximum number of tables that are combined for one party.
pub const TABLES_PER_PARTY_MAX: usize = 4;

/// Maximum number of seatings of a venue.
pub const SEATINGS_MAX: usize = 5_000;

/// A table, or several combined tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seating {
    /// The tables.
    pub tables: Vec<Table>,
    /// Their indexes among the tables of the venue.
    places: Vec<usize>,
    /// Number of guests they seat.
    pub seats: u32,
    /// Smallest party they are given to.
    pub min_party: u32,
}

/// Every seating of a venue, the best for a party first: single tables before combinations, fewer seats
/// before more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seatings {
    all: Vec<Seating>,
    tables: usize,
}

/// The tables can be combined in too many ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the tables can be combined in more than {SEATINGS_MAX} ways: let fewer of them be combinable")]
pub struct TooManySeatings;

impl Seating {
    fn of(places: Vec<usize>, all: &[Table]) -> Self {
        let tables: Vec<Table> = places.iter().map(|place| all[*place].clone()).collect();
        let seats = tables.iter().map(|table| u32::from(table.seats)).sum();
        let min_party = tables.iter().map(|table| u32::from(table.min_party)).sum();
        Self { tables, places, seats, min_party }
    }

    /// Whether a party of `size` may be seated there.
    #[must_use]
    pub fn fits(&self, size: PartySize) -> bool {
        (self.min_party..=self.seats).contains(&u32::from(size.get()))
    }

    /// Whether all tables are in `area`, if one is requested.
    #[must_use]
    pub fn is_in(&self, area: Option<&str>) -> bool {
        area.is_none_or(|area| self.tables.iter().all(|table| table.area == area))
    }

    fn rank(&self) -> (bool, u32, usize, Vec<&TableId>) {
        let ids = self.tables.iter().map(|table| &table.id).collect();
        (self.tables.len() > 1, self.seats, self.tables.len(), ids)
    }
}

impl Seatings {
    /// Every table, and every connected group of tables by the pairs in `combinable`.
    ///
    /// # Errors
    /// [`TooManySeatings`].
    pub fn of(tables: &[Table], combinable: &BTreeSet<(TableId, TableId)>) -> Result<Self, TooManySeatings> {
        let place: HashMap<&TableId, usize> =
            tables.iter().enumerate().map(|(place, table)| (&table.id, place)).collect();
        let mut beside: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); tables.len()];
        for (a, b) in combinable.iter().filter_map(|(a, b)| Some((*place.get(a)?, *place.get(b)?))) {
            beside[a].insert(b);
            beside[b].insert(a);
        }
        let mut groups: BTreeSet<Vec<usize>> = (0..tables.len()).map(|i| vec![i]).collect();
        let mut newest: Vec<Vec<usize>> = groups.iter().cloned().collect();
        // A group of n tables is a group of n − 1 tables and an adjacent one.
        for _ in 1..TABLES_PER_PARTY_MAX {
            let mut larger = Vec::new();
            for group in &newest {
                let near: BTreeSet<usize> = group.iter().flat_map(|i| &beside[*i]).copied().collect();
                for i in near.into_iter().filter(|i| !group.contains(i)) {
                    let mut group = group.clone();
                    group.push(i);
                    group.sort_unstable();
                    if groups.insert(group.clone()) {
                        larger.push(group);
                    }
                }
                if groups.len() > SEATINGS_MAX {
                    return Err(TooManySeatings);
                }
            }
            newest = larger;
        }
        let mut all: Vec<_> = groups.into_iter().map(|places| Seating::of(places, tables)).collect();
        all.sort_by(|a, b| a.rank().cmp(&b.rank()));
        Ok(Self { all, tables: tables.len() })
    }

    /// Number of seatings.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The best seating for a party of `size` in `area` whose tables are free and that can be given to it.
    pub fn best(
        &self,
        size: PartySize,
        area: Option<&str>,
        mut is_free: impl FnMut(&TableId) -> bool,
        can_be_given: impl Fn(&Seating) -> bool,
    ) -> Option<&Seating> {
        // Seatings share tables, so each table is checked only once.
        let mut known: Vec<Option<bool>> = vec![None; self.tables];
        let mut are_free = |seating: &Seating| {
            let mut places = seating.places.iter().zip(&seating.tables);
            places.all(|(place, table)| *known[*place].get_or_insert_with(|| is_free(&table.id)))
        };
        self.fitting(size, area).find(|seating| are_free(seating) && can_be_given(seating))
    }

    /// The seating of exactly these tables.
    #[must_use]
    pub fn of_tables(&self, tables: &[TableId]) -> Option<&Seating> {
        if tables.is_empty() {
            return None;
        }
        let just_these = |seating: &&Seating| {
            seating.tables.len() == tables.len()
                && seating.tables.iter().all(|table| tables.contains(&table.id))
        };
        self.all.iter().find(just_these)
    }

    /// Every seating, the best ones first.
    pub(super) fn all(&self) -> impl Iterator<Item = &Seating> {
        self.all.iter()
    }

    /// Whether a party of `size` exceeds every seating in `area`.
    #[must_use]
    pub fn is_too_large(&self, size: PartySize, area: Option<&str>) -> bool {
        !self.all.iter().any(|seating| seating.seats >= u32::from(size.get()) && seating.is_in(area))
    }

    /// The largest party that the tables seat; `None` if there are none.
    #[must_use]
    pub fn party_size_max(&self) -> Option<PartySize> {
        let seats = self.all.iter().map(|seating| seating.seats).max()?;
        PartySize::try_from(i64::from(seats.min(u32::from(PartySize::MAX)))).ok()
    }

    /// Whether a party of `size` could be seated in `area` if the venue were empty.
    #[must_use]
    pub fn has_room(&self, size: PartySize, area: Option<&str>) -> bool {
        self.fitting(size, area).next().is_some()
    }

    fn fitting(&self, size: PartySize, area: Option<&str>) -> impl Iterator<Item = &Seating> {
        self.all.iter().filter(move |seating| seating.fits(size) && seating.is_in(area))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(id: &str, seats: u8) -> Table {
        Table { id: id.parse().unwrap(), area: "Sala".into(), seats, min_party: 1, place: None }
    }

    fn pairs(pairs: &[(&str, &str)]) -> BTreeSet<(TableId, TableId)> {
        pairs.iter().map(|(a, b)| (a.parse().unwrap(), b.parse().unwrap())).collect()
    }

    fn best(seatings: &Seatings, size: i64, taken: &[&str]) -> Option<Vec<String>> {
        let size = PartySize::try_from(size).unwrap();
        let seating = seatings.best(size, None, |id| !taken.contains(&id.as_str()), |_| true)?;
        Some(seating.tables.iter().map(|table| table.id.to_string()).collect())
    }

    #[test]
    fn the_smallest_table_is_first_and_combinations_are_used_only_if_no_single_table_fits() {
        let tables = [table("six", 6), table("two", 2), table("four", 4), table("other", 4)];
        let seatings = Seatings::of(&tables, &pairs(&[("four", "other"), ("two", "four")])).unwrap();
        assert_eq!(best(&seatings, 2, &[]).unwrap(), ["two"]);
        assert_eq!(best(&seatings, 2, &["two", "four", "other"]).unwrap(), ["six"]);
        assert_eq!(best(&seatings, 5, &[]).unwrap(), ["six"]);
        assert_eq!(best(&seatings, 5, &["six"]).unwrap(), ["two", "four"]);
        assert_eq!(best(&seatings, 8, &[]).unwrap(), ["four", "other"]);
        assert_eq!(best(&seatings, 10, &[]).unwrap(), ["two", "four", "other"]);
        assert_eq!(best(&seatings, 11, &[]), None);
        assert!(!seatings.has_room(PartySize::try_from(11).unwrap(), None));
    }

    #[test]
    fn too_many_combinations_are_refused() {
        let tables: Vec<_> = (0..30).map(|n| table(&format!("t{n}"), 2)).collect();
        let all = tables.iter().flat_map(|a| tables.iter().map(|b| (a.id.clone(), b.id.clone()))).collect();
        assert_eq!(Seatings::of(&tables, &all), Err(TooManySeatings));
    }
}
