//! Foundations that all services of Meja share. This crate contains nothing specific to restaurants.
//!
//! In reading order:
//! - [`environment`] is the only source of time, timers, tasks, ids and randomness.
//! - [`config`] checks settings, [`files`] keeps other users from files, and [`secret`] holds credentials.
//! - [`problem`] writes error responses; [`causes`] formats an error with its causes as text.
//! - [`body`] reads the body of a request into a form.
//! - [`request_trace`] identifies requests across services; [`traces`] exports OpenTelemetry traces.
//! - [`metrics`], [`telemetry`] and [`docs`] serve operators.
//! - [`network`] says how a service is reached: names, proxies, certificates and limits.
//! - [`serve`] accepts connections and drains them at shutdown; [`exit`] defines how a binary exits.

pub mod api;
pub mod body;
pub mod causes;
pub mod config;
pub mod docs;
pub mod environment;
pub mod exit;
pub mod files;
pub mod metrics;
pub mod network;
pub mod problem;
pub mod request_trace;
pub mod secret;
pub mod serve;
pub mod tables;
pub mod telemetry;
pub mod traces;
