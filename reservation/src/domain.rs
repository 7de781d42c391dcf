//! The domain: what a reservation is, and the rules for what may happen to it.
//!
//! In reading order: [`availability`] says which tables a party can get, [`venue`] is a restaurant with its
//! rules, [`reservation`], [`waitlist`] and [`closure`] decide what a command does, [`contact_proof`] says whether a contact is
//! proved, and [`refusal`] lists the reasons to refuse a command.
//!
//! **Invariant:** synchronous, no I/O, no clock, no random ids: time and ids are arguments. Functions here
//! cannot fail; they can only refuse.

pub mod attendance;
pub mod availability;
pub mod closure;
pub mod contact_proof;
mod recorded_at;
pub mod refusal;
pub mod reservation;
pub mod venue;
pub mod waitlist;

pub use recorded_at::RecordedAt;
pub use refusal::Refusal;
pub use reservation::{Charge, Command, Reservation, Status};
