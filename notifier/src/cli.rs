//! The command line: settings, and the commands for operators.

pub mod config;
pub mod preview;
pub mod reconcile;
pub mod serve;
mod standby;
mod store;
