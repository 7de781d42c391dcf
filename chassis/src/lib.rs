//! Foundations that all services of Meja share. Nothing here knows what a table is.
//!
//! In reading order: [`environment`] is the only source of time, timers, ids and randomness; [`config`]
//! checks settings and [`secret`] holds credentials; [`problem`] and [`fault`] define how errors look over
//! HTTP, [`causes`] how they look in text; [`body`] and [`form`] read a request such that all its faults are found at once; [`request_trace`]
//! identifies requests across services; [`metrics`], [`telemetry`] and [`docs`] serve operators; [`serve`]
//! accepts connections and drains them.

pub mod body;
pub mod causes;
pub mod config;
pub mod docs;
pub mod environment;
pub mod exit;
pub mod fault;
pub mod form;
pub mod metrics;
pub mod problem;
pub mod request_trace;
pub mod secret;
pub mod serve;
pub mod telemetry;
pub mod traces;
