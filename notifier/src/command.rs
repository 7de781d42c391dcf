//! What an operator asks of a notifier at work.

pub mod reconcile;
