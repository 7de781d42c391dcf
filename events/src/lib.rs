//! The published language of Meja and the log that keeps it.
//!
//! In reading order: [`ids`] and [`values`] are the nouns, [`event`] is what can happen,
//! [`recorded`] is how a fact looks once it stands in a log (a CloudEvents 1.0 JSON object),
//! [`feed`] is how facts travel between services. [`query`] names a part of the log;
//! [`store`], behind the feature of the same name, is the log itself.
//!
//! **Invariant:** this crate knows no service and, without the feature `store`, no storage.

pub mod event;
pub mod feed;
pub mod ids;
mod policy;
pub mod query;
pub mod recorded;
#[cfg(feature = "store")]
pub mod store;
pub mod values;
pub mod waitlist;

pub use event::Event;
pub use ids::{
    AssignmentId, CustomerId, EventId, LogId, PaymentId, Position, ReservationId, TableId, VenueId,
    WaitlistId,
};
pub use query::{Query, QueryItem, Tag};
pub use recorded::{Cause, NewEvent, Recorded};
