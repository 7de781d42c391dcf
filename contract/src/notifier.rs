//! The interface of the notifier.

pub mod effects;
pub mod operations;
pub mod payments;
pub mod reconciliation;
pub mod requests;
pub mod words;
