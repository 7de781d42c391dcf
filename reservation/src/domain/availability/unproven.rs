//! The share of the seats that bookings with an unproved contact may hold.

use events::TableId;

use super::occupancy::Occupancy;
use super::rules::{BookingRules, SeatingRequest};
use super::table::Table;

impl BookingRules {
    /// Whether a booking with an unproved contact may take tables with `seats_taken` seats for `request`. Together with others of
    /// that kind it holds at no time more than [`Self::unproven_share_percent`] of the seats of the services at that time. While
    /// there are no others, one booking may be larger than that, unless the share is zero.
    #[must_use]
    pub fn may_stay_unproven(
        &self,
        occupancy: &Occupancy,
        seats_taken: u32,
        request: &SeatingRequest<'_>,
    ) -> bool {
        let seats = |table: &Table| u32::from(table.seats);
        let all = self.tables.iter().map(|table| -> (&TableId, u32) { (&table.id, seats(table)) });
        let held = occupancy.most_unproven_seats(all, &request.window, request.replaces);
        if held == 0 {
            return self.unproven_share_percent > 0;
        }
        let sittings = self.hours.sittings(&request.window);
        let used = self.tables.iter().filter(|table| sittings.iter().any(|sitting| sitting.uses(table)));
        let share = used.map(seats).sum::<u32>() * u32::from(self.unproven_share_percent) / 100;
        held + seats_taken <= share
    }
}
