//! Tests of the published language and of the log.

#![expect(unreachable_pub, reason = "helpers of a test binary are pub to its modules")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed test should show where it failed"
)]

mod catalogue;
mod contract;
mod database;
mod disk;
mod faults;
mod lease;
mod notes;
mod support;
mod witness;
