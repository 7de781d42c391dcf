//! The command line: settings, and the commands for operators.

pub mod access;
pub mod config;
mod faults;
pub mod first_keys;
pub mod import;
pub mod log;
pub mod offline;
pub mod receipt;
pub mod recovery;
pub mod signing_key;
pub mod signing_keys;
mod store;
pub mod venues;
pub mod witnesses;
