//! Table reservations: commands in, events kept, state rebuilt, feed out.
//!
//! In reading order: [`domain`] is what may happen, pure; [`record`] turns what happened into log
//! entries and [`stream`] reads them back; [`handle`] is the one way from a command to the log, in the order
//! that [`queues`] keep;
//! [`views`] are read models that follow it; [`deadlines`] speaks up when a time has come;
//! [`channels`] knows the notifier's payment channels; [`http`] is the door for requests, [`log`] the
//! one for operators; [`config`], [`venues`] and [`app`] put it together, and
//! [`reload`] gives the venues other rules while it runs.

pub mod app;
pub mod channels;
pub mod config;
pub mod deadlines;
pub mod domain;
pub mod handle;
pub mod http;
pub mod log;
pub mod offers;
pub mod private;
pub mod queues;
pub mod record;
pub mod reload;
pub mod stream;
pub mod venues;
pub mod views;
