//! The reservation service: business rules as given / when / then, and the router in-process.
#![expect(unreachable_pub, reason = "helpers of a test binary are pub to its modules")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed test should show where it failed"
)]

mod access;
mod app;
mod as_it_was;
mod asking;
mod booking;
mod browser;
mod changes;
mod charges;
mod closed_days;
mod closure_requests;
mod closures;
mod codes;
mod compatibility;
mod contract;
mod corrections;
mod duplicates;
mod erasing;
mod exports;
mod feed;
mod finding;
mod flood;
mod following;
mod grpc;
mod guest_links;
mod holds;
mod houses;
mod keys;
mod limits;
mod longer_visits;
mod looking;
mod machine;
mod money;
mod offers_by_hand;
mod privacy;
mod proofs;
mod reading;
mod receipts;
mod refusals;
mod renewed_deposits;
mod reported_later;
mod room;
mod rules;
mod search;
mod shares;
mod sign_in;
mod silent_stand;
mod staff;
mod stand;
mod tables;
mod torture;
mod undo;
mod venue_rules;
mod venues;
mod visits;
mod waitlist;
mod wrong_taps;
