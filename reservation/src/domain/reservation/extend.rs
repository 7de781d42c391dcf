//! The end of a visit that has begun, and the parties that lose a table by it.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use events::TableId;
use events::event::{Event, OverruledRule, TableReleased, VisitEndChanged};
use events::values::{ReleaseCause, TimeWindow};

use super::{Reservation, Status, TableAssignment};
use crate::domain::availability::{Holder, Overrule, SeatingContext, TakenTable};
use crate::domain::refusal::{Refusal, VISIT_HOURS_MAX};

/// A changed end of a visit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extension {
    /// The events of the visit up to the release of its tables.
    pub given: Vec<Event>,
    /// The parties that lose tables in the same append, before the visit gets them for longer.
    pub displaced: BTreeMap<Holder, Vec<TableId>>,
    /// The assignments of the visit.
    pub taken: Vec<Event>,
}

impl Reservation {
    /// Changes the end of the visit of a party that is checked in. If the next party is due at one of its tables by then,
    /// staff can overrule its claim: it loses the table.
    ///
    /// # Errors
    /// The rule that refuses it.
    pub fn decide_end(
        &self,
        end: DateTime<Utc>,
        overrule: Option<&Overrule>,
        context: &SeatingContext<'_>,
        now: DateTime<Utc>,
    ) -> Result<Extension, Refusal> {
        if self.status != Status::CheckedIn {
            return Err(self.status.refusal(Refusal::NotCheckedIn));
        }
        let from = self.window();
        let to = TimeWindow { end, ..from };
        if from == to {
            return Ok(Extension::default());
        }
        if end <= from.start.max(now) {
            return Err(Refusal::EndTooEarly);
        }
        if end > from.start + TimeDelta::hours(VISIT_HOURS_MAX) {
            return Err(Refusal::VisitTooLong);
        }
        let mut displaced = BTreeMap::<_, Vec<_>>::new();
        for table in &self.tables {
            let needed = TimeWindow { end, ..table.window };
            let others = context.occupancy.at(&table.table_id, &needed);
            for other in others.filter(|taken| taken.by != self.holder()) {
                if context.occupancy.is_seated(other.by) {
                    return Err(Refusal::TableTaken(table.table_id.clone()));
                }
                if overrule.is_none() {
                    return Err(self.next_party(&table.table_id, other, context));
                }
                displaced.entry(other.by).or_default().push(table.table_id.clone());
            }
        }
        let rules = if displaced.is_empty() { vec![] } else { vec![OverruledRule::NextParty] };
        let overruled = overrule.and_then(|overrule| overrule.event(rules));
        let changed = Event::from(VisitEndChanged { from, to });
        let given = overruled.into_iter().chain([changed]).chain(self.release(ReleaseCause::Moved)).collect();
        let longer = |table: &TableAssignment| table.assigned(TimeWindow { end, ..table.window }).into();
        let taken = self.tables.iter().map(longer).collect();
        Ok(Extension { given, displaced, taken })
    }

    fn next_party(&self, table: &TableId, next: TakenTable, context: &SeatingContext<'_>) -> Refusal {
        let start = next.window.start.with_timezone(&self.zone(context.rules)).fixed_offset();
        Refusal::NextParty { table: table.clone(), by: next.by, start }
    }

    /// The events by which the party loses `tables` to the one before it.
    #[must_use]
    pub fn lose_tables(&self, tables: &[TableId]) -> Vec<Event> {
        let lost = self.tables.iter().filter(|assigned| tables.contains(&assigned.table_id));
        let released = lost.map(|lost| TableReleased {
            assignment_id: lost.id,
            table_id: lost.table_id.clone(),
            window: lost.window,
            cause: ReleaseCause::Overruled,
        });
        released.map(Event::from).collect()
    }
}
