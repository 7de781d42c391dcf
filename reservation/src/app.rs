//! The application: commands, queries and the state they share.
//!
//! In reading order: [`request_context`] is what a command knows about its request; [`executor`] is the one
//! way from a command to the log; [`commands`] say what each command reads and decides; [`queries`] read;
//! [`projections`] are the read models; [`repository`] loads single subjects from the log; `event_builder`
//! turns decided events into events to append; [`venues`] holds the rules of the venues.

pub mod access_refusal;
pub mod accounts;
pub mod admission;
pub mod affected;
pub mod commands;
pub mod confidential;
pub mod contact;
pub mod contact_proof;
pub mod correction;
pub mod erasing;
mod evening_locks;
mod event_builder;
pub mod executor;
mod guest_locks;
pub mod import;
pub mod indexing;
pub mod log_tree;
pub mod objects;
pub mod outcome;
pub mod past;
pub mod projections;
pub mod queries;
pub mod readings;
pub mod refusals;
pub mod repository;
pub mod request_context;
pub mod rule_changes;
pub mod search;
pub mod stands;
mod state;
pub mod uptime;
pub mod venues;
pub mod waitlist_progress;
pub mod words;

pub use self::state::{App, AppState, Parts, PaymentChannels};
