//! The notifier: the effects of events, the state of the effect log, the router in-process.
#![expect(unreachable_pub, reason = "helpers of a test binary are pub to its modules")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed test should show where it failed"
)]

mod access;
mod gateways;
mod journal;
mod reactions;
mod reconcile;
mod replay;
mod router;
mod stripe;
mod support;
mod takeover;
mod work;
