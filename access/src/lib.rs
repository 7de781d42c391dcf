//! Who may do what: credentials, the check before a handler, and the check of the object.
//!
//! Authorisation has two halves. A route is registered together with what it needs ([`Operations::route`]): the
//! description of the API and the check before the handler come from that one place. The object that a request reads
//! or changes is compared with the credential after it was loaded ([`Caller::may`]), so that no handler authorises by
//! itself.
//!
//! In reading order: [`token`], [`link`], [`code`], [`password`] and [`totp`] are the texts of credentials, and [`role`]
//! says what people may do. [`registry`] knows what is recorded in the log, [`sign_in`] checks what people type, [`door`]
//! finds out who sent a request, [`ClientLimits`] counts it, [`caller`] is the result, and [`operations`] admits it.
//! [`first`] makes the first keys, and
//! [`secrets`] keeps them in files.

pub mod caller;
pub mod code;
pub mod cookies;
pub mod door;
pub mod first;
mod limits;
pub mod link;
pub mod mode;
pub mod operations;
pub mod password;
mod problems;
pub mod registry;
pub mod role;
pub mod secrets;
pub mod sign_in;
pub mod throttle;
pub mod token;
pub mod totp;
mod venues;

pub use self::caller::{Caller, Denied, GuestSide, Intent, Object, Person};
pub use self::door::{Door, GATEWAY_HEADER, KeyDoor, SnapshotDoor, Turned};
pub use self::limits::{ClientLimits, for_guests};
pub use self::link::{Link, LinkOf};
pub use self::mode::AccessMode;
pub use self::operations::{Access, Operations, admit, identified};
pub use self::registry::{Key, Registry};
pub use self::sign_in::SignIns;
pub use self::venues::Venues;
