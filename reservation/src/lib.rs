//! Table reservations: commands become events in an append-only log, and state is rebuilt from them.
//!
//! The floors, from the inside out; each may use those before it, and nothing after it:
//!
//! 1. [`domain`]: the rules, as pure functions.
//! 2. [`app`]: commands, queries, read models, and the one way from a command to the log.
//! 3. [`workers`]: the tasks that run in the background.
//! 4. [`api`]: the HTTP interface.
//! 5. [`cli`]: settings, and the commands for operators.

pub mod api;
pub mod app;
pub mod cli;
pub mod domain;
pub mod metrics;
pub mod workers;
