//! The command line: settings, and the commands for operators.

pub mod config;
pub mod log;
pub mod venues;
