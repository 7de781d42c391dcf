//! The language of Meja's HTTP interfaces. It is independent of HTTP servers and clients, so that services,
//! their clients and other interfaces share it.
//!
//! - [`fault`] and [`problem`] are the bodies of error responses.
//! - [`json`] parses a body, and [`form`] reads the JSON of a request and reports all its faults at once.
//! - [`request`] declares requests: type, reader and description in one. [`values`] and [`words`] are their members.
//! - [`reservation`] and [`notifier`] are the interfaces of the two services, and [`log`] that of the log of each.
//! - `conformance`, with the feature of that name, checks responses against the description of an API.

#[cfg(feature = "conformance")]
pub mod conformance;
pub mod fault;
pub mod form;
pub mod json;
pub mod log;
pub mod notifier;
pub mod problem;
pub mod request;
pub mod reservation;
pub mod values;
pub mod words;
