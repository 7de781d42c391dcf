//! Who may do what: credentials, the check before a handler, and the check of the object.
//!
//! Authorisation has two halves. A route is registered together with what it needs ([`Operations::route`]): the
//! description of the API and the check before the handler come from that one place. The object that a request reads
//! or changes is compared with the credential after it was loaded ([`Caller::may`]), so that no handler authorises by
//! itself.
//!
//! In reading order: [`token`] and [`guest_link`] are the texts of credentials, [`registry`] knows those that are recorded
//! in the log, [`door`] finds out who sent a request, [`caller`] is the result, and [`operations`] admits it. [`first`] makes
//! the first keys, and [`secrets`] keeps them in files.

pub mod caller;
pub mod door;
pub mod first;
pub mod guest_link;
pub mod mode;
pub mod operations;
pub mod registry;
pub mod secrets;
pub mod token;

pub use self::caller::{Caller, Denied, GuestSide, Intent, Object, Venues};
pub use self::door::{Door, KeyDoor, SnapshotDoor, Turned};
pub use self::guest_link::{GuestLink, LinkOf};
pub use self::mode::AccessMode;
pub use self::operations::{Access, Operations, identified};
pub use self::registry::{Key, Registry};
