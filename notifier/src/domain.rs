//! What an effect is, and which effects an event has. Pure: no I/O, no clock, no randomness.

pub mod checkpoint;
pub mod effect;
pub mod payment_channels;
pub mod reaction;
pub mod retry_policy;
pub mod visit;
pub mod webhooks;
