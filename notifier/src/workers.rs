//! The tasks that run in the background for as long as the service does.

pub mod access_snapshot;
pub mod checkpoint_mail;
pub mod effect_worker;
pub mod feed_consumer;
pub mod lease;
pub mod payment_poller;
pub mod simulated_guest;
