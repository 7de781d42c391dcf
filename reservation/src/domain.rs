//! What a reservation is and what may happen to it.
//!
//! **Invariant:** synchronous, no I/O, no clock, no random ids: time and ids are arguments. What
//! is here can not fail but only refuse.

pub mod command;
pub mod day;
pub mod decide;
pub mod floor;
pub mod hours;
pub mod house;
pub mod occupancy;
pub mod refusal;
pub mod reservation;
pub mod seating;
pub mod venue;
pub mod waiting;

pub use command::Command;
pub use floor::Floor;
pub use house::{House, Unavailable};
pub use occupancy::Occupancy;
pub use refusal::Refusal;
pub use reservation::{Deposit, Reservation, Stamp, Status};
