//! Availability: when a venue is open, what it has sold, and which tables a party can get.

mod closures;
mod context;
mod exceptions;
mod hours;
mod local_time;
mod occupancy;
mod opening;
mod overrule;
mod rules;
mod seating;
mod service;
mod slots;
mod table;
mod unavailable;
mod unproven;

pub use self::closures::{ClosedPart, Closures};
pub use self::context::SeatingContext;
pub use self::exceptions::{Dates, Exceptions, SpecialDay};
pub use self::hours::{Hours, Overlap, Sitting};
pub use self::local_time::{LocalTimeError, calendar_day, instant, resolve};
pub use self::occupancy::{Arrival, EARLY_HOURS_MAX, Holder, OVERDUE_HOURS_MAX, Occupancy, TakenTable};
pub use self::overrule::Overrule;
pub use self::rules::{BookingRules, Pacing, SeatingRequest, TurnTime};
pub use self::seating::{SEATINGS_MAX, Seating, Seatings, TABLES_PER_PARTY_MAX, TooManySeatings};
pub use self::service::Service;
pub use self::slots::{DayRequest, Slot};
pub use self::table::{Place, Table, TableShape, areas_of};
pub use self::unavailable::Unavailable;
