//! What the published language and the log promise.

#![expect(unreachable_pub, reason = "helpers of a test binary are pub to its modules")]

mod catalogue;
mod contract;
mod disk;
mod support;
