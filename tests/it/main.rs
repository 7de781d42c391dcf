//! Tests of both services together: real binaries, real logs; and the rules for the sources.
#![expect(unreachable_pub, reason = "helpers of a test binary are pub to its modules")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed test should show where it failed"
)]

mod access_start;
mod acting;
mod asking;
mod attack;
mod bank;
mod browser;
mod canaries;
mod client;
mod clients;
mod closing;
mod contract;
mod crash;
mod database_tls;
mod day;
mod durable;
mod earlier_logs;
mod encrypted;
mod evening;
mod fuzz;
mod gateway;
mod hooks;
mod importing;
mod instances;
mod localstripe;
mod log;
mod mail;
mod mail_server;
mod open_network;
mod operated_log;
mod pair;
mod ports;
mod proofs;
mod protocol;
mod receipts;
mod refunds;
mod representations;
mod rolling;
mod services;
mod staff;
mod standby;
mod start;
mod tidy;
mod torture;
mod traces;
mod venues;
mod verification;
mod witnesses;
