//! The effects of reservations outside Meja: deposits, messages, webhooks, and the results reported back.
//!
//! The floors, from the inside out; each may use those before it, and nothing after it:
//!
//! 1. [`domain`]: what an effect is, and which effects an event has, as pure functions.
//! 2. [`messages`]: the texts for guests.
//! 3. [`ports`]: what the notifier needs from providers of payments, mail and text messages.
//! 4. [`effects`]: the log of effects, and the state that it adds up to.
//! 5. [`adapters`]: the providers, and the client of the reservation service.
//! 6. [`executors`]: carrying out one effect.
//! 7. [`reconciliation`]: comparing the provider's records with both logs.
//! 8. [`workers`]: the tasks that run in the background.
//! 9. [`app`]: the application put together.
//! 10. [`api`]: the HTTP interface.
//! 11. [`cli`]: settings, and the commands for operators.
//!
//! [`failpoint`] is for tests only.

pub mod adapters;
pub mod api;
pub mod app;
pub mod cli;
pub mod domain;
pub mod effects;
pub mod executors;
pub mod failpoint;
pub mod messages;
pub mod metrics;
pub mod ports;
pub mod reconciliation;
pub mod workers;
