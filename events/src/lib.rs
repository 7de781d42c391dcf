//! The published language of Meja and the append-only log that stores it.
//!
//! In reading order: [`ids`] and [`values`] are the nouns, [`event`] lists what can happen,
//! [`recorded`] defines the stored form of an event (one CloudEvents 1.0 JSON object) and
//! [`feed`] defines how services exchange events. [`query`] selects a part of the log;
//! [`store`], behind the feature of the same name, is the log itself.
//!
//! **Invariant:** this crate depends on no service and, without the feature `store`, on no storage.

mod about;
pub mod access;
mod access_events;
pub mod asking;
pub mod bookings;
pub mod closures;
mod confidential;
pub mod contact_proof;
pub mod corrections;
pub mod demand;
pub mod event;
pub mod feed;
pub mod ids;
pub mod imports;
pub mod notification;
#[cfg(feature = "openapi")]
mod openapi;
pub mod payment;
pub mod query;
pub mod recorded;
pub mod staff;
#[cfg(feature = "store")]
pub mod store;
pub mod values;
mod venue_events;
pub mod venue_rules;
pub mod waitlist;

pub use event::Event;
pub use ids::{
    AssignmentId, ClosureId, CustomerId, DeviceId, EventId, KeyId, LogId, PaymentId, Position, ReservationId,
    SessionId, StaffId, TableId, VenueId, WaitlistId,
};
pub use query::{Query, QueryItem, Tag};
pub use recorded::{EventMetadata, NewEvent, Recorded};
