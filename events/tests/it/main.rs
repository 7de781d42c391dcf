//! What the published language and the log promise.

#![expect(unreachable_pub, reason = "helpers of a test binary are pub to its modules")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails should say where"
)]

mod catalogue;
mod contract;
mod disk;
mod support;
