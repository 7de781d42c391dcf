//! What an operator asks of a notifier at work.

pub mod preview;
pub mod reconcile;
